"""What forms about staff send: roles, units by name or code, wishes for an API token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from review_ui.access.scope import unit_by_text
from schemas.access import Role
from schemas.errors import InvalidInput
from schemas.tables import Unit
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class TokenWish:
    """An API token that someone asks for: its name, and what it is narrowed to."""

    name: str
    role: Role | None
    unit: Unit | None


def read_role(form: Mapping[str, str]) -> Role:
    """Return the role that a form names; raises InvalidInput `role-unknown`."""
    text = form.get("role", "")
    if text not in set(Role):
        raise InvalidInput(
            "role-unknown", Words("请选择一个角色。", "Choose a role."), field="role"
        )
    return Role(text)


def read_unit(session: Session, form: Mapping[str, str], *, paths: Sequence[str]) -> Unit:
    """Return the unit that a form names; raises what `unit_by_text` raises."""
    return unit_by_text(session, paths=paths, text=form.get("unit", ""))


def read_token_wish(
    session: Session, form: Mapping[str, str], *, paths: Sequence[str]
) -> TokenWish:
    """Return the token that a form asks for; without role and unit it carries all of both.

    Raises InvalidInput `token-name-invalid` when it has no name by which to tell it
    later, and what `read_role` and `read_unit` raise.
    """
    name = " ".join(form.get("name", "").split())
    if not name:
        raise InvalidInput(
            "token-name-invalid",
            Words("请写明令牌给哪个程序用。", "Say which program the token is for."),
            field="name",
        )
    return TokenWish(
        name=name,
        role=read_role(form) if form.get("role") else None,
        unit=read_unit(session, form, paths=paths) if form.get("unit", "").strip() else None,
    )
