"""Sentences that exist in both languages of the product."""

from typing import Literal, NamedTuple

Locale = Literal["zh", "en"]


class Words(NamedTuple):
    """One sentence or label, in simplified Chinese first and in English."""

    zh: str
    en: str

    def say(self, locale: str) -> str:
        """Return the sentence in `locale`; anything that is not English is Chinese."""
        return self.en if locale.startswith("en") else self.zh
