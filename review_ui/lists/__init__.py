"""Many cases at once: the queue, its filters, the map, counts, saved views, files."""
