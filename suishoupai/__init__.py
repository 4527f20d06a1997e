"""Top floor: the command line, the supervisor that `up` runs, and the demo data."""
