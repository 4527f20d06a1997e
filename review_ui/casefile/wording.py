"""Templates for findings: what the product ships, and what a unit has written for its own."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from schemas import audit
from schemas.access import Role
from schemas.errors import InvalidInput, NotAllowed
from schemas.finding_templates import shipped_for
from schemas.tables import FindingTemplate, Unit
from schemas.taxonomy import CATEGORIES
from schemas.words import Words

# Whoever signs the unit's documents also says how they are worded.
KEEPERS = frozenset({Role.BUREAU_HEAD})
TITLE_CHARS, BODY_CHARS = 60, 2_000


@dataclass(frozen=True, slots=True)
class Wording:
    """One template as a form offers it; `key` is the code or the id by which it is asked for."""

    key: str
    title: Words
    body: str


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """A unit's own template with the unit's name."""

    template: FindingTemplate
    unit_name: str


def wording_for(session: Session, *, unit: Unit, categories: list[str]) -> tuple[Wording, ...]:
    """Return the templates for a case's findings: the unit's own first, then the shipped ones."""
    rows = session.scalars(
        select(FindingTemplate)
        .join(Unit, Unit.id == FindingTemplate.unit_id)
        .where(
            FindingTemplate.ended_at.is_(None),
            # The unit's path begins with the path of every unit above it.
            func.substr(unit.path, 1, func.length(Unit.path)) == Unit.path,
            or_(FindingTemplate.category.is_(None), FindingTemplate.category.in_(categories)),
        )
        .order_by(FindingTemplate.category.nulls_last(), FindingTemplate.title, FindingTemplate.id)
    )
    own = [Wording(row.id.hex, Words(row.title, row.title), row.body) for row in rows]
    shipped = [Wording(each.code, each.words, each.body) for each in shipped_for(categories)]
    return (*own, *shipped)


def inserted(text: str, body: str) -> str:
    """Return a text with a template's body on a line of its own at the end."""
    return f"{text.rstrip()}\n{body}" if text.strip() else body


def own_templates(session: Session, *, staff: SignedIn) -> tuple[OwnTemplate, ...]:
    """Return the templates of the units at, above and below those where someone has a role."""
    rows = session.execute(
        select(FindingTemplate, Unit.name)
        .join(Unit, Unit.id == FindingTemplate.unit_id)
        .where(FindingTemplate.ended_at.is_(None), _is_near(staff))
        .order_by(Unit.path, FindingTemplate.title, FindingTemplate.id)
    )
    return tuple(OwnTemplate(template, name) for template, name in rows)


def may_keep(staff: SignedIn) -> tuple[tuple[UUID, str], ...]:
    """Return the units, id and name, whose templates someone keeps."""
    return tuple(sorted({(h.unit_id, h.unit_name) for h in staff.held if h.role in KEEPERS}))


def add_template(
    session: Session,
    *,
    staff: SignedIn,
    unit_id: UUID,
    category: str | None,
    title: str,
    body: str,
    now: datetime,
) -> FindingTemplate:
    """Add a template to a unit that the person heads.

    Raises NotAllowed `template-not-yours`, InvalidInput `template-incomplete`.
    """
    if unit_id not in {key for key, _ in may_keep(staff)}:
        raise _not_theirs()
    title, body = " ".join(title.replace("\0", "").split()), body.replace("\0", "").strip()
    known = category is None or category in {each.code for each in CATEGORIES}
    if not known or not 1 <= len(title) <= TITLE_CHARS or not 1 <= len(body) <= BODY_CHARS:
        raise InvalidInput(
            "template-incomplete",
            Words(
                f"请写标题（最多 {TITLE_CHARS} 字）和内容（最多 {BODY_CHARS} 字）。",
                f"Write a title (at most {TITLE_CHARS} characters) and a text (at most "
                f"{BODY_CHARS}).",
            ),
            field="title" if not title else "body",
        )
    template = FindingTemplate(
        unit_id=unit_id,
        category=category,
        title=title,
        body=body.replace("\r\n", "\n"),
        made_by=staff.staff_id,
        made_at=now,
    )
    session.add(template)
    session.flush()
    _log(session, template, staff, "template_added")
    return template


def end_template(session: Session, *, template_id: UUID, staff: SignedIn, now: datetime) -> None:
    """Take a template out of use; raises NotFound, NotAllowed `template-not-yours`."""
    template = session.scalars(
        select(FindingTemplate)
        .join(Unit, Unit.id == FindingTemplate.unit_id)
        .where(
            FindingTemplate.id == template_id,
            FindingTemplate.ended_at.is_(None),
            _is_near(staff),
        )
    ).one_or_none()
    if template is None:
        raise not_found()
    if template.unit_id not in {key for key, _ in may_keep(staff)}:
        raise _not_theirs()
    template.ended_at = now
    _log(session, template, staff, "template_ended")


def _is_near(staff: SignedIn) -> ColumnElement[bool]:
    """Return the condition on Unit that it lies at, above or below where they have a role."""
    paths = sorted({held.unit_path for held in staff.held})
    return or_(
        *(Unit.path.startswith(path, autoescape=True) for path in paths),
        *(func.substr(path, 1, func.length(Unit.path)) == Unit.path for path in paths),
    )


def _log(session: Session, template: FindingTemplate, staff: SignedIn, action: str) -> None:
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("template", template.id),
        after={"unit_id": str(template.unit_id), "title": template.title},
    )


def _not_theirs() -> NotAllowed:
    return NotAllowed(
        "template-not-yours",
        Words("模板由本机构负责人管理。", "A unit's templates are kept by the head of that unit."),
    )
