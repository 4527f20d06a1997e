"""Who the rider is, on both databases: codes, invitations, consents, stations, leaving."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from intake.identity.arriving import Arrival, Joining, arrive
from intake.identity.codes import ATTEMPTS, KEPT, ask_code, sweep_codes, take_code
from intake.identity.consents import (
    LOCATION,
    LOCATION_TERMS,
    give_consent,
    may_use_place,
    standing_consent,
    withdraw_consent,
)
from intake.identity.invitations import find_invitation, make_invitation, use_invitation
from intake.identity.leaving import delete_account
from intake.identity.sessions import end_other_devices, open_session
from intake.identity.stations import (
    CODE_LIFE,
    add_station,
    authenticate_station,
    end_station,
    make_personal_code,
    receive_visitor,
    renew_token,
    sweep_visits,
)
from intake.riders.imports import import_riders
from intake.riders.lists import read_rider_list
from intake.riders.registering import RiderProfile, add_rider, find_token, issue_token
from schemas.database import Database
from schemas.errors import Conflict, InvalidInput, NotFound, NotSignedIn, SuishoupaiError, TooMany
from schemas.lifecycle import State
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import (
    AuditEntry,
    Case,
    LegalHold,
    Report,
    Rider,
    RiderConsent,
    RiderToken,
    SignInCode,
    StationVisit,
)

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
PHONE = "13800001111"


@pytest.fixture
def sealer(settings: Settings) -> Sealer:
    return Sealer(settings)


@pytest.fixture
def rider_id(database: Database, sealer: Sealer) -> UUID:
    with database.writing() as session:
        profile = RiderProfile("李小四", PHONE, "美团", "沈河站", "A7")
        return add_rider(session, sealer=sealer, profile=profile).id


def code_of(refused: pytest.ExceptionInfo[SuishoupaiError]) -> str:
    return refused.value.code


def join(
    database: Database, sealer: Sealer, joining: Joining, phone: str = PHONE
) -> Arrival | None:
    with database.writing() as session:
        made = ask_code(session, sealer=sealer, phone=phone, now=NOW)
        return arrive(
            session,
            sealer=sealer,
            phone=phone,
            code=made.code,
            device=None,
            joining=joining,
            now=NOW,
        )


def test_whoever_has_an_invitation_registers_with_its_platform_and_station(
    database: Database, sealer: Sealer
) -> None:
    with database.writing() as session:
        row, token = make_invitation(
            session, platform=" 美团 ", station="沈河站", days=14, riders=2, now=NOW
        )
        assert token not in row.token_hash
        welcome = find_invitation(session, token=token, now=NOW)
    arrival = join(database, sealer, Joining(welcome, "王五"))
    assert arrival
    assert arrival.is_new
    with database.reading() as session:
        rider = session.get_one(Rider, arrival.rider_id)
        assert rider.verification == "unverified"
        profile = sealer.open(rider.sealed_profile)
        assert (profile["name"], profile["platform"], profile["station"]) == (
            "王五",
            "美团",
            "沈河站",
        )
        # What the log says of it leads nobody to the station.
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "rider.registered")
        ).one()
        assert (entry.actor_kind, entry.after) == ("anonymous", {})


def test_a_registered_rider_uses_no_place_of_an_invitation(
    database: Database, sealer: Sealer, rider_id: UUID
) -> None:
    with database.writing() as session:
        _, token = make_invitation(
            session, platform="美团", station="沈河站", days=1, riders=1, now=NOW
        )
        welcome = find_invitation(session, token=token, now=NOW)
    arrival = join(database, sealer, Joining(welcome, "别的名字"))
    assert arrival
    assert (arrival.rider_id, arrival.is_new) == (rider_id, False)
    with database.writing() as session:
        assert find_invitation(session, token=token, now=NOW)
        rider = session.get_one(Rider, rider_id)
        assert sealer.open(rider.sealed_profile)["name"] == "李小四"


def test_an_invitation_ends_by_count_by_time_and_by_hand(
    database: Database, sealer: Sealer
) -> None:
    with database.writing() as session:
        row, token = make_invitation(
            session, platform="美团", station="沈河站", days=2, riders=1, now=NOW
        )
        for late, given in ((NOW + timedelta(days=2), token), (NOW, "join_nothing")):
            with pytest.raises(NotFound) as refused:
                find_invitation(session, token=given, now=late)
            assert code_of(refused) == "invitation-over"
        welcome = find_invitation(session, token=token, now=NOW)
        assert use_invitation(session, invitation_id=row.id)
        assert not use_invitation(session, invitation_id=row.id)
    # Somebody who held the page open comes too late, and their code stays good.
    with pytest.raises(NotFound) as refused:
        join(database, sealer, Joining(welcome, "王五"))
    assert code_of(refused) == "invitation-over"
    with database.reading() as session:
        assert session.scalars(select(Rider)).all() == []


@pytest.mark.parametrize(("days", "riders"), [(0, 1), (91, 1), (1, 0), (1, 5001)])
def test_an_invitation_has_bounds(database: Database, days: int, riders: int) -> None:
    with database.writing() as session, pytest.raises(InvalidInput) as refused:
        make_invitation(
            session, platform="美团", station="沈河站", days=days, riders=riders, now=NOW
        )
    assert code_of(refused) == "number-out-of-range"


def test_a_rider_who_registered_alone_is_confirmed_by_the_platforms_list(
    database: Database, sealer: Sealer
) -> None:
    arrival = join(database, sealer, Joining(by_phone=True))
    assert arrival
    listed = read_rider_list(f"姓名,手机号,平台,站点\n赵六,{PHONE},饿了么,中街站\n".encode())
    with database.writing() as session:
        result = import_riders(session, sealer=sealer, rows=listed)
    assert (result.confirmed, result.added, result.duplicates) == ([2], [], [])
    with database.reading() as session:
        rider = session.get_one(Rider, arrival.rider_id)
        assert rider.verification == "listed"
        assert sealer.open(rider.sealed_profile)["station"] == "中街站"


def test_a_phone_is_sent_ten_codes_a_day(database: Database, sealer: Sealer) -> None:
    with database.writing() as session:
        for number in range(10):
            ask_code(session, sealer=sealer, phone=PHONE, now=NOW + timedelta(hours=number))
        with pytest.raises(TooMany) as refused:
            ask_code(session, sealer=sealer, phone=PHONE, now=NOW + timedelta(hours=11))
    assert code_of(refused) == "codes-too-often"
    # NOW is noon in Shenyang.
    assert "明天 12:00" in refused.value.words.zh
    assert "12:00 tomorrow" in refused.value.words.en


def test_codes_are_swept_when_no_limit_counts_them(database: Database, sealer: Sealer) -> None:
    with database.writing() as session:
        row = session.get_one(SignInCode, ask_code(session, sealer=sealer, phone=PHONE, now=NOW).id)
        row.sealed_message = sealer.seal("x")
        assert sweep_codes(session, now=NOW + timedelta(minutes=5)) == 0
        session.refresh(row)
        assert row.sealed_message is None
        assert sweep_codes(session, now=NOW + KEPT) == 1


def test_a_consent_stands_once_is_withdrawn_and_is_never_forgotten(
    database: Database, rider_id: UUID
) -> None:
    version = LOCATION_TERMS.version
    with database.writing() as session:
        first = give_consent(session, rider_id=rider_id, version=version, now=NOW)
        assert give_consent(session, rider_id=rider_id, version=version, now=NOW).id == first.id
        assert withdraw_consent(session, rider_id=rider_id, now=NOW)
        assert not withdraw_consent(session, rider_id=rider_id, now=NOW)
        assert standing_consent(session, rider_id=rider_id, kind=LOCATION) is None
        again = give_consent(session, rider_id=rider_id, version=version, now=NOW)
        # Words that were agreed to in another version are agreed to anew.
        again.version = "2020-01"
        session.flush()
        renewed = give_consent(session, rider_id=rider_id, version=version, now=NOW)
        assert renewed.id != again.id
        assert session.scalar(select(func.count()).select_from(RiderConsent)) == 3
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("rider.consent_given") == 3
    assert actions.count("rider.consent_withdrawn") == 1


def test_words_that_are_not_todays_can_not_be_agreed_to(database: Database, rider_id: UUID) -> None:
    with database.writing() as session, pytest.raises(Conflict) as refused:
        give_consent(session, rider_id=rider_id, version="2020-01", now=NOW)
    assert code_of(refused) == "consent-outdated"


def test_the_place_needs_a_consent_in_a_browser_and_no_withdrawal_elsewhere(
    database: Database, rider_id: UUID
) -> None:
    def allowed() -> tuple[bool, bool]:
        return (
            may_use_place(session, rider_id=rider_id, by_browser=True),
            may_use_place(session, rider_id=rider_id, by_browser=False),
        )

    with database.writing() as session:
        assert allowed() == (False, True)
        give_consent(session, rider_id=rider_id, version=LOCATION_TERMS.version, now=NOW)
        assert allowed() == (True, True)
        withdraw_consent(session, rider_id=rider_id, now=NOW)
        assert allowed() == (False, False)


def test_a_station_is_told_that_it_is_a_registered_rider_and_no_more(
    database: Database, sealer: Sealer, rider_id: UUID
) -> None:
    with database.writing() as session:
        station, token = add_station(session, name="中街站", place="中街路 1 号", now=NOW)
        assert authenticate_station(session, token=token).id == station.id
        for day in (NOW, NOW + timedelta(hours=1)):
            shown = make_personal_code(session, sealer=sealer, rider_id=rider_id, now=day)
            visitor = receive_visitor(
                session,
                sealer=sealer,
                station_id=station.id,
                code=shown.text.lower().replace("-", " "),
                now=day,
            )
            assert (visitor.is_supervisor, visitor.is_verified) == (False, True)
        visits = session.scalars(select(StationVisit)).all()
        assert [visit.visited_on.isoformat() for visit in visits] == ["2026-11-22"]
        assert sweep_visits(session, now=NOW + timedelta(days=1)) == 0
        assert sweep_visits(session, now=NOW + timedelta(days=2)) == 1


def test_an_expired_a_used_and_a_forged_personal_code_are_refused(
    database: Database, sealer: Sealer, rider_id: UUID
) -> None:
    with database.writing() as session:
        station, _ = add_station(session, name="中街站", place="中街路 1 号", now=NOW)

        def refusal(code: str, now: datetime = NOW) -> str:
            with pytest.raises(SuishoupaiError) as refused:
                receive_visitor(session, sealer=sealer, station_id=station.id, code=code, now=now)
            assert "刷新" in refused.value.words.zh
            return code_of(refused)

        older = make_personal_code(session, sealer=sealer, rider_id=rider_id, now=NOW)
        shown = make_personal_code(session, sealer=sealer, rider_id=rider_id, now=NOW)
        assert refusal(older.text) == refusal("") == refusal("00000-00000")
        assert refusal(older.text) == "personal-code-unknown"
        assert refusal(shown.text, NOW + CODE_LIFE) == "personal-code-expired"
        receive_visitor(session, sealer=sealer, station_id=station.id, code=shown.text, now=NOW)
        assert refusal(shown.text) == "personal-code-used"


def test_a_terminals_old_token_opens_nothing(database: Database) -> None:
    with database.writing() as session:
        _, first = add_station(session, name="中街站", place="中街路 1 号", now=NOW)
        with pytest.raises(Conflict) as exists:
            add_station(session, name=" 中街站", place="别处", now=NOW)
        assert code_of(exists) == "station-exists"
        second = renew_token(session, name="中街站")
        assert authenticate_station(session, token=second)
        end_station(session, name="中街站", now=NOW)
        for token in (first, second):
            with pytest.raises(NotSignedIn) as refused:
                authenticate_station(session, token=token)
            assert code_of(refused) == "station-token-unknown"
        with pytest.raises(NotFound) as unknown:
            renew_token(session, name="中街站")
        assert code_of(unknown) == "station-unknown"


def test_leaving_erases_who_it_was_ends_every_sign_in_and_keeps_the_report(
    database: Database, sealer: Sealer, rider_id: UUID
) -> None:
    with database.writing() as session:
        token = issue_token(session, rider_id=rider_id)
        open_session(session, rider_id=rider_id, device=None, now=NOW)
        ask_code(session, sealer=sealer, phone=PHONE, now=NOW)
        make_personal_code(session, sealer=sealer, rider_id=rider_id, now=NOW)
        session.add(Report(number="JB-1", receipt_hash="x", rider_id=rider_id, categories=["PEST"]))
        with pytest.raises(InvalidInput) as refused:
            delete_account(session, sealer=sealer, rider_id=rider_id, phone_ending="2222", now=NOW)
        assert code_of(refused) == "phone-ending-wrong"
        delete_account(session, sealer=sealer, rider_id=rider_id, phone_ending="1111", now=NOW)
        assert find_token(session, token=token, now=NOW) is None
    with database.reading() as session:
        rider = session.get_one(Rider, rider_id)
        assert (rider.sealed_profile, rider.erased_at) == (b"", NOW)
        assert session.scalars(select(Report)).one().rider_id == rider_id
        assert session.scalars(select(RiderToken)).all() == []
        assert session.scalars(select(SignInCode)).all() == []
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "rider.erased")).one()
    assert (entry.actor_kind, entry.after["reason"]) == ("rider", "own-request")


def test_a_legal_hold_keeps_an_account_and_does_not_tell_which_case(
    database: Database, sealer: Sealer, rider_id: UUID, open_case: Callable[..., str]
) -> None:
    with database.writing() as session:
        report = Report(number="JB-1", receipt_hash="x", rider_id=rider_id, categories=["PEST"])
        session.add(report)
        session.flush()
        report_id = report.id
    open_case(report_id, states=((State.ASSIGNED, NOW),))
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        session.add(LegalHold(case_id=case.id, reason="诉讼"))
        session.flush()
        with pytest.raises(Conflict) as refused:
            delete_account(session, sealer=sealer, rider_id=rider_id, phone_ending="1111", now=NOW)
    assert code_of(refused) == "erasure-held"
    assert case.number not in refused.value.words.zh + refused.value.words.en


def test_ending_the_others_keeps_the_one_that_asks(database: Database, rider_id: UUID) -> None:
    with database.writing() as session:
        for _ in range(3):
            open_session(session, rider_id=rider_id, device=None, now=NOW)
        kept = session.scalars(select(RiderToken.id)).first()
        assert end_other_devices(session, rider_id=rider_id, but=kept, now=NOW) == 2
        assert end_other_devices(session, rider_id=rider_id, but=kept, now=NOW) == 0
        standing = session.scalars(select(RiderToken.id).where(RiderToken.revoked_at.is_(None)))
        assert standing.all() == [kept]


def test_of_many_at_once_one_is_let_in_and_the_wrong_ones_spend_the_attempts(
    database: Database, sealer: Sealer, rider_id: UUID
) -> None:
    with database.writing() as session:
        code = ask_code(session, sealer=sealer, phone=PHONE, now=NOW).code

    def attempt(given: str) -> bool:
        with database.writing() as session:
            return take_code(session, sealer=sealer, phone=PHONE, code=given, now=NOW)

    with ThreadPoolExecutor(ATTEMPTS) as threads:
        assert sorted(threads.map(attempt, [code] * ATTEMPTS)) == [False] * 4 + [True]
    with database.writing() as session:
        later = NOW + timedelta(minutes=2)
        right = ask_code(session, sealer=sealer, phone=PHONE, now=later).code
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    with ThreadPoolExecutor(ATTEMPTS) as threads:
        assert not any(threads.map(attempt, [wrong] * 8))
    assert not attempt(right)
    with database.reading() as session:
        newest = session.scalars(select(SignInCode).order_by(SignInCode.asked_at.desc())).first()
    assert newest
    assert newest.attempts == ATTEMPTS


def test_of_many_requests_at_once_for_a_phone_one_makes_a_code(
    database: Database, sealer: Sealer
) -> None:
    def ask(_number: int) -> bool:
        try:
            with database.writing() as session:
                ask_code(session, sealer=sealer, phone=PHONE, now=NOW)
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(ask, range(4))) == [False, False, False, True]
