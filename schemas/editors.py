"""Which programs change pictures, by what they write of themselves into a photo."""

import re

# What editing programs write into the EXIF tag Software; cameras write their firmware.
EDITORS = re.compile(
    r"adobe|photoshop|lightroom|snapseed|picsart|vsco|meitu|美图|醒图|xingtu|b612|facetune|faceu"
    r"|轻颜|beautyplus|canva|pixelmator|affinity|gimp|paint\.net|darktable|rawtherapee|polarr"
    r"|imagemagick|acdsee|capture one|photodirector|remini",
    re.IGNORECASE,
)
