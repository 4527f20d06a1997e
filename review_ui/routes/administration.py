"""The staff of the own tree: who they are, what they may do where, and how they come in."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters, not_found
from review_ui.access import administration as core
from review_ui.access.administration import Managed
from review_ui.access.entrance import idle_limit
from review_ui.access.factors import recovery_codes_left
from review_ui.access.forms_of_staff import read_role, read_token_wish, read_unit
from review_ui.access.scope import units_within
from review_ui.access.sessions import sessions_of
from review_ui.access.tokens import tokens_of
from review_ui.presenting import say
from review_ui.room import moment, person, room
from schemas.access import Right, Role
from schemas.errors import Conflict, InvalidInput, NotAllowed, SuishoupaiError
from schemas.wire.problems import status_of
from schemas.words import Words

staff_pages = Blueprint("staff", __name__, url_prefix="/staff")
Act = Callable[[Session, Managed], Words]


@staff_pages.get("")
@enters(Entry.MANAGE_STAFF)
def list_staff() -> str:
    """List the staff of the tree, a page at a time."""
    words = request.args.get("q", "").replace("\0", "").strip()[:80]
    with room().database.reading() as db:
        page = core.list_people(
            db, admin=person(), words=words, after=request.args.get("after", "")[:80]
        )
    return render_template("staff.html", page=page, words=words)


@staff_pages.get("/new")
@enters(Entry.MANAGE_STAFF)
def ask_person() -> str:
    """Show the form for a new staff member."""
    return _new_page()


@staff_pages.post("/new")
@enters(Entry.MANAGE_STAFF)
def add_person() -> Response:
    """Add a staff member and show, once, the link by which they set their password."""
    try:
        with room().database.writing() as db:
            staff, token = core.add_person(
                db,
                admin=person(),
                sign_in=request.form.get("sign_in", ""),
                name=request.form.get("name", ""),
                role=read_role(request.form),
                unit=read_unit(db, request.form, paths=_paths()),
                now=moment(),
            )
            return _link_page(staff.id, staff.name, token)
    except (InvalidInput, Conflict) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_new_page(error), status_of(error))


@staff_pages.get("/<uuid:staff_id>")
@enters(Entry.MANAGE_STAFF)
def show_person(staff_id: UUID) -> str:
    """Show one staff member."""
    return _page(staff_id)


@staff_pages.post("/<uuid:staff_id>/roles")
@enters(Entry.MANAGE_STAFF)
def give_role(staff_id: UUID) -> Response:
    """Give a role at a unit."""

    def act(db: Session, managed: Managed) -> Words:
        core.give_role(
            db,
            admin=person(),
            managed=managed,
            role=read_role(request.form),
            unit=read_unit(db, request.form, paths=_paths()),
        )
        return Words("角色已添加。", "The role is given.")

    return _step(staff_id, act, form="roles")


@staff_pages.post("/<uuid:staff_id>/roles/<uuid:role_id>/take")
@enters(Entry.MANAGE_STAFF)
def take_role(staff_id: UUID, role_id: UUID) -> Response:
    """Take a role."""

    def act(db: Session, managed: Managed) -> Words:
        core.take_role(db, admin=person(), managed=managed, role_id=role_id)
        return Words("角色已取消。", "The role is taken.")

    return _step(staff_id, act, form="roles")


@staff_pages.post("/<uuid:staff_id>/active")
@enters(Entry.MANAGE_STAFF)
def set_active(staff_id: UUID) -> Response:
    """Deactivate the account, or activate it again."""
    wanted = request.form.get("active", "")
    if wanted not in ("0", "1"):
        raise not_found()

    def act(db: Session, managed: Managed) -> Words:
        core.set_active(db, admin=person(), managed=managed, is_active=wanted == "1", now=moment())
        if wanted == "1":
            return Words("帐号已启用。", "The account is active again.")
        return Words(
            "帐号已停用，其登录已全部退出。", "The account is deactivated; its sessions ended."
        )

    return _step(staff_id, act, form="account")


@staff_pages.post("/<uuid:staff_id>/link")
@enters(Entry.MANAGE_STAFF)
def make_link(staff_id: UUID) -> Response:
    """Make a link by which the person sets a new password, and show it once."""
    made: list[tuple[str, str]] = []

    def act(db: Session, managed: Managed) -> Words:
        token = core.make_link(db, admin=person(), managed=managed, now=moment())
        made.append((managed.staff.name, token))
        return Words("", "")

    answer = _step(staff_id, act, form="account")
    return _link_page(staff_id, *made[0]) if made and answer.status_code < 400 else answer


@staff_pages.post("/<uuid:staff_id>/second-factor/reset")
@enters(Entry.MANAGE_STAFF)
def reset_factor(staff_id: UUID) -> Response:
    """Take the second factor away from someone who lost it."""

    def act(db: Session, managed: Managed) -> Words:
        core.reset_factor(db, admin=person(), managed=managed, now=moment())
        return Words(
            "两步验证已重置，其登录已全部退出。", "The second factor is reset; all sessions ended."
        )

    return _step(staff_id, act, form="account")


@staff_pages.post("/<uuid:staff_id>/sessions/end")
@enters(Entry.MANAGE_STAFF)
def end_sessions(staff_id: UUID) -> Response:
    """End all sessions of someone."""

    def act(db: Session, managed: Managed) -> Words:
        core.end_sessions(db, admin=person(), managed=managed, now=moment())
        return Words("其登录已全部退出。", "All their sessions ended.")

    return _step(staff_id, act, form="account")


@staff_pages.post("/<uuid:staff_id>/tokens")
@enters(Entry.MANAGE_STAFF)
def make_token(staff_id: UUID) -> Response:
    """Make an API token of someone, and show it once."""
    made: list[str] = []

    def act(db: Session, managed: Managed) -> Words:
        wish = read_token_wish(db, request.form, paths=_paths())
        made.append(
            core.issue_token(
                db,
                admin=person(),
                managed=managed,
                name=wish.name,
                role=wish.role,
                unit=wish.unit,
            )
        )
        return Words("", "")

    answer = _step(staff_id, act, form="tokens")
    if made and answer.status_code < 400:
        back = url_for("staff.show_person", staff_id=staff_id)
        return make_response(render_template("token.html", token=made[0], back=back))
    return answer


@staff_pages.post("/<uuid:staff_id>/tokens/<uuid:token_id>/revoke")
@enters(Entry.MANAGE_STAFF)
def revoke_token(staff_id: UUID, token_id: UUID) -> Response:
    """Revoke an API token of someone."""

    def act(db: Session, managed: Managed) -> Words:
        core.revoke(db, admin=person(), managed=managed, token_id=token_id, now=moment())
        return Words("令牌已撤销。", "The token is revoked.")

    return _step(staff_id, act, form="tokens")


def _step(staff_id: UUID, act: Act, *, form: str) -> Response:
    """Do one step in one transaction; a refusal shows the page again and says why."""
    try:
        with room().database.writing() as db:
            done = act(db, core.find_person(db, admin=person(), staff_id=staff_id))
    except (InvalidInput, Conflict, NotAllowed) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(staff_id, refusal=error, form=form), status_of(error))
    if done.zh:
        flash(say(done))
    return redirect(url_for("staff.show_person", staff_id=staff_id))


def _page(staff_id: UUID, *, refusal: SuishoupaiError | None = None, form: str = "") -> str:
    with room().database.reading() as db:
        managed = core.find_person(db, admin=person(), staff_id=staff_id)
        is_whole = managed.is_whole
        return render_template(
            "person.html",
            managed=managed,
            sessions=sessions_of(db, staff_id=staff_id, now=moment(), idle_limit=idle_limit())
            if is_whole
            else (),
            tokens=tokens_of(db, staff_id=staff_id) if is_whole else (),
            codes_left=recovery_codes_left(db, staff_id=staff_id),
            now=moment(),
            units=units_within(db, paths=_paths()),
            all_roles=list(Role),
            refusal=refusal,
            form=form,
        )


def _new_page(refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        return render_template(
            "staff_new.html",
            units=units_within(db, paths=_paths()),
            all_roles=list(Role),
            refusal=refusal,
        )


def _link_page(staff_id: UUID, name: str, token: str) -> Response:
    return make_response(
        render_template(
            "link_made.html",
            name=name,
            link=url_for("second_step.open_link", token=token, _external=True),
            back=url_for("staff.show_person", staff_id=staff_id),
        )
    )


def _paths() -> tuple[str, ...]:
    return person().paths(Right.MANAGE_STAFF)
