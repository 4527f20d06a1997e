"""Delivery platforms by name: what riders typed, brought to a few rows.

What nobody knows goes under «other»: a free text has no place in a published table.
"""

import unicodedata

from schemas.words import Words

OTHER, NONE = "other", "none"
_ALIASES: dict[str, tuple[str, ...]] = {
    "meituan": ("美团", "meituan"),
    "eleme": ("饿了么", "eleme", "淘宝闪购"),
    "jd": ("京东", "jd"),
    "douyin": ("抖音", "douyin"),
    "didi": ("滴滴", "didi"),
    "dada": ("达达", "dada"),
    "sf": ("顺丰", "闪送", "uu跑腿"),
}
PLATFORM_NAMES: dict[str, Words] = {
    "meituan": Words("美团", "Meituan"),
    "eleme": Words("饿了么（淘宝闪购）", "Ele.me"),
    "jd": Words("京东", "JD"),
    "douyin": Words("抖音", "Douyin"),
    "didi": Words("滴滴", "DiDi"),
    "dada": Words("达达", "Dada"),
    "sf": Words("顺丰、闪送、UU 跑腿", "SF, FlashEx, UU"),
    OTHER: Words("其他平台", "Other platforms"),
    NONE: Words("未填写", "Not given"),
}


def platform_of(text: str) -> str:
    """Return the row of a platform as a rider wrote it."""
    folded = "".join(
        letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum()
    )
    if not folded:
        return NONE
    for code, names in _ALIASES.items():
        if any(name in folded for name in names):
            return code
    return OTHER
