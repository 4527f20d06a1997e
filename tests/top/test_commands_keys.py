"""Keys are rotated and riders erased by the command line; what was sealed is never lost."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import LargeBinary, select, update

from intake.riders.imports import RiderRow, import_riders
from intake.riders.registering import RiderProfile, add_rider, find_by_phone
from intake.riders.resealing import BATCH_ROWS, reseal_batch, sealed_columns
from schemas import audit
from schemas.database import Base, Database, new_id, now_utc
from schemas.errors import Conflict
from schemas.numbers import CASE_PREFIX, new_number
from schemas.sealing import Sealer
from schemas.settings import Settings, load_settings
from schemas.tables import (
    AuditEntry,
    Case,
    CaseReport,
    IdempotencyKey,
    Report,
    Rider,
    RiderToken,
    Unit,
)
from schemas.vapid import public_key_of

Run = Callable[..., Any]
PHONES = [f"139{n:08d}" for n in range(BATCH_ROWS + 3)]


@pytest.fixture
def sealer(settings: Settings) -> Sealer:
    return Sealer(settings)


@pytest.fixture
def riders(database: Database, sealer: Sealer) -> None:
    """More riders than one batch holds."""
    rows = [RiderRow(n, {"name": "张三", "phone": phone}) for n, phone in enumerate(PHONES)]
    with database.writing() as session:
        import_riders(session, sealer=sealer, rows=rows)


@pytest.fixture
def answer(database: Database, sealer: Sealer, make_report: Callable[..., Report]) -> bytes:
    """A stored answer, which is sealed too."""
    sealed = sealer.seal({"receipt_code": "secret"})
    report = make_report()
    with database.writing() as session:
        session.add(
            IdempotencyKey(
                scope="anonymous", key=new_id(), request_digest="0" * 64,
                report_id=report.id, sealed_answer=sealed,
            )
        )  # fmt: skip
    return sealed


def with_keys(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"secret_keys": keys})


def test_after_a_rotation_the_old_key_is_needed_no_longer(
    run: Run, riders: None, answer: bytes, database: Database, settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (old,), new = settings.secret_keys, Fernet.generate_key().decode()
    monkeypatch.setenv("SECRET_KEYS", f"{new},{old}")
    total = len(PHONES) + 1
    before = run("keys", "status", "--json").document
    assert before["records"] == {"0": 0, "1": total}
    assert before["older_keys_may_be_dropped"] is False
    assert "keys rotate" in run("keys", "status").out
    done = run("keys", "rotate", "--json")
    assert done.document == {
        "records": {"0": total, "1": 0}, "older_keys_may_be_dropped": True, "resealed": total
    }  # fmt: skip
    assert run("keys", "rotate", "--json").document["resealed"] == 0
    alone = Sealer(with_keys(settings, new))
    with database.reading() as session:
        for phone in (PHONES[0], PHONES[-1]):
            rider = find_by_phone(session, sealer=alone, phone=phone)
            assert alone.open(rider.sealed_profile)["phone"] == phone
        kept = session.scalars(select(IdempotencyKey)).one()
        assert alone.open(kept.sealed_answer) == {"receipt_code": "secret"}
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "keys_rotated")).one()
    assert entry.after == {"resealed": total}


def test_a_rotation_that_was_stopped_goes_on_where_it_was(
    run: Run, riders: None, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,), new = settings.secret_keys, Fernet.generate_key().decode()
    both = Sealer(with_keys(settings, new, old))
    (column,) = [each for each in sealed_columns() if each.table.name == "riders"]
    with database.writing() as session:
        first = reseal_batch(session, sealer=both, sealed=column, after=None)
    assert (first.seen, first.resealed) == (BATCH_ROWS, BATCH_ROWS)
    assert first.last is not None
    monkeypatch.setenv("SECRET_KEYS", f"{new},{old}")
    assert run("keys", "rotate", "--json").document["resealed"] == 3


def test_a_record_that_no_key_opens_is_said_and_nothing_is_harmed(
    run: Run, riders: None, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEYS", Fernet.generate_key().decode())
    done = run("keys", "rotate", "--json")
    assert (done.code, done.document["error"]["code"]) == (1, "secret-keys-wrong")
    with database.reading() as session:
        assert (
            session.scalars(select(AuditEntry).where(AuditEntry.action == "keys_rotated")).all()
            == []
        )


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_key_pair_for_web_push_is_printed_and_accepted(run: Run, settings: Settings) -> None:
    pair = run("keys", "vapid", "--json").document
    set_up = load_settings(
        {
            "DATA_DIR": str(settings.data_dir),
            "VAPID_PRIVATE_KEY": pair["private_key"],
            "VAPID_SUBJECT": "mailto:operator@example.cn",
        }
    )
    assert public_key_of(set_up.vapid_private_key) == pair["public_key"]
    assert run("keys", "vapid", "--json").document != pair


def test_a_new_key_is_one_that_the_settings_take(run: Run, settings: Settings) -> None:
    key = run("keys", "new", "--json").document["key"]
    assert Settings.model_validate({"secret_keys": key}).secret_keys == (key,)


def test_every_column_of_sealed_bytes_is_rotated() -> None:
    taken = {f"{each.table.name}.{each.column.name}" for each in sealed_columns()}
    assert {"riders.sealed_profile", "idempotency_keys.sealed_answer"} <= taken
    other = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    } - taken
    assert other == {
        "photo_hashes.pdq", "hash_blocks.data", "hash_lists.data", "photo_regions.data",
        "region_blocks.data", "region_lists.data", "jurisdictions.geometry",
    }  # fmt: skip


def test_while_two_keys_are_in_use_a_phone_is_registered_once(
    database: Database, settings: Settings, sealer: Sealer
) -> None:
    (old,), new = settings.secret_keys, Fernet.generate_key().decode()
    both = Sealer(with_keys(settings, new, old))
    profile = RiderProfile("张三", PHONES[0])
    with database.writing() as session:
        first = add_rider(session, sealer=sealer, profile=profile).id
    with pytest.raises(Conflict, match="rider-exists"), database.writing() as session:
        add_rider(session, sealer=both, profile=profile)
    rows = [RiderRow(n, {"name": "李四", "phone": phone}) for n, phone in enumerate(PHONES[:2])]
    with database.writing() as session:
        found = import_riders(session, sealer=both, rows=rows)
    assert [row.code for row in found.duplicates] == ["rider-exists"]
    assert [row.line for row in found.added] == [1]
    with database.reading() as session:
        assert find_by_phone(session, sealer=both, phone=PHONES[0]).id == first


def test_a_phone_that_got_in_twice_does_not_stop_the_rotation(
    run: Run, database: Database, settings: Settings, sealer: Sealer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (old,), new = settings.secret_keys, Fernet.generate_key().decode()
    # Two processes, of which one did not know the other's key yet.
    for each in (sealer, Sealer(with_keys(settings, new))):
        with database.writing() as session:
            add_rider(session, sealer=each, profile=RiderProfile("张三", PHONES[0]))
    monkeypatch.setenv("SECRET_KEYS", f"{new},{old}")
    assert run("keys", "rotate", "--json").document["older_keys_may_be_dropped"] is True
    assert run("keys", "rotate", "--json").document["resealed"] == 0


def age(database: Database, years: float) -> None:
    """Let every rider have registered that long ago."""
    then = now_utc() - timedelta(days=365.25 * years)
    with database.writing() as session:
        session.execute(update(Rider).values(registered_at=then))


@pytest.fixture
def rider_with_case(database: Database, run: Run) -> Callable[..., tuple[Any, str]]:
    """Register a rider whose report stands in a case."""

    def make(state: str = "closed", years: float = 6) -> tuple[Any, str]:
        added = run("riders", "add", "--name", "张三", "--phone", PHONES[0], "--json").document
        then = now_utc() - timedelta(days=365.25 * years)
        with database.writing() as session:
            rider = session.scalars(select(Rider)).one()
            report = Report(
                number=new_number("JB", then), receipt_hash="0" * 64, rider_id=rider.id,
                categories=["PEST"], received_at=then,
            )  # fmt: skip
            case = Case(
                number=new_number(CASE_PREFIX, then), incident_id=new_id(), department="market",
                unit_id=session.scalars(select(Unit.id).limit(1)).one(), state=state,
                categories=["PEST"], severity=4, received_at=then, due_on=then.date(),
            )  # fmt: skip
            session.add_all([report, case])
            session.flush()
            session.add(
                CaseReport(
                    case_id=case.id, report_id=report.id, department="market", kind="first",
                    pseudonym="骑手-7KQ",
                )
            )  # fmt: skip
        assert added["token"]
        return rider.id, case.number

    return make


def test_an_erased_rider_leaves_a_tombstone_and_a_whole_chain(
    run: Run, database: Database, rider_with_case: Callable[..., tuple[Any, str]]
) -> None:
    rider_id, _ = rider_with_case()
    with database.reading() as session:
        sealed = session.get_one(Rider, rider_id).sealed_profile
    done = run(
        "riders", "erase", "--phone", PHONES[0], "--reason", f"本人 {PHONES[0]} 要求", "--json"
    )
    assert done.document["tombstone"] == hashlib.sha256(sealed).hexdigest()
    with database.reading() as session:
        rider = session.get_one(Rider, rider_id)
        assert (rider.sealed_profile, rider.tombstone) == (b"", done.document["tombstone"])
        assert rider.erased_at is not None
        assert session.scalars(select(RiderToken)).all() == []
        assert session.scalars(select(Report)).one().rider_id == rider_id
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "rider.erased")).one()
        assert entry.after == {"tombstone": rider.tombstone, "reason": "本人 ＊＊＊ 要求"}
    with database.writing() as session:
        audit.seal(session)
    assert run("verify-audit", "--json").document["whole"] is True
    again = run("riders", "erase", "--rider-id", str(rider_id), "--json")
    assert (again.code, again.document["error"]["code"]) == (1, "rider-erased")
    # The phone is free again, for a person who comes back.
    assert run("riders", "add", "--name", "张三", "--phone", PHONES[0]).code == 0
    assert run("keys", "rotate", "--json").document["records"] == {"0": 1}


def test_erasing_nobody_is_refused(run: Run) -> None:
    assert run("riders", "erase").code == 2
    assert run("riders", "erase", "--phone", PHONES[0]).code == 1
    unknown = run("riders", "erase", "--rider-id", str(new_id()), "--json")
    assert unknown.document["error"]["code"] == "rider-unknown"


@pytest.mark.parametrize(
    ("state", "years", "erased"), [("closed", 6, 1), ("closed", 4, 0), ("verifying", 6, 0)]
)
def test_retention_erases_who_was_not_heard_of_and_has_nothing_open(
    run: Run, database: Database, rider_with_case: Callable[..., tuple[Any, str]],
    state: str, years: float, erased: int,
) -> None:  # fmt: skip
    rider_id, _ = rider_with_case(state, years)
    age(database, 7)
    dry = run("retention", "run", "--dry-run", "--json")
    assert dry.document == {"riders": erased, "years": 5, "dry_run": True}
    with database.reading() as session:
        assert session.get_one(Rider, rider_id).erased_at is None
    assert run("retention", "run", "--json").document["riders"] == erased
    with database.reading() as session:
        assert (session.get_one(Rider, rider_id).erased_at is not None) is bool(erased)
    assert run("retention", "run", "--json").document["riders"] == 0


def test_a_legal_hold_keeps_the_data_until_it_is_ended(
    run: Run, database: Database, rider_with_case: Callable[..., tuple[Any, str]]
) -> None:
    _, number = rider_with_case()
    age(database, 7)
    assert run("retention", "hold", number, "--reason", " ").code == 1
    assert run("retention", "hold", number, "--reason", "行政诉讼").code == 0
    assert run("retention", "hold", number, "--reason", "再次", "--json").code == 1
    assert run("retention", "run", "--json").document["riders"] == 0
    refused = run("riders", "erase", "--phone", PHONES[0], "--json").document["error"]
    assert (refused["code"], refused["numbers"]) == ("legal-hold", [number])
    assert run("retention", "release", number).code == 0
    assert run("retention", "release", number).code == 1
    assert run("retention", "run", "--json").document["riders"] == 1
    unknown = new_number(CASE_PREFIX, now_utc())
    assert run("retention", "hold", unknown, "--reason", "x").code == 1


def test_the_time_of_retention_is_the_operators(
    run: Run, database: Database, rider_with_case: Callable[..., tuple[Any, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    rider_with_case(years=2)
    age(database, 2)
    monkeypatch.setenv("RETENTION_YEARS", "1")
    assert "1 名骑手" in run("retention", "run", "--dry-run", "--lang", "zh").out
