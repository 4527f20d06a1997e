"""What is known of a case and how its page shows it."""
