"""A bulletin is published, frozen, revised when facts come late, and proved from the facts."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from schemas.access import Role
from schemas.bulletins.issues import latest, publish, seal_of, settled_at
from schemas.bulletins.verifying import verify
from schemas.errors import Conflict, NotAllowed
from schemas.lifecycle import State
from schemas.tables import BulletinIssue
from schemas.tables.triggers import postgresql_trigger, sqlite_triggers


@pytest.fixture
def sign(city, week, parameters):
    signer = city.signer()

    def publish_at(hours: float, *, of=week, by=signer):
        moment = of.ends_at + timedelta(hours=hours)
        with city.database.writing() as session:
            return publish(
                session, week=of, scope="210100", signer_id=by, now=moment, parameters=parameters
            )

    return publish_at


def proof_of(city):
    with city.database.reading() as session:
        return verify(session)


def test_a_late_fact_makes_a_revision_that_says_which_case_and_why(city, at, sign, week) -> None:
    case = city.case(at(1))
    city.case(at(1))
    first = sign(8)
    assert (first.number, first.sequence) == (f"ZB-210100-{week.name}-1", 1)
    # It was verified on Friday, and whoever signed wrote it down on Tuesday.
    city.move(case, State.VERIFYING, at(4), recorded_at=week.ends_at + timedelta(days=1))
    city.move(case, State.VERIFIED, at(4, 11), recorded_at=week.ends_at + timedelta(days=1))
    second = sign(48)
    assert (second.revision, second.sequence) == (2, 2)
    assert second.previous_sha256 == first.sha256
    deltas = json.loads(second.deltas)
    assert deltas["totals"]["verified"] == [0, 1]
    assert [cause["case"] for cause in deltas["causes"]] == ["AJ" + str_of(case, city)]
    (cause,) = deltas["causes"]
    assert cause["totals"]["verified"] == 1
    assert [fact["to"] for fact in cause["because"]] == ["verifying", "verified"]
    assert proof_of(city).fault is None
    assert proof_of(city).verified == 2


def str_of(case_id, city) -> str:
    with city.database.reading() as session:
        number = session.execute(
            text("SELECT number FROM cases WHERE id = :id"),
            {"id": case_id.hex if city.database.engine.dialect.name == "sqlite" else case_id},
        ).scalar_one()
    return str(number).removeprefix("AJ")


def test_without_a_difference_there_is_no_revision(city, at, sign, week) -> None:
    case = city.case(at(1))
    sign(8)
    # What happens in the week after is that week's.
    city.move(case, State.VERIFYING, week.ends_at + timedelta(days=1))
    with pytest.raises(Conflict, match="bulletin-unchanged"):
        sign(48)


def test_a_week_that_runs_is_not_published(sign) -> None:
    with pytest.raises(Conflict, match="week-running"):
        sign(-1)
    # Nor in the minute after it, in which a fact of its last second may still come in.
    with pytest.raises(Conflict, match="week-running"):
        sign(1 / 60)


def test_only_a_statistician_of_the_area_or_above_signs(city, sign) -> None:
    for code, role in (("210100", Role.BUREAU_HEAD), ("210103", Role.STATISTICIAN)):
        with pytest.raises(NotAllowed, match="not-the-statistician"):
            sign(8, by=city.signer(code, role))
    assert sign(8, by=city.signer("210000")).revision == 1


def test_an_issue_cannot_be_altered(city, sign) -> None:
    sign(8)
    for statement in ("UPDATE bulletin_issues SET revision = 2", "DELETE FROM bulletin_issues"):
        with (
            pytest.raises(DBAPIError, match="append-only"),
            city.database.writing() as session,
        ):
            session.execute(text(statement))


def tampered(city, *statements: str, **values: str) -> None:
    """Alter the issues as somebody could who owns the database itself."""
    is_sqlite = city.database.engine.dialect.name == "sqlite"
    guards = ["no_update", "no_delete"] if is_sqlite else ["append_only"]
    with city.database.writing() as session:
        for guard in guards:
            where = "" if is_sqlite else " ON bulletin_issues"
            session.execute(text(f"DROP TRIGGER bulletin_issues_{guard}{where}"))
        for statement in statements:
            session.execute(text(statement), values)
        again = sqlite_triggers if is_sqlite else lambda name: (postgresql_trigger(name),)
        for trigger in again(BulletinIssue.__tablename__):
            session.execute(text(trigger))


def altered(city, old: str, new: str) -> None:
    """Alter the issues' documents."""
    tampered(
        city,
        "UPDATE bulletin_issues SET document = replace(document, :old, :new)",
        old=old,
        new=new,
    )


def test_a_changed_figure_in_a_published_row_is_found_and_named(city, at, sign, week) -> None:
    city.case(at(1))
    sign(8)
    before = sign(8, of=week.after(1))
    altered(city, '"received":1', '"received":2')
    proof = proof_of(city)
    assert proof.verified == 0
    assert proof.fault.number == f"ZB-210100-{week.name}-1"
    assert (proof.fault.kind, proof.fault.published, proof.fault.counted) == ("figures", 2, 1)
    assert proof.fault.path.endswith("received")
    assert before.sequence == 2


def test_a_changed_delta_or_public_figure_is_found_though_it_was_sealed_anew(
    city, at, sign, week
) -> None:
    for _ in range(6):
        city.case(at(1))
    sign(8)
    sign(8, of=week.after(1))
    city.case(at(2), recorded_at=week.ends_at + timedelta(hours=200))
    # The week after was signed when this week stood at its first revision: that is what it saw.
    sign(210)
    assert (proof_of(city).verified, proof_of(city).fault) == (3, None)
    for column, old, new, kind, path in (
        ("deltas", '"received":[6,7]', '"received":[6,9]', "deltas", "received[1]"),
        ("public_document", '"received":7', '"received":8', "public", "received"),
    ):
        change = f"UPDATE bulletin_issues SET {column} = replace({column}, :old, :new)"
        tampered(city, change, old=old, new=new)
        fault = proof_of(city).fault
        assert (fault.kind, fault.number) == (kind, f"ZB-210100-{week.name}-2")
        assert path in fault.path
        tampered(city, change, old=new, new=old)


def test_an_issue_that_was_sealed_anew_is_found_by_the_audit_log(city, at, sign, week) -> None:
    city.case(at(1))
    row = sign(8)
    with city.database.reading() as session:
        changed = session.get_one(BulletinIssue, row.id)
        changed.signer_name = "另一位"
        sealed = seal_of(changed)
        session.rollback()
    tampered(
        city,
        "UPDATE bulletin_issues SET signer_name = '另一位', sha256 = :sealed",
        sealed=sealed,
    )
    fault = proof_of(city).fault
    assert (fault.kind, fault.published, fault.counted) == ("signed", sealed, row.sha256)


def test_an_issue_that_was_taken_away_from_the_end_is_missed(city, at, sign, week) -> None:
    city.case(at(1))
    sign(8)
    last = sign(8, of=week.after(1))
    assert proof_of(city).fault is None
    tampered(city, "DELETE FROM bulletin_issues WHERE number = :number", number=last.number)
    proof = proof_of(city)
    assert (proof.verified, proof.fault.kind, proof.fault.number) == (1, "missing", last.number)


def test_the_database_gives_what_was_frozen(city, at, sign, week) -> None:
    city.case(at(1))
    row = sign(8)
    with city.database.reading() as session:
        found = latest(session, week=week, scope="210100")
    assert found.bulletin.totals["received"] == 1
    assert found.bulletin.canonical == row.document


def test_what_a_transaction_under_way_may_still_bring_is_waited_for(city, week, dialect) -> None:
    now = week.ends_at
    with city.database.reading() as session:
        assert settled_at(session, now=now) == now - timedelta(minutes=2)
