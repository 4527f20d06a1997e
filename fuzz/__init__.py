"""Attacks the product's doors for hostile bytes; `make fuzz`. No part of what is delivered."""
