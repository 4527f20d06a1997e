"""Parts and altered copies among all photos ever received, by a few large regions of each.

A region is a blob that stands out at its scale, with its surroundings: a tenth to a half of
the picture's edge, described by 128 bits. A part that was cut out, tilted, covered or
photographed from a screen keeps some of them. So large a region is hardly ever met in a
stranger: what shares one very nearly, or two in the same arrangement, is compared closely
(`workers.closely`), and what that finds is suggested, never linked.
"""
