"""Saved views: lists that a person keeps under a name, one of which may open first."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from schemas.errors import InvalidInput
from schemas.tables import SavedView
from schemas.words import Words

MOST_VIEWS = 20
_LONGEST_NAME = 40
_LONGEST_QUERY = 800


def views_of(session: Session, *, staff: SignedIn) -> tuple[SavedView, ...]:
    """Return a person's views by name."""
    return tuple(
        session.scalars(
            select(SavedView)
            .where(SavedView.staff_id == staff.staff_id)
            .order_by(SavedView.name, SavedView.id)
        )
    )


def save_view(
    session: Session, *, staff: SignedIn, name: str, query: Mapping[str, str], is_default: bool
) -> SavedView:
    """Keep a list under a name; a name that is there already gets the new list.

    Raises InvalidInput `view-name-invalid`, `too-many-views` or `view-too-long`.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            "view-name-invalid",
            Words("名称须为 1 到 40 个字。", "A name has 1 to 40 characters."),
            field="name",
        )
    address = urlencode(query)
    if len(address) > _LONGEST_QUERY:
        raise InvalidInput(
            "view-too-long",
            Words(
                "筛选条件太长，请缩短查找的内容。", "The filters are too long: shorten the words."
            ),
            field="query",
        )
    own = views_of(session, staff=staff)
    view = next((each for each in own if each.name == name), None)
    if view is None:
        if len(own) >= MOST_VIEWS:
            raise InvalidInput(
                "too-many-views",
                Words(
                    f"最多保存 {MOST_VIEWS} 个视图，请先删除不用的。",
                    f"{MOST_VIEWS} views at most: delete one first.",
                ),
            )
        view = SavedView(staff_id=staff.staff_id, name=name)
        session.add(view)
    view.query = address
    session.flush()
    if is_default:
        open_first(session, staff=staff, view_id=view.id)
    return view


def open_first(session: Session, *, staff: SignedIn, view_id: UUID | None) -> None:
    """Make one view the one that opens first, or none; raises NotFound for another's view."""
    session.execute(
        update(SavedView)
        .where(SavedView.staff_id == staff.staff_id, SavedView.is_default)
        .values(is_default=False)
    )
    if view_id is not None:
        _own(session, staff, view_id).is_default = True
    session.flush()


def delete_view(session: Session, *, staff: SignedIn, view_id: UUID) -> None:
    """Forget a view; raises NotFound for another's."""
    session.delete(_own(session, staff, view_id))
    session.flush()


def _own(session: Session, staff: SignedIn, view_id: UUID) -> SavedView:
    view = session.get(SavedView, view_id, populate_existing=True)
    if view is None or view.staff_id != staff.staff_id:
        raise not_found()
    return view
