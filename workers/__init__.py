"""The machine room: the only code that RQ runs."""
