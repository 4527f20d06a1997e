"""Delivery platforms by name: what riders typed, brought to a few rows.

What nobody knows goes under «other»: a free text has no place in a published table.
"""

import unicodedata
from collections.abc import Mapping

from schemas.words import Words

OTHER, NONE = "other", "none"
_ALIASES: dict[str, tuple[str, ...]] = {
    "meituan": ("美团", "meituan"),
    "eleme": ("饿了么", "eleme", "淘宝闪购"),
    "jd": ("京东", "jd"),
    "douyin": ("抖音", "douyin"),
    "didi": ("滴滴", "didi"),
    "dada": ("达达", "dada"),
    "shunfeng": ("顺丰", "sfexpress"),
    "shansong": ("闪送", "flashex", "ishansong"),
    "uu": ("uu跑腿", "uupt"),
}
# The row that those three shared in bulletins of the first method.
_SHARED = "sf"
_COURIERS = ("shunfeng", "shansong", "uu")
_FIRST = {code: names for code, names in _ALIASES.items() if code not in _COURIERS} | {
    _SHARED: ("顺丰", "闪送", "uu跑腿")
}
PLATFORM_NAMES: dict[str, Words] = {
    "meituan": Words("美团", "Meituan"),
    "eleme": Words("饿了么（淘宝闪购）", "Ele.me"),
    "jd": Words("京东", "JD"),
    "douyin": Words("抖音", "Douyin"),
    "didi": Words("滴滴", "DiDi"),
    "dada": Words("达达", "Dada"),
    "shunfeng": Words("顺丰同城", "SF Intra-city"),
    "shansong": Words("闪送", "FlashEx"),
    "uu": Words("UU 跑腿", "UU Paotui"),
    _SHARED: Words("顺丰、闪送、UU 跑腿", "SF, FlashEx, UU"),
    OTHER: Words("其他平台", "Other platforms"),
    NONE: Words("未填写", "Not given"),
}


def platform_of(text: str) -> str:
    """Return the row of a platform as a rider wrote it."""
    return _row(text, _ALIASES)


def courier_shared(text: str) -> str:
    """Return the row by the first method, in which three couriers shared one."""
    return _row(text, _FIRST)


def _row(text: str, aliases: Mapping[str, tuple[str, ...]]) -> str:
    folded = "".join(
        letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum()
    )
    if not folded:
        return NONE
    for code, names in aliases.items():
        if any(name in folded for name in names):
            return code
    return OTHER
