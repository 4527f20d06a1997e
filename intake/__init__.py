"""The rider's door: receives, stores, answers."""
