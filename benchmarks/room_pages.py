"""Who asks, and for what: every page of the inspectors' room that grows with the cases."""

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from benchmarks.million import NATION, RARE_DISH, RARE_FLAG, RARE_PLATFORM, SHENHE, SHENYANG
from review_ui.access.staff import signed_in_as
from review_ui.lists.filters import Filters, Tab
from review_ui.lists.queue import PAGE_SIZE, keys_of_page
from schemas.access import Role
from schemas.database import Database, now_utc
from schemas.tables import Case, CaseMention, CaseNote, Staff, StaffRole, Unit
from schemas.workdays import local_date

_FAR = 1000
_CALLS = 20
_PEOPLE = (
    ("county", SHENHE, Role.INSPECTOR),
    ("city", SHENYANG, Role.DISPATCHER),
    ("nation", NATION, Role.DISPATCHER),
    ("nation", NATION, Role.INSPECTOR),
)


def people(database: Database) -> dict[str, UUID]:
    """Return who asks, by name; they are added to a database that has them not, with some work."""
    with database.writing() as session:
        known = dict(session.execute(select(Staff.sign_in, Staff.id)).all())
        for name, code, role in _PEOPLE:
            unit_id = session.scalars(
                select(Unit.id).where(Unit.division_code == code, Unit.department == "market")
            ).one()
            if name not in known:
                staff = Staff(sign_in=name, name=name, password_hash="")
                session.add(staff)
                session.flush()
                known[name] = staff.id
                if name == "county":
                    _give_work(session, staff.id, unit_id, author=known["proposer"])
            elif session.scalars(
                select(StaffRole.id).where(
                    StaffRole.staff_id == known[name], StaffRole.role == role.value
                )
            ).first():
                continue
            session.add(StaffRole(staff_id=known[name], unit_id=unit_id, role=role.value))
            session.flush()
    return {name: known[name] for name, _code, _role in _PEOPLE}


def _give_work(session: Session, staff_id: UUID, unit_id: UUID, *, author: UUID) -> None:
    """Put forty cases into somebody's hands and call them in some of these."""
    ids = session.scalars(
        select(Case.id)
        .where(Case.unit_id == unit_id, Case.open_cell.is_not(None))
        .order_by(Case.due_on, Case.id)
        .limit(2 * _CALLS)
    ).all()
    session.execute(update(Case).where(Case.id.in_(ids)).values(assignee_id=staff_id))
    notes = [
        CaseNote(case_id=case_id, author_id=author, body="@county 请看") for case_id in ids[:_CALLS]
    ]
    session.add_all(notes)
    session.flush()
    session.add_all(CaseMention(note_id=note.id, staff_id=staff_id) for note in notes)


def pages(database: Database, staff: dict[str, UUID]) -> Iterator[tuple[str, str, str]]:
    """Yield (what, who, address) of every page that is measured."""
    with database.reading() as session:
        unit = session.scalars(select(Unit).where(Unit.division_code == SHENHE)).first()
        number = session.scalars(
            select(Case.number).where(Case.unit_id == unit.id, Case.open_cell.is_not(None)).limit(1)
        ).first()
    today = local_date(now_utc())
    yield "lightest page, count of my work", "county", "/my-work/count"
    for who in ("county", "city", "nation"):
        yield "queue", who, "/?tab=unit"
    yield "queue, 1000th page", "nation", f"/?tab=unit&after={far_cursor(database, staff, today)}"
    for tab in ("dispatch", "overdue", "sign"):
        yield f"queue, {tab}", "nation", f"/?tab={tab}"
    yield "queue, mine", "county", "/?tab=mine"
    yield "my work", "county", "/my-work"
    for who in ("county", "nation"):
        yield "live-list poll", who, "/cases/pulse?tab=unit"
    for who in ("county", "city", "nation"):
        yield "rare flag", who, f"/?tab=unit&flag={RARE_FLAG}"
    yield from ((what, "nation", f"/?{query}") for what, query in _narrowed(today))
    for who in ("county", "city", "nation"):
        yield "search, common word", who, "/?tab=unit&q=热闹"
    for what, words in _SEARCHED:
        yield f"search, {what}", "nation", f"/?tab=unit&q={words}"
    yield "search, number", "county", f"/?tab=unit&q={number}"
    yield "case page", "county", f"/cases/{number}"
    yield "map, county", "county", "/map/cases.json?tab=unit&box=123.35,41.75,123.55,41.85"
    yield "map, city", "city", "/map/cases.json?tab=unit&box=123.2,41.6,123.7,42.0"
    yield "map, city", "nation", "/map/cases.json?tab=unit&box=123.2,41.6,123.7,42.0"
    yield "map, province", "nation", "/map/cases.json?tab=unit&box=121,40,125,43"
    yield "map, nation", "nation", "/map/cases.json?tab=unit&box=73,18,135,54"
    yield "map, nation, moved", "nation", "/map/cases.json?tab=unit&box=73.{turn},18,135,54"
    yield (
        "map, nation, category, not kept",
        "nation",
        "/map/cases.json?tab=unit&category=PEST&box=73.{turn},18,135,54",
    )
    yield "map, rare flag", "nation", f"/map/cases.json?flag={RARE_FLAG}&box=73,18,135,54"
    yield "week in numbers", "county", "/week"
    for who in ("county", "city", "nation"):
        yield "map of risk", who, "/risk"
    yield "map of risk, category", "nation", "/risk?category=PEST"
    two_years = f"from={today - timedelta(days=730)}&to={today}"
    yield "map of risk, two years", "county", f"/risk?{two_years}"
    yield "map of risk, two years", "nation", f"/risk?{two_years}"


_SEARCHED = (
    ("rare word", RARE_DISH),
    ("rare and common", f"{RARE_DISH[:2]} 热闹"),
    ("nothing found", "锟斤"),
    ("common word, rare flag", f"热闹&flag={RARE_FLAG}"),
)


def _narrowed(today: date) -> Iterator[tuple[str, str]]:
    yield "common flag", "tab=unit&flag=coarse-accuracy"
    yield "category, severity", "tab=unit&category=PEST&severity=4"
    yield "rare platform", f"tab=unit&platform={RARE_PLATFORM}"
    yield "common platform", "tab=unit&platform=美团"
    yield "county", f"tab=unit&county={SHENHE}"
    yield "province", f"tab=unit&county={SHENHE[:2]}0000"
    yield "received lately", f"tab=unit&received_from={today - timedelta(days=10)}"
    yield "due by day", f"tab=unit&due_from={today}&due_to={today + timedelta(days=21)}"
    yield "closed, rare flag", f"tab=unit&state=closed&flag={RARE_FLAG}"
    last = today - timedelta(days=365)
    yield (
        "closed, one quarter",
        (f"tab=unit&state=closed&received_from={last}&received_to={last + timedelta(days=90)}"),
    )
    yield "nothing found", "tab=unit&flag=clock-ahead"


def far_cursor(database: Database, staff: dict[str, UUID], today: date) -> str:
    """Return where the nation's thousandth page begins, or its last full one."""
    with database.reading() as session:
        person = signed_in_as(session, staff_id=staff["nation"])
        if person is None:
            raise RuntimeError("the nation's desk has nobody")
        keys = keys_of_page(
            session, staff=person, tab=Tab.UNIT, filters=Filters(), cursor=None, today=today,
            limit=PAGE_SIZE * _FAR,
        )  # fmt: skip
    return keys[min(len(keys), PAGE_SIZE * _FAR) - PAGE_SIZE - 2].cursor
