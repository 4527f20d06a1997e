"""The reward officers' room: awards to decide on, the ledger by pseudonym, never a name."""
