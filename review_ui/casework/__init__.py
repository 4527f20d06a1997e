"""What is done with a case: the one writer of its state and everything around it."""
