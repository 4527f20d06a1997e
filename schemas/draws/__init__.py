"""Fair random draws that everyone can do again: lists, seeds, results, and their proof."""
