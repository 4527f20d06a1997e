"""Shops by name: what people write differently about one shop is left out."""

import unicodedata
from collections.abc import Mapping
from typing import Any


def plain_name(name: str) -> str:
    """Return a shop's name without what people write differently: width, case, marks, spaces."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def shop_key(*, record: Mapping[str, Any], name: str, county_code: str) -> str:
    """Return by what a verified shop is known again; empty where nothing tells.

    Its unified social credit code where the inspectors found one, else its plain name
    within the county.
    """
    code = str(record.get("shop_credit_code") or "")
    plain = plain_name(name)
    if code:
        return f"uscc:{code}"
    return f"name:{county_code[:6]}:{plain}"[:120] if plain else ""
