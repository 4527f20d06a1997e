"""The demo's accounts: made once, kept under DATA_DIR/demo for their owner alone.

What is kept is what `up` prints again on its next start: one password of all demo
sign-ins (marked as such), tokens of the demo's staff, and the demo rider's token.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.riders.imports import import_riders
from intake.riders.registering import find_by_phone, issue_token
from review_ui.access.staff import add_staff
from review_ui.access.tokens import add_token
from schemas.database import Database, now_utc
from schemas.divisions import divisions
from schemas.sealing import Sealer, token_hash
from schemas.settings import Settings
from schemas.tables import Report, RiderToken, Staff, StaffToken
from schemas.units import add_unit, find_unit
from suishoupai.demo.people import (
    OTHER_UNITS,
    StaffPlan,
    rider_phone,
    rider_rows,
    staff_plans,
)
from suishoupai.embedded import write_private


@dataclass
class Accounts:
    """What the demo keeps between runs; `began_at` dates its pictures."""

    began_at: str
    password: str
    rider_tokens: dict[str, str] = field(default_factory=dict)
    staff_tokens: dict[str, str] = field(default_factory=dict)
    finished: bool = False

    @property
    def moment(self) -> datetime:
        """When this demo began, aware and in UTC."""
        return datetime.fromisoformat(self.began_at).astimezone(UTC)


def accounts_path(settings: Settings) -> Path:
    """Return where the demo's accounts are kept."""
    return settings.data_dir / "demo" / "accounts.json"


def read_accounts(settings: Settings) -> Accounts | None:
    """Return what was kept, or None when no demo was begun here."""
    try:
        return Accounts(**json.loads(accounts_path(settings).read_text()))
    except FileNotFoundError:
        return None


def keep_accounts(settings: Settings, accounts: Accounts) -> None:
    """Keep the accounts, readable by their owner alone."""
    path = accounts_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, json.dumps(asdict(accounts), indent=1))


def demo_is_wanted(settings: Settings, database: Database) -> bool:
    """Whether `up` brings the demo: asked for, and begun here before or nothing here yet.

    A database outside DATA_DIR gets demo accounts only where DEMO=1 is really set,
    since their password stands in a banner.
    """
    if not settings.demo:
        return False
    if read_accounts(settings) is not None:
        return True
    if not settings.embedded_database and "demo" not in settings.model_fields_set:
        return False
    with database.reading() as session:
        return session.scalar(select(Report.id).limit(1)) is None


def ensure_staff(settings: Settings, database: Database) -> Accounts:
    """Make the demo's sign-ins, their units and the demo rider, where they are missing."""
    accounts = read_accounts(settings) or Accounts(
        began_at=now_utc().isoformat(), password=f"demo-{secrets.token_hex(4)}"
    )
    # Kept first: a password that was set and then lost with a crash would be no use.
    keep_accounts(settings, accounts)
    with database.writing() as session:
        for department, code in OTHER_UNITS:
            if find_unit(session, department=department, code=code) is None:
                add_unit(session, department=department, division=divisions()[code])
    known = _known_tokens(database)
    for plan in staff_plans():
        if token_hash(accounts.staff_tokens.get(plan.sign_in, "")) not in known:
            with database.writing() as session:
                accounts.staff_tokens[plan.sign_in] = _staff_token(session, plan, accounts)
    with database.writing() as session:
        import_riders(session, sealer=Sealer(settings), rows=[next(rider_rows())])
    ensure_rider_tokens(settings, database, accounts, [0])
    return accounts


def ensure_rider_tokens(
    settings: Settings, database: Database, accounts: Accounts, numbers: list[int]
) -> None:
    """Give the demo riders of these numbers a token each, where they have none."""
    sealer, known = Sealer(settings), _known_tokens(database)
    with database.writing() as session:
        for number in numbers:
            if token_hash(accounts.rider_tokens.get(str(number), "")) not in known:
                rider = find_by_phone(session, sealer=sealer, phone=rider_phone(number))
                accounts.rider_tokens[str(number)] = issue_token(session, rider_id=rider.id)
    keep_accounts(settings, accounts)


def _known_tokens(database: Database) -> set[str]:
    """Return the hashes of all tokens: what was kept may be of a database that is gone."""
    with database.reading() as session:
        return {
            *session.scalars(select(StaffToken.token_hash)),
            *session.scalars(select(RiderToken.token_hash)),
        }


def _staff_token(session: Session, plan: StaffPlan, accounts: Accounts) -> str:
    person = session.scalars(select(Staff).where(Staff.sign_in == plan.sign_in)).one_or_none()
    if person is None:
        unit = find_unit(session, department=plan.department, code=plan.code)
        if unit is None:
            raise LookupError(f"no unit of {plan.department} for {plan.code}")
        person = add_staff(
            session,
            sign_in=plan.sign_in,
            name=plan.name,
            password=accounts.password,
            roles=[(plan.role, unit.id)],
        )
    return add_token(session, staff_id=person.id)[1]
