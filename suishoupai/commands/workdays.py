"""`workdays load`: a year's official calendar, by which running due dates are counted anew."""

from datetime import date
from pathlib import Path

import click

from schemas.calendars import store_calendar
from schemas.renewal import renew_due_dates
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, read_calendar
from suishoupai.commands.console import Commands, Console, pass_console


@click.group(cls=Commands)
def workdays() -> None:
    """The calendar of working days."""


@workdays.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_console
def load(console: Console, *, file: Path) -> None:
    """Load the official calendar of a year (JSON) and count running due dates anew."""
    settings = console.settings()
    base = read_calendar(settings.workdays_file) if settings.workdays_file else NO_OVERRIDES
    with console.database(settings) as database:
        with database.writing() as session:
            stored = store_calendar(session, path=file)
            years, days = list(stored.years), sorted(map(date.fromisoformat, stored.days))
        first_day = min([*days, *(date(year, 1, 1) for year in years)], default=date.max)
        words = Words("重算期限", "Counting due dates anew")
        with console.progress(words) as tick:
            done = renew_due_dates(database, base=base, first_day=first_day, tick=tick)
    named = "、".join(str(year) for year in years)
    console.result(
        {"years": years, "days": len(days), "cases_seen": done.seen, "cases_changed": done.changed},
        Words(
            f"已载入 {named} 年的日历（{len(days)} 天有特别安排）。重算 {done.seen} 件在办案件，"
            f"其中 {done.changed} 件的期限有变化。",
            f"Loaded the calendar of {named.replace('、', ', ')} ({len(days)} special days). "
            f"Counted {done.seen} running cases anew; {done.changed} have another due date.",
        ).say(console.locale),
    )
