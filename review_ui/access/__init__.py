"""Who comes in and what they may see: sign-in, sessions, roles, tokens."""
