"""What is sealed and how it leaves the room: reporters, originals, packages, the audit log."""
