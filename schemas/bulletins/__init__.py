"""The weekly bulletin (周报): counted from facts, frozen when published, revised by number."""
