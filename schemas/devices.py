"""Which device took a photo, by what its EXIF says: only ever compared, never shown.

A phone's model tells riders apart across cases, so that no page names it.
"""

from collections.abc import Mapping
from typing import Any


def device_of(facts: Mapping[str, Any]) -> str | None:
    """Return what tells a photo's device from another, from the facts of its examination."""
    if not facts.get("model"):
        # A maker alone is the same for half of all riders.
        return None
    return f"{facts.get('make') or ''} {facts['model']}".strip().casefold()
