"""Which shop a verification was about: noted with it, so that a later name changes nothing."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.database import now_utc
from schemas.lifecycle import State
from schemas.shop_names import shop_key
from schemas.tables import Case, CaseHistory, ShopFinding, Unit


def note_shop(session: Session, *, case: Case, move: CaseHistory) -> None:
    """Note the shop of a verification; nothing for another move or a shop without a name."""
    if (move.from_state, move.to_state) != (State.VERIFYING, State.VERIFIED):
        return
    code = session.scalars(select(Unit.division_code).where(Unit.id == move.unit_id)).one()
    key = shop_key(record=move.record, name=case.premises_name, county_code=code)
    if key:
        session.add(
            ShopFinding(
                case_id=case.id,
                version=move.version,
                unit_id=move.unit_id,
                shop_key=key,
                occurred_at=move.occurred_at,
                recorded_at=now_utc(),
            )
        )
