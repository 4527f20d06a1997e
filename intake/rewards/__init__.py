"""Points: the ledger, who earns, what officers decide, and what riders read of it."""
