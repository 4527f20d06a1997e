"""Campaigns as the office has them: made, offered, looked at as sums, closed; never who went."""
