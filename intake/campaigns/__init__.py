"""Campaigns as the rider has them: offered, accepted, tasks taken and done, points for them."""
