"""The views of the rider's door: validate, call, present."""
