"""Finds a font that has Chinese characters: the one that comes as a package, or the system's."""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConfigurationError
from schemas.words import Words

PACKAGE = "pylopdf_fonts_zh_cn"
SYSTEM_DIRECTORIES = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
)
# The beginning of a font file's name, and the family that a typesetter knows it by.
FAMILIES = {
    "NotoSansSC": "Noto Sans SC",
    "NotoSansCJK": "Noto Sans CJK SC",
    "SourceHanSansSC": "Source Han Sans SC",
    "SourceHanSansCN": "Source Han Sans CN",
    "wqy-zenhei": "WenQuanYi Zen Hei",
    "wqy-microhei": "WenQuanYi Micro Hei",
    "PingFang": "PingFang SC",
}


@dataclass(frozen=True, slots=True)
class Font:
    """A font family and the directory that its files lie in."""

    family: str
    directory: Path


def find_chinese_font(directories: Iterable[Path] | None = None) -> Font:
    """Return the first font with Chinese characters, from the given directories or the usual ones.

    Raises ConfigurationError `font-missing`.
    """
    for directory in _usual() if directories is None else directories:
        for path in sorted(directory.rglob("*.[ot]t[fc]")):
            for beginning, family in FAMILIES.items():
                if path.name.startswith(beginning):
                    return Font(family, path.parent)
    raise ConfigurationError(
        "font-missing",
        Words(
            "没有找到中文字体，做不了 PDF：请安装 fonts-noto-cjk，或重新安装本产品的依赖包。",
            "No font with Chinese characters was found, so no PDF can be made: install "
            "fonts-noto-cjk, or this product's packages anew.",
        ),
    )


def _usual() -> Iterable[Path]:
    found = importlib.util.find_spec(PACKAGE)
    if found and found.origin:
        yield Path(found.origin).parent
    yield from SYSTEM_DIRECTORIES
