"""The demo: generated tips sent through the doors, and staff who work them."""
