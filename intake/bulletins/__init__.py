"""A bulletin as people get it: how figures are written, its map, and its files.

Below both rooms, since pages show it in one and the clock sends it from the other.
"""
