"""The own account: password, second factor, sessions and API tokens."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters, not_found
from review_ui.access.arrival import enrolment_values
from review_ui.access.entrance import idle_limit
from review_ui.access.factors import (
    carried_secret,
    enrol,
    new_recovery_codes,
    recovery_codes_left,
    remove_factor,
)
from review_ui.access.forms_of_staff import TokenWish, read_token_wish
from review_ui.access.invitations import same_twice
from review_ui.access.passwords import password_matches
from review_ui.access.scope import units_within
from review_ui.access.sessions import end_all_sessions, end_own_session, sessions_of
from review_ui.access.staff import confirm_password, find_password, set_password
from review_ui.access.tokens import add_token, revoke_token, tokens_of
from review_ui.presenting import say
from review_ui.room import moment, person, room
from schemas import audit
from schemas.errors import Conflict, InvalidInput, NotAllowed, SuishoupaiError
from schemas.sealing import Sealer
from schemas.tables import Staff
from schemas.wire.problems import status_of
from schemas.words import Words

account = Blueprint("account", __name__, url_prefix="/account")
Act = Callable[[Session, Staff], Words]
TRIED_CHARACTERS = 1000


@account.get("")
@enters(Entry.SIGNED_IN)
def show_account() -> str:
    """Show the own account."""
    return _page()


@account.post("/password")
@enters(Entry.SIGNED_IN)
def change_password() -> Response:
    """Change the password, which ends every other session."""

    def act(db: Session, staff: Staff) -> Words:
        new = request.form.get("new_password", "")
        same_twice(new, request.form.get("again", ""))
        set_password(db, staff=staff, password=new, now=moment(), actor=_me())
        end_all_sessions(db, staff_id=staff.id, now=moment(), actor=_me(), but=g.session_id)
        return Words(
            "密码已修改，其他登录已全部退出。",
            "The password is changed; every other session ended.",
        )

    return _step(act, form="password", asks_password=True)


@account.get("/second-factor")
@enters(Entry.SIGNED_IN)
def ask_enrolment() -> str:
    """Show how a second factor is set up, or moved to another phone."""
    return _enrolment_page()


@account.post("/second-factor")
@enters(Entry.SIGNED_IN)
def set_factor() -> Response:
    """Set up the second factor with a first code, and show the recovery codes."""
    sealer, secret = Sealer(room().settings), None
    try:
        secret = carried_secret(
            sealer, staff_id=person().staff_id, sealed=request.form.get("sealed", "")
        )
        _confirm_password()
        with room().database.writing() as db:
            codes = enrol(
                db,
                staff=_own(db),
                sealer=sealer,
                secret=secret,
                code=request.form.get("code", ""),
                now=moment(),
            )
    except (InvalidInput, NotAllowed) as error:
        return make_response(_enrolment_page(secret=secret, fault=error.words), status_of(error))
    return make_response(_codes_page(codes))


@account.post("/second-factor/remove")
@enters(Entry.SIGNED_IN)
def drop_factor() -> Response:
    """Take the own second factor away, where the operator does not ask for one."""

    def act(db: Session, staff: Staff) -> Words:
        if room().settings.require_second_factor:
            raise NotAllowed(
                "second-factor-required",
                Words(
                    "本系统要求两步验证，不能关闭；换手机请重新设置。",
                    "A second factor is required here and can't be removed; to move it to "
                    "another phone, set it up anew.",
                ),
            )
        remove_factor(db, staff=staff, actor=_me())
        return Words("两步验证已关闭。", "The second factor is removed.")

    return _step(act, form="factor", asks_password=True)


@account.post("/recovery-codes")
@enters(Entry.SIGNED_IN)
def renew_codes() -> Response:
    """Make new recovery codes, which replace the earlier ones, and show them once."""
    codes: list[str] = []

    def act(db: Session, staff: Staff) -> Words:
        if staff.sealed_totp is None:
            raise not_found()
        codes.extend(new_recovery_codes(db, staff=staff))
        return Words("", "")

    answer = _step(act, form="factor", asks_password=True)
    return make_response(_codes_page(codes)) if codes else answer


@account.post("/sessions/<uuid:session_id>/end")
@enters(Entry.SIGNED_IN)
def end_one_session(session_id: UUID) -> Response:
    """End one of the own sessions."""

    def act(db: Session, staff: Staff) -> Words:
        if not end_own_session(db, staff_id=staff.id, session_id=session_id, now=moment()):
            raise not_found()
        return Words("该登录已退出。", "That session ended.")

    return _step(act, form="sessions")


@account.post("/sessions/end-others")
@enters(Entry.SIGNED_IN)
def end_other_sessions() -> Response:
    """End every session but this one."""

    def act(db: Session, staff: Staff) -> Words:
        end_all_sessions(db, staff_id=staff.id, now=moment(), actor=_me(), but=g.session_id)
        return Words("其他登录已全部退出。", "Every other session ended.")

    return _step(act, form="sessions")


@account.post("/tokens")
@enters(Entry.SIGNED_IN)
def make_token() -> Response:
    """Make an API token of the own, and show it once."""
    made: list[str] = []

    def act(db: Session, staff: Staff) -> Words:
        wish = _token_wish(db)
        made.append(
            add_token(
                db,
                staff_id=staff.id,
                name=wish.name,
                role=wish.role,
                unit_id=wish.unit.id if wish.unit else None,
                actor=_me(),
            )[1]
        )
        return Words("", "")

    answer = _step(act, form="tokens", asks_password=True)
    if made and answer.status_code < 400:
        return make_response(
            render_template("token.html", token=made[0], back=url_for("account.show_account"))
        )
    return answer


@account.post("/tokens/<uuid:token_id>/revoke")
@enters(Entry.SIGNED_IN)
def drop_token(token_id: UUID) -> Response:
    """Revoke one of the own tokens."""

    def act(db: Session, staff: Staff) -> Words:
        if not revoke_token(db, token_id=token_id, staff_id=staff.id, now=moment(), actor=_me()):
            raise not_found()
        return Words("令牌已撤销。", "The token is revoked.")

    return _step(act, form="tokens")


def _step(act: Act, *, form: str, asks_password: bool = False) -> Response:
    """Do one step in one transaction; a refusal shows the page again and says why."""
    try:
        if asks_password:
            _confirm_password()
        with room().database.writing() as db:
            done = act(db, _own(db))
    except (InvalidInput, Conflict, NotAllowed) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(refusal=error, form=form), status_of(error))
    if done.zh:
        flash(say(done))
    return redirect(url_for("account.show_account"))


def _confirm_password() -> None:
    """Try the password of the form; raises NotAllowed `password-wrong`, and counts that."""
    staff_id = person().staff_id
    room().attempts.check(address=request.remote_addr or "", name=str(staff_id))
    with room().database.reading() as db:
        known = find_password(db, staff_id=staff_id)
    matches = password_matches(known, request.form.get("password", "")[:TRIED_CHARACTERS])
    with room().database.writing() as db:
        is_right = confirm_password(db, staff_id=staff_id, matches=matches, now=moment())
    if not is_right:
        raise NotAllowed(
            "password-wrong",
            Words(
                "当前密码不对，或者帐号暂时锁定。连续输错 5 次会锁定 15 分钟。",
                "Your present password is wrong, or the account is locked for now. Five wrong "
                "ones in a row lock it for 15 minutes.",
            ),
            field="password",
        )


def _page(*, refusal: SuishoupaiError | None = None, form: str = "") -> str:
    staff_id = person().staff_id
    with room().database.reading() as db:
        return render_template(
            "account.html",
            staff=_own(db),
            sessions=sessions_of(db, staff_id=staff_id, now=moment(), idle_limit=idle_limit()),
            session_id=g.session_id,
            tokens=tokens_of(db, staff_id=staff_id),
            codes_left=recovery_codes_left(db, staff_id=staff_id),
            units=units_within(db, paths=_paths()),
            roles=sorted({held.role for held in person().held}),
            refusal=refusal,
            form=form,
            factor_required=room().settings.require_second_factor,
        )


def _enrolment_page(*, secret: str | None = None, fault: Words | None = None) -> str:
    with room().database.reading() as db:
        staff = _own(db)
    return render_template(
        "second_factor.html", staff=staff, fault=fault, **enrolment_values(staff, secret=secret)
    )


def _codes_page(codes: list[str]) -> str:
    target = url_for("account.show_account")
    return render_template("recovery_codes.html", codes=codes, target=target, pairs=None)


def _token_wish(db: Session) -> TokenWish:
    return read_token_wish(db, request.form, paths=_paths())


def _paths() -> tuple[str, ...]:
    return tuple(sorted({held.unit_path for held in person().held}))


def _own(db: Session) -> Staff:
    return db.get_one(Staff, person().staff_id)


def _me() -> audit.Actor:
    return audit.Actor("staff", person().staff_id)
