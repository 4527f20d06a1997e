"""How facts are said on a page: days, distances, sums, clocks and codes, in the person's language.

Moments of reporters are shown by the hour only: the exact moment of a tip could tell
the shop who was there.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from flask import Flask
from jinja2 import pass_context
from jinja2.runtime import Context

from intake.doorway import request_locale
from review_ui.casefile.forms import MONEY_LABELS
from review_ui.casework.clocks import Clock
from review_ui.room import today
from schemas.divisions import NATION_CODE, divisions, full_name
from schemas.flags import FLAGS, SOURCE_NAMES, Flag, Level, say_reason
from schemas.lifecycle import STATE_NAMES, State
from schemas.records import FIELDS, REINSPECTION_RESULTS
from schemas.taxonomy import DEPARTMENT_NAMES, Department, category
from schemas.words import Words
from schemas.workdays import SHANGHAI

FLAG_ICONS = {
    "digest-mismatch": "shield-x",
    "claims-disagree-place": "map-pin-exclamation",
    "near-duplicate-elsewhere": "copy",
    "altered-copy": "copy",
    "picture-seen-before": "history",
    "rematched": "history",
    "link-doubted": "unlink",
    "place-outside-china": "world",
    "edited-software": "photo-edit",
    "screen-photo": "photo-edit",
    "screen-frame": "device-desktop",
    "device-differs": "device-mobile-question",
    "clock-ahead": "clock-exclamation",
    "clock-late": "clock-hour-4",
    "clock-wrong": "clock-x",
    "exif-odd": "photo-question",
    "coarse-accuracy": "radar-2",
    "no-place": "map-pin-off",
    "photo-unreadable": "photo-off",
    "photo-withheld": "eye-off",
    "pipeline-failed": "robot",
    "reporter-unusual": "user-question",
    "similar-nearby": "target",
    "withdrawn": "arrow-back-up",
    "supplemented": "message-plus",
    "no-exif": "camera-off",
}
# What a record holds for programs only: the page says it elsewhere, in words.
_NOT_SHOWN = frozenset({"unit_id", "boundary_version", "route_reasons"})
UNDECIDED = Words("辖区待定", "Territory undecided")
NATION = Words("全国", "the whole country")
_PSEUDONYM_WORDS = {"骑手": "Rider", "匿名": "Anonymous"}


def add_filters(app: Flask) -> None:
    """Give the templates every function of this page."""
    filters: dict[str, Callable[[Any], object]] = {
        "action": action_name,
        "age": age,
        "bytes": size_words,
        "category": category_name,
        "clock": clock_words,
        "county": county_name,
        "county_full": county_full,
        "department": department_name,
        "day": day,
        "flag": flag,
        "hour": hour,
        "is_anonymous": is_anonymous,
        "metres": metres,
        "moment": moment_words,
        "pseudonym": pseudonym,
        "reason": reason,
        "record": record_lines,
        "say": say,
        "source": source_name,
        "state": state_name,
        "yuan": yuan,
    }
    app.jinja_env.filters.update({name: _asked_anew(each) for name, each in filters.items()})
    app.jinja_env.globals.update(flag_icon=lambda code: FLAG_ICONS.get(code, "alert-triangle"))
    app.jinja_env.globals.update(reinspection_results=REINSPECTION_RESULTS)


def _asked_anew(words_of: Callable[[Any], object]) -> Callable[[Context, Any], object]:
    """Return the filter so that Jinja asks it at each page.

    Without a context Jinja works a filter of a constant out while it compiles the
    template, in the language of whoever came first.
    """

    @pass_context
    def ask(_context: Context, value: Any) -> object:
        return words_of(value)

    return ask


def say(words: Words) -> str:
    """Return words in the person's language."""
    return words.say(request_locale())


def state_name(state: str) -> str:
    """Return the name of a state."""
    return say(STATE_NAMES[State(state)])


def category_name(code: str) -> str:
    """Return the name of a hazard category."""
    return say(category(code).words)


def department_name(code: str) -> str:
    """Return the name of a department."""
    return say(DEPARTMENT_NAMES[Department(code)])


def source_name(source: str) -> str:
    """Return what made a claim, with a capital in English since it stands alone."""
    name = say(SOURCE_NAMES[source]).removeprefix("the ").removeprefix("The ")
    return name[:1].upper() + name[1:]


def county_name(code: str | None) -> str:
    """Return the short name of a county, or that it is undecided."""
    found = divisions().get(code or "")
    return found.name if found else say(UNDECIDED)


def county_full(code: str | None) -> str:
    """Return the name of a county with city and province."""
    if code == NATION_CODE:
        return say(NATION)
    return full_name(code) if code in divisions() and code else say(UNDECIDED)


def flag(code: str) -> Flag:
    """Return a flag; one of another edition of the table is shown by its code."""
    return FLAGS.get(code) or Flag(Words(code, code), Words(code, code), Level.INFO)


def reason(stored: Mapping[str, Any]) -> str:
    """Return the sentence of a stored reason of the routing."""
    return say_reason(stored, "en" if request_locale() == "en" else "zh")


def action_name(words: Words) -> str:
    """Return what an action of the audit log does, without what a single entry fills in."""
    text = re.sub(r"\s*[“]?\{\w+\}[”]?\s*", "…", say(words))
    return text.strip("…") or text


def is_anonymous(pseudonym: str) -> bool:
    """Whether a pseudonym stands for somebody who gave no name."""
    return pseudonym.partition("-")[0] == "匿名"


def pseudonym(text: str) -> str:
    """Return a reporter's pseudonym; only its first word has a language."""
    word, _, rest = text.partition("-")
    if request_locale() == "en":
        word = _PSEUDONYM_WORDS.get(word, word)
    return f"{word}-{rest}" if rest else word


def day(value: date | datetime | str) -> str:
    """Return a day as people say it, with the year only where it is not the present one."""
    if isinstance(value, str):
        value = date.fromisoformat(value)
    if isinstance(value, datetime):
        value = value.astimezone(SHANGHAI).date()
    if request_locale() == "en":
        text = f"{value.day} {value:%b}"
        return text if value.year == today().year else f"{text} {value.year}"
    text = f"{value.month}月{value.day}日"
    return text if value.year == today().year else f"{value.year}年{text}"


def hour(moment: datetime) -> str:
    """Return a reporter's moment to the hour."""
    local = moment.astimezone(SHANGHAI)
    on = day(local)
    return say(Words(f"{on} {local.hour} 时许", f"{on}, {local.hour}–{local.hour + 1} h"))


def moment_words(moment: datetime) -> str:
    """Return the moment of something that staff did, to the minute."""
    local = moment.astimezone(SHANGHAI)
    clock = f"{local:%H:%M}"
    days = (today() - local.date()).days
    if days == 0:
        return say(Words(f"今天 {clock}", f"today {clock}"))
    if days == 1:
        return say(Words(f"昨天 {clock}", f"yesterday {clock}"))
    return f"{day(local)} {clock}"


def age(days: int) -> str:
    """Return how many days ago something was received."""
    if days == 0:
        return say(Words("今天收到", "received today"))
    return say(Words(f"{days} 天前收到", f"received {days} day{'s' if days > 1 else ''} ago"))


def metres(value: float) -> str:
    """Return a distance: whole metres, from one kilometre on in kilometres."""
    if value < 1000:
        return say(Words(f"{value:.0f} 米", f"{value:.0f} m"))
    number = f"{value / 1000:,.{1 if value < 100_000 else 0}f}"
    return say(Words(f"{number} 公里", f"{number} km"))


def size_words(size_bytes: int) -> str:
    """Return how large a file is, in binary kilobytes or megabytes."""
    kilobytes = size_bytes / 1024
    return f"{kilobytes:.0f} KB" if kilobytes < 1024 else f"{kilobytes / 1024:.1f} MB"


def yuan(fen: int) -> str:
    """Return a sum in yuan."""
    return f"¥{fen / 100:,.2f}"


def clock_words(clock: Clock) -> str:
    """Return how much time is left."""
    if clock.paused_since:
        since = day(clock.paused_since)
        return say(Words(f"{since}起暂停", f"paused since {since}"))
    if clock.left == 0:
        return say(Words("今天到期", "due today"))
    number = abs(clock.left)
    days = f"{number} working day{'s' if number > 1 else ''}"
    if clock.is_overdue:
        return say(Words(f"超期 {number} 个工作日", f"{days} overdue"))
    return say(Words(f"还剩 {number} 个工作日", f"{days} left"))


def record_lines(record: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Return the lines of a record, label and value, in the order of the table of fields."""
    for name, field in FIELDS.items():
        if name not in record or name in _NOT_SHOWN:
            continue
        value = record[name]
        label = say(MONEY_LABELS.get(name, field.words))
        if field.kind == "money":
            text = yuan(value)
        elif field.kind == "date":
            text = day(value)
        elif field.choices:
            codes = value if isinstance(value, list) else [value]
            separator = ", " if request_locale() == "en" else "、"
            text = separator.join(say(field.choices[code]) for code in codes)
        elif name == "deciding_addition":
            text = pseudonym(value)
        else:
            text = str(value)
        yield label, text
