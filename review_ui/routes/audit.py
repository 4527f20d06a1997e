"""The auditor's page: who opened what and why, and how the chain of the log stands."""

from contextlib import suppress
from datetime import date

from flask import Blueprint, render_template, request

from intake.doorway import Entry, enters
from review_ui.evidence.auditing import LogFilters, chain_state, read_log
from review_ui.evidence.unsealing import REASONS
from review_ui.room import person, room
from schemas.audit_words import ACTIONS, UNSEALINGS
from schemas.sealing import Sealer

audit_log = Blueprint("audit_log", __name__)


@audit_log.get("/audit")
@enters(Entry.SEE_AUDIT)
def show_log() -> str:
    """Show the audit log of the person's tree; what was unsealed comes first."""
    filters = read_log_filters()
    with room().database.reading() as db:
        page = read_log(
            db,
            staff=person(),
            filters=filters,
            cursor=request.args.get("after"),
            sealer=Sealer(room().settings),
        )
        chain = chain_state(db)
    return render_template(
        "audit.html",
        page=page,
        filters=filters,
        chain=chain,
        actions=ACTIONS,
        unsealings=UNSEALINGS,
        reasons=REASONS,
        is_first=not request.args.get("after"),
        kept={name: value for name, value in request.args.items() if name != "after" and value},
    )


def read_log_filters() -> LogFilters:
    """Return the filters of the present query; what can't be a filter filters nothing."""
    action = request.args.get("action", "")
    return LogFilters(
        only_unsealings=request.args.get("tab", "unsealings") != "all",
        action=action if action in ACTIONS else "",
        person=_plain("person"),
        case_number=_plain("case"),
        first_day=_day("from"),
        last_day=_day("to"),
    )


def _plain(name: str) -> str:
    return request.args.get(name, "").replace("\0", "").strip()[:80]


def _day(name: str) -> date | None:
    with suppress(ValueError):
        found = date.fromisoformat(request.args.get(name, ""))
        # Neither end may leave the calendar when a day is added.
        return found if date(2000, 1, 1) <= found <= date(2999, 1, 1) else None
    return None
