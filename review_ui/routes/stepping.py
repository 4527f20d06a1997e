"""How every form of the case page is answered: done in one transaction, or shown again as typed."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import flash, make_response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from review_ui.access.scope import find_case
from review_ui.casefile.casepage import case_page
from review_ui.casefile.forms import Typed
from review_ui.presenting import say
from review_ui.room import person, room
from schemas.errors import Conflict, InvalidInput, NotAllowed, NotFound, SuishoupaiError, TooLarge
from schemas.tables import Case
from schemas.wire.problems import status_of
from schemas.words import Words

Act = Callable[[Session, Case, int], Words]


def do_step(number: str, act: Act, *, form: str, values: Mapping[str, Any]) -> Response:
    """Do one step in one transaction; a refusal shows the page again with what was typed."""
    try:
        version = posted_version()
        with room().database.writing() as db:
            case = find_case(db, number=number, staff=person())
            done = act(db, case, version)
    except (InvalidInput, Conflict, NotAllowed, TooLarge) as error:
        return refused(number, error, form=form, values=values)
    flash(say(done))
    return redirect(_where_it_is_now(number))


def refused(
    number: str, error: SuishoupaiError, *, form: str, values: Mapping[str, Any]
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    room().metrics.observe_refusal(error.code)
    typed = Typed(form, values, error.field)
    return make_response(show_page(number, refusal=error, typed=typed), status_of(error))


def show_page(number: str, **options: Any) -> str:
    """Return the page of a case; raises NotFound for one that is not the person's."""
    with room().database.reading() as db:
        return case_page(db, case=find_case(db, number=number, staff=person()), **options)


def posted_version() -> int:
    """Return the version of the case that the person's screen was showing."""
    text = request.form.get("version", "")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise SuishoupaiError(
            "body-unreadable", Words("请求的格式读不懂。", "The request can't be read.")
        )
    return int(text)


def uuid_or_nobody(text: str) -> UUID:
    """Return an id as it was sent; one that is none becomes nobody's, which the step refuses."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _where_it_is_now(number: str) -> str:
    """Return the case's page, or the queue where the case has left the person's tree."""
    with room().database.reading() as db:
        try:
            find_case(db, number=number, staff=person())
        except NotFound:
            return url_for("queue.front")
    return url_for("cases.show_case", number=number)
