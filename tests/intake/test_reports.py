import threading
import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

import schemas.numbers
from intake.reports import (
    Answer,
    ClaimedPlace,
    KeptPhoto,
    Reporter,
    Tip,
    find_report,
    submit,
    supplement,
    withdraw,
)
from intake.riders.registering import RiderProfile, add_rider
from schemas.database import Database, now_utc
from schemas.errors import Conflict, NotFound
from schemas.places import Datum, Point, distance_m
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import (
    AuditEntry,
    Claim,
    IdempotencyKey,
    Photo,
    Report,
    ReportProgress,
    Supplement,
    Withdrawal,
)

PHOTO = KeptPhoto("ab" * 32, 1234, "image/jpeg", 40, 30)
OTHER_PHOTO = KeptPhoto("cd" * 32, 99, "image/png", 4, 3)
TIP = Tip(
    categories=("PEST", "DIRTY_KITCHEN"),
    description="后厨有老鼠",
    premises_name="张记饺子馆",
    premises_address="沈阳市沈河区青年大街 1 号",
    device_place=ClaimedPlace(41.8031, 123.4331, Datum.GCJ02, 12.0),
    pin=ClaimedPlace(41.8032, 123.4332, Datum.GCJ02),
    captured_at=datetime(2026, 11, 21, 3, 42, tzinfo=UTC),
)


@pytest.fixture
def sealer(settings: Settings) -> Sealer:
    return Sealer(settings)


def send(
    database: Database,
    sealer: Sealer,
    *,
    key: uuid.UUID,
    reporter: Reporter | None = None,
    tip: Tip = TIP,
    photos: tuple[KeptPhoto, ...] = (PHOTO,),
) -> Answer:
    with database.writing() as session:
        return submit(
            session,
            sealer=sealer,
            reporter=reporter or Reporter(),
            key=key,
            tip=tip,
            photos=photos,
            now=now_utc(),
        )


def count(database: Database, model: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def a_rider(database: Database, sealer: Sealer, phone: str = "13900000001") -> Reporter:
    with database.writing() as session:
        return Reporter(add_rider(session, sealer=sealer, profile=RiderProfile("李", phone)).id)


def test_a_tip_is_kept_with_photos_claims_progress_and_audit(
    database: Database, sealer: Sealer
) -> None:
    answer = send(database, sealer, key=uuid.uuid4(), photos=(PHOTO, OTHER_PHOTO))
    with database.reading() as session:
        report = session.scalars(select(Report)).one()
        photos = session.scalars(select(Photo).order_by(Photo.position)).all()
        claims = {claim.source: claim for claim in session.scalars(select(Claim))}
        progress = session.scalars(select(ReportProgress)).one()
        entry = session.scalars(select(AuditEntry)).one()
    assert report.number == answer.number
    assert report.categories == ["PEST", "DIRTY_KITCHEN"]
    assert [photo.sha256 for photo in photos] == [PHOTO.sha256, OTHER_PHOTO.sha256]
    assert set(claims) == {
        "device_gps",
        "map_pin",
        "shop_address",
        "device_clock",
        "server_receipt",
    }
    assert progress.queued_at is None
    assert (entry.action, entry.subject_id, entry.actor_kind) == (
        "report.received",
        report.id,
        "anonymous",
    )


def test_a_place_is_kept_as_sent_and_converted_once(database: Database, sealer: Sealer) -> None:
    send(database, sealer, key=uuid.uuid4())
    with database.reading() as session:
        claim = session.scalars(select(Claim).where(Claim.source == "device_gps")).one()
    assert (claim.raw_latitude, claim.raw_longitude, claim.datum) == (41.8031, 123.4331, "gcj02")
    assert claim.latitude is not None
    assert claim.longitude is not None
    moved_m = distance_m(Point(41.8031, 123.4331), Point(claim.latitude, claim.longitude))
    assert 100 < moved_m < 1000
    assert claim.accuracy_m == 12.0


def test_what_is_not_known_makes_no_claim(database: Database, sealer: Sealer) -> None:
    send(
        database,
        sealer,
        key=uuid.uuid4(),
        tip=Tip(categories=("PEST",), premises_address="青年大街 1 号"),
    )
    with database.reading() as session:
        sources = set(session.scalars(select(Claim.source)))
    assert sources == {"shop_address", "server_receipt"}


def test_the_receipt_code_and_the_answer_lie_hashed_and_sealed(
    database: Database, sealer: Sealer
) -> None:
    answer = send(database, sealer, key=uuid.uuid4())
    with database.reading() as session:
        report = session.scalars(select(Report)).one()
        kept = session.scalars(select(IdempotencyKey)).one()
    assert answer.receipt_code not in report.receipt_hash
    assert answer.receipt_code.encode() not in kept.sealed_answer


def test_a_repeat_gets_the_same_answer_and_makes_no_second_report(
    database: Database, sealer: Sealer
) -> None:
    key = uuid.uuid4()
    first, second = send(database, sealer, key=key), send(database, sealer, key=key)
    assert first.is_new
    assert not second.is_new
    assert (second.number, second.receipt_code, second.received_at) == (
        first.number,
        first.receipt_code,
        first.received_at,
    )
    assert count(database, Report) == 1


@pytest.mark.parametrize(
    ("tip", "photos"),
    [
        (Tip(categories=("PEST",), premises_address="别处"), (PHOTO,)),
        (TIP, (OTHER_PHOTO,)),
        (TIP, (PHOTO, OTHER_PHOTO)),
    ],
    ids=["other words", "other photo", "one photo more"],
)
def test_a_key_used_for_other_content_is_refused(
    database: Database, sealer: Sealer, tip: Tip, photos: tuple[KeptPhoto, ...]
) -> None:
    key = uuid.uuid4()
    send(database, sealer, key=key)
    with pytest.raises(Conflict) as refused:
        send(database, sealer, key=key, tip=tip, photos=photos)
    assert refused.value.code == "idempotency-key-reused"
    assert count(database, Report) == 1


def test_the_order_of_the_photos_belongs_to_the_content(database: Database, sealer: Sealer) -> None:
    key = uuid.uuid4()
    send(database, sealer, key=key, photos=(PHOTO, OTHER_PHOTO))
    with pytest.raises(Conflict):
        send(database, sealer, key=key, photos=(OTHER_PHOTO, PHOTO))


def test_a_key_belongs_to_its_rider(database: Database, sealer: Sealer) -> None:
    key, rider = uuid.uuid4(), a_rider(database, sealer)
    other = a_rider(database, sealer, "13900000002")
    numbers = {
        send(database, sealer, key=key, reporter=reporter).number
        for reporter in (Reporter(), rider, other)
    }
    assert len(numbers) == 3


def test_ten_equal_submissions_at_once_make_one_report_and_ten_equal_answers(
    database: Database, sealer: Sealer
) -> None:
    key, answers, together = uuid.uuid4(), [], threading.Barrier(10)

    def one() -> None:
        together.wait()
        answers.append(send(database, sealer, key=key))

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 10
    assert len({(a.number, a.receipt_code, a.received_at, a.subject_id) for a in answers}) == 1
    assert sum(answer.is_new for answer in answers) == 1
    for model in (Report, Photo, IdempotencyKey, ReportProgress, AuditEntry):
        assert count(database, model) == 1


def test_different_content_at_once_under_one_key_is_refused_for_all_but_one(
    database: Database, sealer: Sealer
) -> None:
    key, outcomes, together = uuid.uuid4(), [], threading.Barrier(4)

    def one(number: int) -> None:
        together.wait()
        try:
            tip = Tip(categories=("PEST",), premises_address=f"{number} 号")
            outcomes.append(send(database, sealer, key=key, tip=tip).number)
        except Conflict as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("idempotency-key-reused") == 3
    assert count(database, Report) == 1


def test_a_number_that_is_taken_is_drawn_again(
    database: Database, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first two numbers are drawn equal; a third draw differs.
    signs = iter("A" * 12 + "B" * 6)
    codes = iter(["0123-0123-0123-0123", "4567-4567-4567-4567"])
    monkeypatch.setattr("intake.reports.new_receipt_code", lambda: next(codes))
    monkeypatch.setattr(schemas.numbers.secrets, "choice", lambda _: next(signs))
    first = send(database, sealer, key=uuid.uuid4())
    second = send(database, sealer, key=uuid.uuid4())
    assert "AAAAAA" in first.number
    assert "BBBBBB" in second.number


def test_a_supplement_adds_text_and_photos_and_leaves_the_report_alone(
    database: Database, sealer: Sealer
) -> None:
    answer = send(database, sealer, key=uuid.uuid4())
    key = uuid.uuid4()

    def add(description: str = "又看到一只") -> Answer:
        with database.writing() as session:
            report = find_report(
                session, number=answer.number, rider_id=None, receipt_code=answer.receipt_code
            )
            return supplement(
                session,
                sealer=sealer,
                reporter=Reporter(),
                key=key,
                report=report,
                description=description,
                photos=(OTHER_PHOTO,),
                now=now_utc(),
            )

    first, again = add(), add()
    assert first.subject_id == again.subject_id
    assert first.photo_sha256 == (OTHER_PHOTO.sha256,)
    assert count(database, Supplement) == 1
    with database.reading() as session:
        photos = session.scalars(select(Photo).order_by(Photo.position)).all()
    assert [(photo.position, photo.supplement_id) for photo in photos] == [
        (0, None),
        (1, first.subject_id),
    ]
    with pytest.raises(Conflict):
        add("别的话")


def test_a_withdrawal_stands_once_and_keeps_its_first_reason(
    database: Database, sealer: Sealer
) -> None:
    answer = send(database, sealer, key=uuid.uuid4())
    for reason in ("看错了", "第二次"):
        with database.writing() as session:
            report = find_report(
                session, number=answer.number, rider_id=None, receipt_code=answer.receipt_code
            )
            row = withdraw(
                session, reporter=Reporter(), report=report, reason=reason, now=now_utc()
            )
            assert row.reason == "看错了"
    assert count(database, Withdrawal) == 1
    with database.reading() as session:
        actions = list(session.scalars(select(AuditEntry.action)))
    assert actions.count("report.withdrawn") == 1


def test_a_report_is_found_by_its_rider_and_by_its_receipt_code_only(
    database: Database, sealer: Sealer
) -> None:
    rider, other = a_rider(database, sealer), a_rider(database, sealer, "13900000002")
    answer = send(database, sealer, key=uuid.uuid4(), reporter=rider)
    with database.reading() as session:
        by_rider = find_report(
            session, number=answer.number, rider_id=rider.rider_id, receipt_code=None
        )
        by_code = find_report(
            session,
            number=answer.number.lower(),
            rider_id=None,
            receipt_code=answer.receipt_code.lower().replace("-", " "),
        )
        assert by_rider.id == by_code.id
        refusals = []
        for number, rider_id, code in (
            (answer.number, other.rider_id, None),
            (answer.number, None, None),
            (answer.number, None, "0000-0000-0000-0000"),
            ("JB20261121-AAAAAA-A", rider.rider_id, answer.receipt_code),
            ("nonsense", rider.rider_id, None),
        ):
            with pytest.raises(NotFound) as refused:
                find_report(session, number=number, rider_id=rider_id, receipt_code=code)
            refusals.append((refused.value.code, refused.value.words))
    assert len(set(refusals)) == 1


def test_an_anonymous_report_is_nobodys_by_being_no_rider(
    database: Database, sealer: Sealer
) -> None:
    answer = send(database, sealer, key=uuid.uuid4())
    with database.reading() as session, pytest.raises(NotFound):
        find_report(session, number=answer.number, rider_id=None, receipt_code=None)
