"""The weekly bulletin in the inspectors' room: who sees which, and who signs it."""
