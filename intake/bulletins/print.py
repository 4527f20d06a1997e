"""A bulletin for print: a PDF in A4 with page numbers, set from data alone."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

from intake.bulletins.choropleth import SHADES, Choropleth, as_svg
from intake.bulletins.editions import Edition
from intake.bulletins.figures import COLUMNS, changed, figure, row_words
from intake.fonts import Font
from schemas.bulletins.definitions import HEADLINES, INDICATORS
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.indicators import GROUP_NAMES, NATURE_NAMES, Group, Nature
from schemas.bulletins.tallies import Figures
from schemas.bulletins.territory import TABLE_NAMES, Table
from schemas.divisions import full_name
from schemas.words import Words
from schemas.workdays import SHANGHAI

TEMPLATE = Path(__file__).parents[1] / "web" / "print" / "bulletin.typ"
# More rows than fit on two pages are for the workbook.
MOST_ROWS = 60
_LABELS = {
    "page": Words("第 {page} 页，共 {pages} 页", "Page {page} of {pages}"),
    "wow": Words("环比", "wk"),
    "yoy": Words("同比", "yr"),
    "figure": Words("指标", "Figure"),
    "week": Words("本周", "Week"),
    "how": Words("怎么算", "What is counted"),
    "received_in": Words("收到的周", "Received in"),
    "before": Words("原来", "Before"),
    "after": Words("现在", "Now"),
}


def as_pdf(edition: Edition, *, map_of_areas: Choropleth | None, font: Font, locale: str) -> bytes:
    """Return a bulletin as PDF."""
    with tempfile.TemporaryDirectory(prefix="bulletin-") as name:
        directory = Path(name)
        shutil.copyfile(TEMPLATE, directory / "bulletin.typ")
        if map_of_areas:
            (directory / "map.svg").write_text(as_svg(map_of_areas, font=font.family), "utf-8")
        data = _Sheet(edition, locale).data(map_of_areas) | {"font": font.family}
        (directory / "data.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        return typst.compile(
            str(directory / "bulletin.typ"),
            root=str(directory),
            font_paths=[str(font.directory)],
            ignore_system_fonts=True,
        )


class _Sheet:
    """Says a bulletin in words and written figures, in one language."""

    def __init__(self, edition: Edition, locale: str) -> None:
        self.edition, self.locale = edition, locale
        self.bulletin: Bulletin = edition.bulletin

    def say(self, zh: str, en: str) -> str:
        return Words(zh, en).say(self.locale)

    def data(self, drawn: Choropleth | None) -> dict[str, Any]:
        found, issue = self.bulletin, self.edition.issue
        area = full_name(found.scope)
        revision = issue.revision if issue else 0
        return {
            "lang": self.locale,
            "title": self.say(f"{area}“随手拍”周报", f"Suishoupai weekly bulletin: {area}"),
            "subtitle": f"{found.week.name} · {found.week.monday} — {found.week.sunday}"
            + (self.say(f" · 第 {revision} 版", f" · revision {revision}") if issue else ""),
            "status": "" if issue else self.say("草稿，未签发", "A draft, not published"),
            "number": self.edition.name,
            "words": {key: words.say(self.locale) for key, words in _LABELS.items()},
            "headlines": [self._figure(key) for key in HEADLINES],
            "map": self._map(drawn),
            "tables": [self._table(each) for each in Table if found.tables.get(each.value)],
            "groups": self._groups(),
            "cohorts": self._cohorts(),
            "changes": self._changes(),
            "changes_title": self.say("这一版改动的合计", "Totals that this revision changed"),
            "notes": self._notes(),
        }

    def _figure(self, key: str) -> dict[str, str]:
        found, indicator = self.bulletin, INDICATORS[key]
        before = found.previous.totals[key] if found.previous else None
        year = found.last_year.totals[key] if found.last_year else None
        return {
            "name": indicator.words.say(self.locale),
            "value": figure(key, found.totals[key]),
            "change": changed(key, found.totals[key], before),
            "change_last_year": changed(key, found.totals[key], year),
            "definition": indicator.definition.say(self.locale),
        }

    def _map(self, drawn: Choropleth | None) -> dict[str, Any] | None:
        if drawn is None:
            return None
        legend = [
            {
                "shade": SHADES[step.shade],
                "label": f"{step.least}–{step.most}" if step.most > step.least else str(step.least),
            }
            for step in drawn.legend
        ]
        return {
            "title": drawn.title.say(self.locale),
            "legend": legend,
        }

    def _table(self, table: Table) -> dict[str, Any]:
        rows = self.bulletin.tables[table.value]

        def rank(item: tuple[str, Figures]) -> tuple[int, str]:
            return -(item[1].get("received") or 0), item[0]

        most = max((each.get("received") or 0 for each in rows.values()), default=0) or 1
        name = TABLE_NAMES[table].say(self.locale)
        cut = len(rows) - MOST_ROWS
        if cut > 0:
            name += self.say(
                f"（前 {MOST_ROWS} 行，另有 {cut} 行）", f" (first {MOST_ROWS}, {cut} more)"
            )
        return {
            "name": name,
            "heads": [INDICATORS[key].words.say(self.locale) for key in COLUMNS],
            "rows": [
                {
                    "name": row_words(table.value, row).say(self.locale),
                    "share": (figures.get("received") or 0) / most,
                    "cells": [self._cell(key, figures) for key in COLUMNS],
                }
                for row, figures in sorted(rows.items(), key=rank)[:MOST_ROWS]
            ],
        }

    @staticmethod
    def _cell(key: str, figures: Mapping[str, int | None]) -> str:
        return figure(key, figures.get(key, 0 if INDICATORS[key].is_count else None))

    def _groups(self) -> list[dict[str, Any]]:
        def named(nature: Nature, group: Group | None) -> list[dict[str, str]]:
            return [
                self._figure(key)
                for key, each in INDICATORS.items()
                if each.nature is nature
                and group in (None, each.group)
                and key in self.bulletin.totals
            ]

        flows = [
            {
                "name": words.say(self.locale),
                "note": NATURE_NAMES[Nature.FLOW].say(self.locale),
                "rows": named(Nature.FLOW, group),
            }
            for group, words in GROUP_NAMES.items()
            if group is not Group.COHORT
        ]
        moment = self.bulletin.as_of.astimezone(SHANGHAI)
        stock = {
            "name": self.say("存量", "Stock"),
            "note": f"{NATURE_NAMES[Nature.STOCK].say(self.locale)} · {moment:%F %H:%M}",
            "rows": named(Nature.STOCK, None),
        }
        return [*(each for each in flows if each["rows"]), stock]

    def _cohorts(self) -> dict[str, Any]:
        keys = [key for key, each in INDICATORS.items() if each.nature is Nature.COHORT]
        return {
            "name": GROUP_NAMES[Group.COHORT].say(self.locale),
            "heads": [INDICATORS[key].words.say(self.locale) for key in keys],
            "rows": [
                {
                    "name": each.week.name,
                    "cells": [figure(key, each.figures.get(key)) for key in keys],
                }
                for each in reversed(self.bulletin.cohorts)
            ],
        }

    def _changes(self) -> list[dict[str, str]]:
        return [
            {
                "name": INDICATORS[key].words.say(self.locale),
                "before": figure(key, before),
                "after": figure(key, after),
            }
            for key, (before, after) in self.edition.deltas.get("totals", {}).items()
            if key in INDICATORS
        ]

    def _notes(self) -> list[str]:
        issue = self.edition.issue
        notes = [
            self.say(
                "一周从星期一零点到下个星期一零点（北京时间），含起点、不含终点。环比与上一周比，"
                "同比与上年同一周比；分母为零写“—”；比率之差以百分点（pp）计。",
                "A week runs from Monday 00:00 to the next Monday 00:00 Beijing time, half-open. "
                "wk: on the week before, yr: on the same ISO week a year before; “—” where that "
                "was zero; rates change in percentage points (pp).",
            ),
            self.say("办结不等于停业。", "A closed case does not mean a closed shop."),
        ]
        if issue:
            published = issue.published_at.astimezone(SHANGHAI)
            notes += [
                self.say(
                    f"{issue.signer_name} 签发于 {published:%F %H:%M}。统计方法 "
                    f"{self.bulletin.method}。",
                    f"Signed by {issue.signer_name}, {published:%F %H:%M}. Method "
                    f"{self.bulletin.method}.",
                ),
                f"SHA-256 {issue.sha256}",
            ]
        return notes
