"""What the door needs besides its servers: room on the disk."""

import shutil
from pathlib import Path

from schemas.errors import Unavailable
from schemas.words import Words

# Eight tips at their largest at the same moment, twice: as they come in and as they are kept.
NEEDED_BYTES = 1024**3


def check_disk(directory: Path) -> None:
    """Raise Unavailable while the disk under DATA_DIR has no room for further tips."""
    if shutil.disk_usage(directory).free < NEEDED_BYTES:
        raise Unavailable(
            "disk-full",
            Words("数据目录所在的磁盘快满了。", "The disk under DATA_DIR is nearly full."),
        )
