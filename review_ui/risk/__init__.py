"""The map of risk: hot squares, shops verified again and again, hours; and hints for visits."""
