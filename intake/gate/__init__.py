"""What may come in as a photo: told by its bytes and its structure, never by decoding it."""
