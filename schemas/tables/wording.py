"""The words by which cases are found, written in the transaction that changes a case.

Chinese has no spaces and most of its words have two characters, which trigrams can't
find. So every run of letters is cut into overlapping pairs (老王麻辣烫 → 老王 王麻 麻辣
辣烫). A token for each unit above a case keeps a search inside a person's tree, and one
for each thing that a list can be narrowed to finds what is rare among a million cases.
The listeners are registered with the models, as the triggers are, so that no writer can
forget them.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import event, insert, inspect, select, update
from sqlalchemy.orm import Session, UOWTransaction

from schemas.lifecycle import State
from schemas.stages import ENDED_STATES
from schemas.tables.cases import Case, CaseHistory, CaseReport
from schemas.tables.jurisdictions import Unit
from schemas.tables.queue import CaseWords
from schemas.tables.reports import Report

_RECORDED = ("findings", "actual_address", "visit_place")
_CHANGED = "cases_whose_words_changed"
# What of a case itself is searched or filtered by; its clock and holder are not.
_OWN = (
    "number", "premises_name", "unit_id", "state", "categories", "severity", "flags",
    "county_code",
)  # fmt: skip
# A token of a filter has three characters at least, so that it is never a pair of a text's.
UNENDED = "unended"


def plain(text: str) -> str:
    """Return a text as it is compared: one width, one case, letters and digits only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(each for each in folded if each.isalnum())


def pairs(text: str) -> list[str]:
    """Return the overlapping pairs of characters of a plain text."""
    return [first + second for first, second in pairwise(text)]


def unit_token(unit_id: UUID) -> str:
    """Return the token that every case below a unit has."""
    return f"u{unit_id.hex}"


def state_token(state: str) -> str:
    """Return the token that every case in a state has."""
    return f"state{plain(state)}"


def category_token(code: str) -> str:
    """Return the token that every case of a hazard category has."""
    return f"cat{plain(code)}"


def flag_token(code: str) -> str:
    """Return the token that every case with a flag has."""
    return f"flag{plain(code)}"


def severity_token(severity: int) -> str:
    """Return the token that every case of a severity has."""
    return f"level{severity}"


def area_token(code: str) -> str:
    """Return the token that every case in a province, a city or a county has, by six digits."""
    return f"area{code}"


def platform_tokens(name: str) -> list[str]:
    """Return tokens that every case has whose reports name a platform that holds `name`."""
    return [f"app{pair}" for pair in pairs(plain(name))]


def facet_tokens(
    *,
    state: str,
    categories: Iterable[str],
    severity: int,
    flags: Iterable[str],
    county_code: str | None,
    platforms: Iterable[str],
) -> list[str]:
    """Return the tokens by which a case's filters find it, each once."""
    found = [state_token(state), severity_token(severity)]
    if State(state) not in ENDED_STATES:
        found.append(UNENDED)
    found += [category_token(code) for code in categories]
    found += [flag_token(code) for code in flags]
    if county_code:
        found += [area_token(f"{county_code[:digits]:0<6}") for digits in (2, 4, len(county_code))]
    found += [token for name in platforms for token in platform_tokens(name)]
    return list(dict.fromkeys(found))


def write_words(session: Session, case_ids: Sequence[UUID]) -> None:
    """Write the words of cases anew; what is unchanged is not written."""
    known = {
        row.case_id: row
        for row in session.execute(
            select(CaseWords.case_id, CaseWords.text, CaseWords.tokens).where(
                CaseWords.case_id.in_(case_ids)
            )
        )
    }
    fresh = []
    for case_id, text, tokens in _worded(session, case_ids):
        values = {"text": text, "tokens": _stored(session, tokens)}
        if case_id not in known:
            fresh.append({"case_id": case_id, **values})
        elif (known[case_id].text, known[case_id].tokens) != (text, values["tokens"]):
            session.execute(update(CaseWords).where(CaseWords.case_id == case_id).values(**values))
    if fresh:
        session.execute(insert(CaseWords), fresh)


def _worded(session: Session, case_ids: Sequence[UUID]) -> Iterable[tuple[UUID, str, list[str]]]:
    """Yield each case's id, text and tokens, the oldest first."""
    rows = session.execute(
        select(
            Case.id, Case.number, Case.premises_name, Case.state, Case.categories, Case.severity,
            Case.flags, Case.county_code, Unit.path,
        )
        .join(Unit, Unit.id == Case.unit_id)
        .where(Case.id.in_(case_ids))
        .order_by(Case.opened_at, Case.id)
    ).all()  # fmt: skip
    further: dict[UUID, list[str]] = {case_id: [] for case_id in case_ids}
    platforms: dict[UUID, list[str]] = {case_id: [] for case_id in case_ids}
    reports = session.execute(
        select(CaseReport.case_id, Report.platform, Report.premises_name, Report.premises_address)
        .join(Report, Report.id == CaseReport.report_id)
        .where(CaseReport.case_id.in_(case_ids), CaseReport.unlinked_at.is_(None))
        .order_by(Report.received_at, Report.id)
    )
    for case_id, platform, *texts in reports:
        further[case_id] += texts
        platforms[case_id].append(platform)
    records = session.execute(
        select(CaseHistory.case_id, CaseHistory.record)
        .where(CaseHistory.case_id.in_(case_ids))
        .order_by(CaseHistory.version)
    )
    for case_id, record in records:
        further[case_id] += [str(record[name]) for name in _RECORDED if record.get(name)]
    for case in rows:
        lines = dict.fromkeys(
            plain(each) for each in (case.number, case.premises_name, *further[case.id])
        )
        units = [unit_token(UUID(each)) for each in case.path.strip("/").split("/")]
        facets = facet_tokens(
            state=case.state,
            categories=case.categories,
            severity=case.severity,
            flags=case.flags,
            county_code=case.county_code,
            platforms=platforms[case.id],
        )
        found = dict.fromkeys(pair for line in lines for pair in pairs(line))
        yield case.id, "\n".join(line for line in lines if line), [*units, *facets, *found]


def _stored(session: Session, tokens: list[str]) -> Any:
    return " ".join(tokens) if session.get_bind().dialect.name == "sqlite" else tokens


@event.listens_for(Session, "after_flush")
def _note(session: Session, _context: UOWTransaction) -> None:
    """Remember the cases whose words the flush has changed."""
    changed: set[UUID] = session.info.setdefault(_CHANGED, set())
    for item in (*session.new, *session.dirty):
        if isinstance(item, (CaseReport, CaseHistory)):
            changed.add(item.case_id)
        elif isinstance(item, Case) and any(
            inspect(item).attrs[name].history.has_changes() for name in _OWN
        ):
            changed.add(item.id)


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Write what was remembered, in the transaction that is about to be committed."""
    session.flush()
    changed: set[UUID] = session.info.pop(_CHANGED, set())
    if changed:
        write_words(session, sorted(changed))


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_CHANGED, None)
