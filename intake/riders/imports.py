"""Registers the riders of a platform's list: thousands in seconds, with each refused line named."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from intake.riders.registering import (
    EXISTS,
    LISTED,
    UNVERIFIED,
    check_profile,
    issue_token,
    known_under_older_keys,
    plain_row,
    rider_row,
)
from schemas import audit
from schemas.errors import InvalidInput
from schemas.sealing import Sealer
from schemas.tables import Rider
from schemas.words import Words

BATCH_ROWS = 500
_TWICE = Words(
    "这个手机号在名单里出现了不止一次。", "This phone stands in the list more than once."
)


@dataclass(frozen=True)
class RiderRow:
    """One line of a platform's list: its number in the file and its cells by field name."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class AddedRider:
    """A rider the import made; `token` is shown here and never again."""

    line: int
    rider_id: UUID
    token: str | None


@dataclass(frozen=True)
class RefusedRow:
    """A line that was not imported: `code` is stable, `words` say why."""

    line: int
    code: str
    words: Words


@dataclass
class ImportResult:
    """What an import did: who was added, who was there already, what could not be read.

    `confirmed` are the lines of riders who had registered by themselves and are now known
    by their platform's list.
    """

    added: list[AddedRider] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    duplicates: list[RefusedRow] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)


def import_riders(
    session: Session,
    *,
    sealer: Sealer,
    rows: Iterable[RiderRow],
    with_tokens: bool = False,
    actor: audit.Actor = audit.OPERATOR,
) -> ImportResult:
    """Register the riders of a platform's list, in the caller's one transaction.

    A line that can't be right and a phone that is known already are reported with
    their line number and don't stop the others. `with_tokens` issues each new rider
    a token. Rows are read in batches, so a list may be longer than memory.
    """
    result = ImportResult()
    seen: set[str] = set()
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_ROWS)):
        good = list(_readable(batch, sealer, result, seen))
        _import_batch(session, good, result, with_tokens=with_tokens, actor=actor)
    return result


def _readable(
    batch: Sequence[RiderRow], sealer: Sealer, result: ImportResult, seen: set[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in batch:
        try:
            values = rider_row(sealer, check_profile(row.cells))
        except InvalidInput as error:
            result.refused.append(RefusedRow(row.line, error.code, error.words))
            continue
        if values["phone_digest"] in seen:
            result.duplicates.append(RefusedRow(row.line, "rider-twice", _TWICE))
            continue
        seen.add(values["phone_digest"])
        yield row.line, values


def _import_batch(
    session: Session,
    good: Sequence[tuple[int, dict[str, Any]]],
    result: ImportResult,
    *,
    with_tokens: bool,
    actor: audit.Actor,
) -> None:
    known = known_under_older_keys(session, [values for _, values in good])
    fresh = [plain_row(values) for _, values in good if not known & set(values["older_digests"])]
    made = insert_if_new(session, Rider, fresh, conflict=("phone_digest",))
    audit.record_each(
        session, actor=actor, action="rider.registered", subjects=[("rider", each) for each in made]
    )
    for line, values in good:
        rider_id: UUID = values["id"]
        if rider_id not in made:
            if _confirm(session, values, actor=actor):
                result.confirmed.append(line)
            else:
                result.duplicates.append(RefusedRow(line, "rider-exists", EXISTS))
            continue
        token = issue_token(session, rider_id=rider_id, actor=actor) if with_tokens else None
        result.added.append(AddedRider(line, rider_id, token))
    # Once flushed, the rows need not stay in memory: the session holds them weakly.
    session.flush()


def _confirm(session: Session, values: Mapping[str, Any], *, actor: audit.Actor) -> bool:
    """Take over a list's profile for a rider who is known by a phone only, if it is one."""
    digests = [values["phone_digest"], *values["older_digests"]]
    rider = session.scalars(
        select(Rider).where(Rider.phone_digest.in_(digests), Rider.verification == UNVERIFIED)
    ).first()
    if rider is None:
        return False
    rider.sealed_profile, rider.verification = values["sealed_profile"], LISTED
    audit.record(session, actor=actor, action="rider.listed", subject=("rider", rider.id))
    return True
