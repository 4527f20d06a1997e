"""Where a point lies: the polygons of counties and streets, the package's and an operator's."""
