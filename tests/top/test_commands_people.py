"""Riders, staff and units by the command line, and how each refusal reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from intake.identity.codes import ask_code
from intake.identity.gateways import ConsoleGateway
from schemas.database import Database, now_utc
from schemas.sealing import Sealer, token_hash
from schemas.settings import Settings
from schemas.tables import (
    Rider,
    RiderToken,
    Staff,
    StaffRole,
    StaffToken,
)

Run = Callable[..., Any]


def count(database: Database, table: type[Any]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_riders_add_gives_a_token_that_is_theirs(
    run: Run, settings: Settings, database: Database
) -> None:
    done = run(
        "riders", "add", "--name", "张三", "--phone", "139 0000 0001", "--platform", "饿了么",
        "--station", "中街站", "--employee-number", "E1", "--json",
    )  # fmt: skip
    assert done.code == 0
    with database.reading() as session:
        token = session.scalars(select(RiderToken)).one()
        rider = session.scalars(select(Rider)).one()
    assert token.token_hash == token_hash(done.document["token"])
    assert str(rider.id) == done.document["rider_id"] == str(token.rider_id)
    assert Sealer(settings).open(rider.sealed_profile)["station"] == "中街站"


def test_a_phone_is_registered_once(run: Run) -> None:
    arguments = ("riders", "add", "--name", "张三", "--phone", "13900000001")
    assert run(*arguments).code == 0
    done = run(*arguments, "--lang", "zh")
    assert (done.code, done.out, done.err) == (1, "", "这个手机号已经登记过。\n")
    done = run(*arguments, "--lang", "en", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == "rider-exists"
    assert done.document["error"]["field"] == "phone"


def test_a_bad_phone_is_refused_without_repeating_it(run: Run, database: Database) -> None:
    done = run("riders", "add", "--name", "张三", "--phone", "12345")
    assert done.code == 1
    assert "12345" not in done.err
    assert count(database, Rider) == 0


def test_riders_add_without_a_phone_is_wrong_usage(run: Run) -> None:
    done = run("riders", "add", "--name", "张三")
    assert done.code == 2
    assert "--phone" in done.err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_riders_import_reads_a_platforms_list(
    run: Run, database: Database, tmp_path: Path, encoding: str
) -> None:
    names = tmp_path / "骑手 名单.csv"
    names.write_text(
        "姓名,手机号,平台,备注\n张三,13900000001,饿了么,x\n,,,\n李四,13900000002,美团,y\n"
        "张三,13900000001,饿了么,again\n王五,1,饿了么,\n",
        encoding=encoding,
    )
    done = run("riders", "import", str(names), "--with-tokens", "--json")
    assert done.code == 1, "a refused line is not passed over in silence"
    assert [row["line"] for row in done.document["added"]] == [2, 4]
    assert [row["line"] for row in done.document["duplicates"]] == [5]
    assert [(row["line"], row["code"]) for row in done.document["refused"]] == [
        (6, "phone-invalid")
    ]
    assert count(database, Rider) == 2
    assert count(database, RiderToken) == 2
    again = run("riders", "import", str(names), "--lang", "zh")
    assert "新登记 0 人，已登记过 3 人，有误 1 行。" in again.out
    assert "第 6 行" in again.out


def test_a_list_without_a_phone_column_is_refused(run: Run, tmp_path: Path) -> None:
    names = tmp_path / "list.csv"
    names.write_text("姓名,平台\n张三,饿了么\n")
    done = run("riders", "import", str(names), "--lang", "zh")
    assert (done.code, done.err.splitlines()[-1]) == (
        1,
        "名单缺少“手机号”一列。第一行应为：姓名,手机号,平台,站点,工号。",
    )


def test_a_list_that_is_no_text_is_refused(run: Run, tmp_path: Path) -> None:
    names = tmp_path / "list.csv"
    names.write_bytes(b"\xff\xfe\x00\xd8\x00")
    assert run("riders", "import", str(names)).code == 1


def test_a_list_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    assert run("riders", "import", "nowhere.csv").code == 2


def test_staff_add_gives_password_and_token(run: Run, database: Database) -> None:
    done = run(
        "staff", "add", "--sign-in", "Li.Si", "--name", "李四", "--role", "inspector",
        "--role", "dispatcher", "--unit", "210103", "--api-token", "--json",
    )  # fmt: skip
    assert done.code == 0
    assert done.document["sign_in"] == "li.si"
    assert len(done.document["password"]) >= 10
    with database.reading() as session:
        person = session.scalars(select(Staff)).one()
        roles = set(session.scalars(select(StaffRole.role)))
        token = session.scalars(select(StaffToken)).one()
    assert roles == {"inspector", "dispatcher"}
    assert token.token_hash == token_hash(done.document["token"])
    assert str(person.id) == done.document["staff_id"]


def test_a_chosen_password_is_not_printed(run: Run) -> None:
    done = run(
        "staff", "add", "--sign-in", "a1", "--name", "李四", "--role", "inspector",
        "--unit", "210103", "--password", "correct horse battery",
    )  # fmt: skip
    assert done.code == 0
    assert "correct horse" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--unit", "999999"), "unit-unknown"),
        (("--unit", "210103", "--department", "urban"), "unit-unknown"),
        (("--unit", "210103", "--password", "short"), "password-weak"),
    ],
)
def test_staff_add_refuses(run: Run, arguments: tuple[str, ...], code: str) -> None:
    done = run(
        *("staff", "add", "--sign-in", "a1", "--name", "李四", "--role", "inspector"),
        *(*arguments, "--json"),
    )
    assert done.code == 1
    assert done.document["error"]["code"] == code


def test_a_role_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    done = run(
        "staff", "add", "--sign-in", "a1", "--name", "李四", "--role", "king", "--unit", "210103"
    )
    assert done.code == 2


def test_units_add_makes_a_departments_unit_once(run: Run, database: Database) -> None:
    arguments = ("units", "add", "--department", "urban", "--code", "210103", "--json")
    done = run(*arguments)
    assert done.code == 0
    assert done.document["name"].startswith("沈阳市沈河区")
    assert run(*arguments).document["error"]["code"] == "unit-exists"
    unknown = run("units", "add", "--department", "urban", "--code", "123", "--json")
    assert unknown.document["error"]["code"] == "division-unknown"


PHONE = "13900000001"


@pytest.fixture
def one_rider(run: Run) -> str:
    """A registered rider's id."""
    done = run("riders", "add", "--name", "张三", "--phone", PHONE, "--json")
    return str(done.document["rider_id"])


def test_an_invitation_is_made_with_its_qr_code_and_ended(run: Run, tmp_path: Path) -> None:
    poster = tmp_path / "poster.svg"
    place = ("--platform", "饿了么", "--station", "中街站")
    done = run("riders", "invite", *place, "--qr", str(poster), "--json")
    assert done.code == 0
    assert "/join/join_" in done.document["address"]
    assert poster.read_text().startswith("<?xml")
    assert run("riders", "invite", *place, "--qr", str(tmp_path / "poster.doc")).code == 1
    ended = ("riders", "end-invitation", done.document["invitation_id"])
    assert run(*ended).code == 0
    assert run(*ended, "--json").document["error"]["code"] == "invitation-over"


def test_a_rider_is_verified_appointed_and_signed_out(
    run: Run, one_rider: str, database: Database
) -> None:
    assert run("riders", "verify", "--phone", PHONE).code == 0
    assert run("riders", "supervisor", "--rider-id", one_rider).code == 0
    assert run("riders", "revoke", "--phone", PHONE, "--json").document["ended"] == 1
    with database.reading() as session:
        rider = session.scalars(select(Rider)).one()
        assert (rider.verification, rider.is_supervisor) == ("verified", True)
        assert session.scalars(select(RiderToken)).one().revoked_at is not None
    assert run("riders", "supervisor", "--phone", PHONE, "--end").code == 0
    with database.reading() as session:
        assert session.scalars(select(Rider)).one().is_supervisor is False
    assert run("riders", "verify", "--phone", "13900000009").code == 1
    assert run("riders", "verify").code == 2


def test_stations_are_added_renewed_listed_and_ended(run: Run) -> None:
    add = ("stations", "add", "--name", "中街站", "--place", "中街路 1 号", "--json")
    first = run(*add).document["token"]
    assert run(*add).document["error"]["code"] == "station-exists"
    assert run("stations", "renew", "中街站", "--json").document["token"] != first
    assert run("stations", "list").out == "中街站\t中街路 1 号\n"
    assert run("stations", "end", "中街站").code == 0
    assert run("stations", "end", "中街站").code == 1
    assert run("stations", "list", "--lang", "zh").out == "还没有站点。\n"


def test_codes_are_shown_with_a_masked_phone(
    run: Run, settings: Settings, database: Database, one_rider: str
) -> None:
    assert run("riders", "codes", "--lang", "zh").out == "现在没有等待的验证码。\n"
    sealer = Sealer(settings)
    with database.writing() as session:
        made = ask_code(session, sealer=sealer, phone=PHONE, now=now_utc())
    ConsoleGateway(database, sealer).send(made, locale="zh")
    done = run("riders", "codes")
    assert f"139****0001  {made.code}" in done.out
    assert PHONE not in done.out
