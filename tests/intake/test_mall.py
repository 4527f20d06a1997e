"""The points mall: never oversold, never spent twice, and what is not collected goes back."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from intake.rewards.ledger import Posting, account_balance, balance_of, post
from intake.rewards.mall import (
    collect,
    due_redemptions,
    expire,
    find_redemption,
    give_back,
    open_offers,
    redeem,
    redemptions_of,
)
from schemas import audit
from schemas.database import new_id
from schemas.errors import Conflict, InvalidInput, NotFound, SuishoupaiError
from schemas.points import SYSTEM_ACCOUNTS, AccountKind, EntryKind
from schemas.sealing import Sealer
from schemas.tables import (
    PointAccount,
    PointEntry,
    PointOffer,
    PointRedemption,
    Rider,
    Staff,
    Station,
    Unit,
)

NOW = datetime(2026, 11, 12, 4, tzinfo=UTC)
RIDERS = 50
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def sealer(settings) -> Sealer:
    return Sealer(settings)


def give(session, rider, points):
    """Let a rider have points, as an approved award does."""
    for kind, source, target in (
        (EntryKind.EARNED, AccountKind.ISSUE, AccountKind.PENDING),
        (EntryKind.APPROVED, AccountKind.PENDING, AccountKind.RIDER),
    ):
        post(
            session,
            Posting(
                key=uuid4().hex, kind=kind, rider_id=rider, source=source, target=target,
                points=points, actor=audit.PIPELINE, now=NOW,
            ),
        )  # fmt: skip


def stand(session, *, riders=1, points=100, stock=1, price=30, **more):
    """Make a station with an offer, and riders with points; returns their ids."""
    staff = Staff(sign_in=uuid4().hex, name="孙丽", password_hash="x")
    station = Station(name=uuid4().hex, place="青年大街 1 号", token_hash=uuid4().hex)
    people = [Rider(sealed_profile=b"x", phone_digest=uuid4().hex) for _ in range(riders)]
    session.add_all([staff, station, *people])
    session.flush()
    unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).first()
    offer = PointOffer(
        **{
            "station_id": station.id, "unit_id": unit.id, "title": "热饭一份",
            "price_points": price, "stock": stock, "starts_on": NOW.date(),
            "ends_on": NOW.date() + timedelta(days=30), "hold_days": 7, "made_by": staff.id,
        }
        | more
    )  # fmt: skip
    session.add(offer)
    session.flush()
    for each in people:
        give(session, each.id, points)
    return station.id, offer.id, [each.id for each in people]


def take(database, sealer, rider, offer, key=None, now=NOW):
    with database.writing() as session:
        return redeem(
            session, sealer=sealer, rider_id=rider, offer_id=offer, key=key or uuid4(), now=now
        ).id


def code_of(database, sealer, rider, redemption):
    with database.reading() as session:
        return find_redemption(
            session, sealer=sealer, rider_id=rider, redemption_id=redemption
        ).code


def sums(session):
    accounts = session.scalars(select(PointAccount.id)).all()
    return [account_balance(session, account_id=each) for each in accounts]


def all_at_once(work, arguments):
    """Run work with each of the arguments, all let go at the same moment."""
    start, answers = threading.Barrier(len(arguments)), []

    def run(argument) -> None:
        start.wait()
        try:
            work(argument)
            answers.append("yes")
        except SuishoupaiError as refusal:
            answers.append(refusal.code)
        except Exception as error:  # noqa: BLE001 - shown by the caller's assertion
            answers.append(repr(error))

    threads = [threading.Thread(target=run, args=(each,)) for each in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_fifty_who_ask_at_once_only_as_many_get_one_as_there_are(database, sealer) -> None:
    with database.writing() as session:
        _, offer, riders = stand(session, riders=RIDERS, stock=7)
    answers = all_at_once(lambda rider: take(database, sealer, rider, offer), riders)
    assert sorted(answers) == ["offer-sold-out"] * (RIDERS - 7) + ["yes"] * 7
    with database.reading() as session:
        assert session.get_one(PointOffer, offer).taken == 7
        assert session.scalar(select(func.count()).select_from(PointRedemption)) == 7
        held = account_balance(session, account_id=SYSTEM_ACCOUNTS[AccountKind.HELD])
        assert held == 7 * 30
        assert sum(sums(session)) == 0
        balances = [balance_of(session, rider_id=rider) for rider in riders]
        assert sorted(balances) == [70] * 7 + [100] * (RIDERS - 7)


def test_a_rider_spends_no_point_twice_however_many_ask_for_them(database, sealer) -> None:
    with database.writing() as session:
        _, offer, (rider,) = stand(session, points=100, price=30, stock=50)
    answers = all_at_once(lambda _: take(database, sealer, rider, offer), list(range(10)))
    assert sorted(answers) == ["points-not-enough"] * 7 + ["yes"] * 3
    with database.reading() as session:
        assert balance_of(session, rider_id=rider) == 10
        assert session.get_one(PointOffer, offer).taken == 3


def test_the_same_request_sent_again_is_the_same_piece(database, sealer) -> None:
    with database.writing() as session:
        _, offer, (rider,) = stand(session, stock=5)
        _, other, _ = stand(session)
    key = uuid4()
    answers = all_at_once(lambda _: take(database, sealer, rider, offer, key), list(range(6)))
    assert answers == ["yes"] * 6
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PointRedemption)) == 1
        assert balance_of(session, rider_id=rider) == 70
    with pytest.raises(Conflict, match="idempotency-key-reused"):
        take(database, sealer, rider, other, key)


def test_two_terminals_with_one_code_hand_one_piece_out(database, sealer) -> None:
    with database.writing() as session:
        station, offer, (rider,) = stand(session)
    redemption = take(database, sealer, rider, offer)
    code = code_of(database, sealer, rider, redemption)

    def hand_out(_) -> None:
        with database.writing() as session:
            collect(session, station_id=station, code=code.lower(), now=NOW)

    answers = all_at_once(hand_out, list(range(4)))
    assert sorted(answers) == ["redemption-collected"] * 3 + ["yes"]
    with database.reading() as session:
        assert account_balance(session, account_id=SYSTEM_ACCOUNTS[AccountKind.SPENT]) == 30
        row = session.get_one(PointRedemption, redemption)
        # Nothing can be collected any more, so the code is gone.
        assert (row.status, row.sealed_code) == ("spent", b"")
    assert code_of(database, sealer, rider, redemption) is None


def test_what_is_not_collected_in_time_goes_back_with_its_points_once(database, sealer) -> None:
    with database.writing() as session:
        station, offer, (rider,) = stand(session)
    redemption = take(database, sealer, rider, offer)
    code = code_of(database, sealer, rider, redemption)
    # Seven days after the twelfth, to the end of the day in Shanghai.
    late = datetime(2026, 11, 19, 16, tzinfo=UTC)
    with database.reading() as session:
        assert due_redemptions(session, now=late - timedelta(seconds=1)) == []
        assert due_redemptions(session, now=late) == [redemption]
    # Over is over, also before the clock has come by.
    with database.writing() as session, pytest.raises(Conflict, match="redemption-over"):
        collect(session, station_id=station, code=code, now=late)

    def expire_it(_) -> None:
        with database.writing() as session:
            expire(session, redemption_id=redemption, now=late)

    assert all_at_once(expire_it, list(range(4))) == ["yes"] * 4
    with database.reading() as session:
        assert balance_of(session, rider_id=rider) == 100
        assert session.get_one(PointOffer, offer).taken == 0
        assert sum(sums(session)) == 0
    with database.writing() as session, pytest.raises(Conflict, match="redemption-over"):
        collect(session, station_id=station, code=code, now=late)


def test_the_database_itself_holds_that_no_more_is_taken_than_there_is(database) -> None:
    with database.writing() as session:
        _, offer, _ = stand(session, stock=1)
    with database.write() as session, pytest.raises(IntegrityError):
        session.execute(update(PointOffer).where(PointOffer.id == offer).values(taken=2))


@sqlite_only
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"stock": 0}, "offer-sold-out"),
        ({"starts_on": NOW.date() + timedelta(days=1)}, "offer-over"),
        ({"starts_on": NOW.date() - timedelta(days=9), "ends_on": NOW.date() - timedelta(days=1)},
         "offer-over"),
        ({"ended_at": NOW}, "offer-over"),
        ({"price_points": 101}, "points-not-enough"),
    ],
)  # fmt: skip
def test_what_can_not_be_had_takes_no_points(database, sealer, change, refusal) -> None:
    with database.writing() as session:
        _, offer, (rider,) = stand(session, **change)
    with pytest.raises(Conflict, match=refusal):
        take(database, sealer, rider, offer)
    with database.reading() as session:
        assert balance_of(session, rider_id=rider) == 100
        assert session.scalars(select(PointRedemption)).all() == []


@sqlite_only
def test_a_code_is_good_at_its_own_station_only(database, sealer) -> None:
    with database.writing() as session:
        _, offer, (rider,) = stand(session)
        elsewhere, _, _ = stand(session)
    redemption = take(database, sealer, rider, offer)
    code = code_of(database, sealer, rider, redemption)
    with database.writing() as session:
        with pytest.raises(Conflict, match="redemption-elsewhere"):
            collect(session, station_id=elsewhere, code=code, now=NOW)
        with pytest.raises(InvalidInput, match="redemption-code-unknown"):
            collect(session, station_id=elsewhere, code="AAAA-AAAA-AAAA-AAAA", now=NOW)


@sqlite_only
def test_a_rider_gives_back_what_is_theirs_and_nothing_else(database, sealer) -> None:
    with database.writing() as session:
        station, offer, (rider, other) = stand(session, riders=2, stock=2)
    mine, theirs = (take(database, sealer, each, offer) for each in (rider, other))
    with database.writing() as session:
        for wrong in (theirs, new_id()):
            with pytest.raises(NotFound, match="redemption-unknown"):
                give_back(session, rider_id=rider, redemption_id=wrong, now=NOW)
        for _ in range(2):
            give_back(session, rider_id=rider, redemption_id=mine, now=NOW)
        assert balance_of(session, rider_id=rider) == 100
        assert session.get_one(PointOffer, offer, populate_existing=True).taken == 1
        (seen,) = redemptions_of(session, sealer=sealer, rider_id=rider)
        assert (seen.redemption.status, seen.code) == ("returned", None)
    code = code_of(database, sealer, other, theirs)
    with database.writing() as session:
        collect(session, station_id=station, code=code, now=NOW)
        with pytest.raises(Conflict, match="redemption-collected"):
            give_back(session, rider_id=other, redemption_id=theirs, now=NOW)


@sqlite_only
def test_offers_are_listed_while_they_can_be_had(database) -> None:
    with database.writing() as session:
        _, now_on, _ = stand(session)
        stand(session, starts_on=NOW.date() + timedelta(days=1))
        stand(session, ended_at=NOW)
        closed, _, _ = stand(session)
        session.get_one(Station, closed).ended_at = NOW
        assert [offer.id for offer, _ in open_offers(session, now=NOW)] == [now_on]


@sqlite_only
def test_no_history_of_the_mall_makes_or_loses_a_point(database, sealer) -> None:
    steps = st.lists(
        st.tuples(st.sampled_from(["redeem", "collect", "back", "expire"]), st.integers(0, 1)),
        min_size=4,
        max_size=14,
    )
    met = set()

    @settings(
        max_examples=10, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(steps=steps)
    def live(steps) -> None:
        with database.write() as session:
            station, offer, riders = stand(session, riders=2, stock=2)
            made: list[tuple] = []
            for name, who in steps:
                try:
                    if name == "redeem":
                        row = redeem(
                            session, sealer=sealer, rider_id=riders[who], offer_id=offer,
                            key=uuid4(), now=NOW,
                        )  # fmt: skip
                        made.append((row.id, riders[who], str(sealer.open(row.sealed_code))))
                    elif made and name == "collect":
                        collect(session, station_id=station, code=made[-1 - who][2], now=NOW)
                    elif made and name == "back":
                        give_back(session, rider_id=made[-1][1], redemption_id=made[-1][0], now=NOW)
                    elif made:
                        expire(session, redemption_id=made[0][0], now=NOW + timedelta(days=9))
                except (Conflict, IndexError):
                    met.add(name)
                states = session.execute(
                    select(PointRedemption.status, func.count()).group_by(PointRedemption.status)
                )
                count = dict(states.all())
                taken = session.scalar(select(PointOffer.taken).where(PointOffer.id == offer))
                assert taken == count.get("held", 0) + count.get("spent", 0) <= 2
                for kind in ("held", "spent"):
                    account = SYSTEM_ACCOUNTS[AccountKind(kind)]
                    assert account_balance(session, account_id=account) == 30 * count.get(kind, 0)
                assert sum(sums(session)) == 0
                assert all(balance_of(session, rider_id=rider) >= 0 for rider in riders)
            session.rollback()

    live()
    assert {"redeem", "collect"} <= met
    with database.reading() as session:
        assert session.scalars(select(PointEntry)).all() == []
