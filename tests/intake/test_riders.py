from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from intake.riders.imports import ImportResult, RiderRow, import_riders
from intake.riders.lists import read_rider_list
from intake.riders.registering import (
    RiderProfile,
    add_rider,
    authenticate,
    find_by_phone,
    issue_token,
    revoke_tokens,
)
from schemas.database import Database
from schemas.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import AuditEntry, Rider, RiderToken

PROFILE = RiderProfile("李小四", "138 0000-1111", "美团", "沈河站", "A7")


@pytest.fixture
def sealer(settings: Settings) -> Sealer:
    return Sealer(settings)


def load(database: Database, sealer: Sealer, text: str, **options: bool) -> ImportResult:
    with database.writing() as session:
        return import_riders(session, sealer=sealer, rows=read_rider_list(text.encode()), **options)


def test_a_riders_profile_lies_sealed_and_opens_with_the_keys(
    database: Database, sealer: Sealer
) -> None:
    with database.writing() as session:
        rider = add_rider(session, sealer=sealer, profile=PROFILE)
        assert b"13800001111" not in rider.sealed_profile
        assert sealer.open(rider.sealed_profile) == {
            "name": "李小四",
            "phone": "13800001111",
            "platform": "美团",
            "station": "沈河站",
            "employee_number": "A7",
        }
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.after) == ("rider.registered", {})


@pytest.mark.parametrize(
    "phone", ["13800001111", "+86 138 0000 1111", "0086-13800001111", "１３８００００１１１１"]
)
def test_one_phone_in_any_form_is_one_rider(database: Database, sealer: Sealer, phone: str) -> None:
    with database.writing() as session:
        rider = add_rider(session, sealer=sealer, profile=PROFILE)
        assert find_by_phone(session, sealer=sealer, phone=phone).id == rider.id
        with pytest.raises(Conflict) as refused:
            add_rider(session, sealer=sealer, profile=RiderProfile("王五", phone))
    assert refused.value.code == "rider-exists"
    assert "138" not in str(refused.value)


@pytest.mark.parametrize(
    "phone", ["1380000111", "138000011112", "abc", "23800001111", "+8612345", "1.38E+10"]
)
def test_a_phone_that_is_none_is_refused_without_being_repeated(
    database: Database, sealer: Sealer, phone: str
) -> None:
    with database.writing() as session, pytest.raises(InvalidInput) as refused:
        add_rider(session, sealer=sealer, profile=RiderProfile("王五", phone))
    assert refused.value.code == "phone-invalid"
    assert phone not in str(refused.value)


def test_a_phone_from_abroad_is_taken(database: Database, sealer: Sealer) -> None:
    with database.writing() as session:
        assert add_rider(session, sealer=sealer, profile=RiderProfile("A", "+852 9123 4567"))


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        (RiderProfile("", "13800001111"), "rider-field-missing"),
        (RiderProfile("名" * 81, "13800001111"), "rider-field-invalid"),
        (RiderProfile("a\0b", "13800001111"), "rider-field-invalid"),
        (RiderProfile("a", "13800001111", station="站" * 81), "rider-field-invalid"),
    ],
)
def test_a_profile_that_can_not_be_right_is_refused(
    database: Database, sealer: Sealer, profile: RiderProfile, code: str
) -> None:
    with database.writing() as session, pytest.raises(InvalidInput) as refused:
        add_rider(session, sealer=sealer, profile=profile)
    assert refused.value.code == code


def test_a_token_opens_the_door_until_it_is_revoked(database: Database, sealer: Sealer) -> None:
    with database.writing() as session:
        rider = add_rider(session, sealer=sealer, profile=PROFILE)
        first = issue_token(session, rider_id=rider.id)
        second = issue_token(session, rider_id=rider.id)
        assert first != second
        assert first not in session.scalars(select(RiderToken.token_hash)).all()
        assert authenticate(session, token=first).id == rider.id
        assert revoke_tokens(session, rider_id=rider.id) == 2
        for token in (first, second, "rider_nonsense", ""):
            with pytest.raises(NotSignedIn) as refused:
                authenticate(session, token=token)
            assert refused.value.code == "token-unknown"


def test_a_phone_nobody_registered_is_not_found(database: Database, sealer: Sealer) -> None:
    with database.reading() as session, pytest.raises(NotFound) as refused:
        find_by_phone(session, sealer=sealer, phone="13800009999")
    assert refused.value.code == "rider-unknown"


def test_a_platforms_list_is_imported_and_every_refused_line_is_reported(
    database: Database, sealer: Sealer
) -> None:
    with database.writing() as session:
        add_rider(session, sealer=sealer, profile=RiderProfile("早", "13900000009"))
    result = load(
        database,
        sealer,
        "姓名,手机号,平台,站点,工号\n"
        "甲,13900000001,美团,沈河站,1\n"
        "乙,not a phone,美团,沈河站,2\n"
        "\n"
        ",13900000003,美团,沈河站,3\n"
        "丁,139-0000-0001,饿了么,,4\n"
        "戊,13900000009,饿了么,,5\n"
        '"己, 小",13900000006,饿了么,"和平\n站",6\n'
        "庚,13900000007,饿了么,a,7,too,many\n",
    )
    assert [added.line for added in result.added] == [2, 8]
    assert [(row.line, row.code) for row in result.refused] == [
        (3, "phone-invalid"),
        (5, "rider-field-missing"),
        (10, "row-too-long"),
    ]
    assert [(row.line, row.code) for row in result.duplicates] == [
        (6, "rider-twice"),
        (7, "rider-exists"),
    ]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Rider)) == 3


def test_a_list_may_have_english_headers_a_byte_order_mark_and_unknown_columns(
    database: Database, sealer: Sealer
) -> None:
    result = load(
        database,
        sealer,
        "\ufeffName , PHONE,team\r\n甲,13900000001,x\r\n",
        with_tokens=True,
    )
    (added,) = result.added
    assert added.token
    with database.reading() as session:
        assert authenticate(session, token=added.token).id == added.rider_id


def test_a_list_may_be_in_gb18030() -> None:
    (row,) = read_rider_list("姓名,手机号\n赵六𠮷,13900000001\n".encode("gb18030"))
    assert row == RiderRow(2, {"name": "赵六𠮷", "phone": "13900000001"})


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "riders-file-unreadable"),
        (b"\xff\xff\xff", "riders-file-unreadable"),
        ("姓名,平台\n甲,美团\n".encode(), "riders-column-missing"),
        ("姓名,手机号,phone\n甲,1,1\n".encode(), "riders-column-twice"),
        (b'name,phone\n"' + b"x" * 200_000 + b'",1\n', "riders-file-unreadable"),
    ],
)
def test_a_list_that_can_not_be_read_is_refused_as_a_whole(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        list(read_rider_list(data))
    assert refused.value.code == code


def test_ten_thousand_riders_are_imported_in_batches(database: Database, sealer: Sealer) -> None:
    taken = []

    def rows() -> Iterator[RiderRow]:
        for number in range(10_000):
            taken.append(number)
            yield RiderRow(number + 2, {"name": f"骑手{number}", "phone": f"139{number:08d}"})

    with database.writing() as session:
        result = import_riders(session, sealer=sealer, rows=rows())
    assert len(result.added) == len(taken) == 10_000
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Rider)) == 10_000
