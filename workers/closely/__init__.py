"""Two pictures compared closely: by their corners, how one lies on the other, how alike that is.

PDQ (`workers.seen`) says whether whole pictures are the same. Here is what it can't see: a
part of a picture, a picture in a screenshot or collage, one that was covered, tilted or
photographed from a screen, and another shot of the same scene. What is found is suggested
to a person and never links by itself.
"""
