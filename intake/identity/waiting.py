"""«Too often» in words that say from when on it may be tried again, by the local clock."""

import math
from datetime import datetime, timedelta

from schemas.errors import TooMany
from schemas.numbers import LOCAL_ZONE
from schemas.words import Words


def too_often(code: str, words: Words, *, now: datetime, until: datetime) -> TooMany:
    """Return a refusal whose words have their `{until}` filled in, with `retry_after_s`."""
    said = clock_words(now=now, until=until)
    return TooMany(
        code,
        Words(words.zh.replace("{until}", said.zh), words.en.replace("{until}", said.en)),
        retry_after_s=max(1, math.ceil((until - now).total_seconds())),
    )


def clock_words(*, now: datetime, until: datetime) -> Words:
    """Return a moment within a day as people say it: «15:42», «tomorrow 09:05».

    It is the full minute after `until`, so that whoever comes then is not sent away again.
    """
    whole = until.astimezone(LOCAL_ZONE) + timedelta(seconds=59, microseconds=999_999)
    clock = whole.strftime("%H:%M")
    if whole.date() > now.astimezone(LOCAL_ZONE).date():
        return Words(f"明天 {clock}", f"{clock} tomorrow")
    return Words(clock, clock)
