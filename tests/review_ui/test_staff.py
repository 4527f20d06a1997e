"""Accounts, passwords, lock-out, sessions and tokens."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from review_ui.access.passwords import password_matches
from review_ui.access.sessions import (
    WHOLE_LIMIT,
    end_all_sessions,
    end_session,
    find_session,
    is_due_a_glance,
    note_seen,
    open_session,
)
from review_ui.access.staff import (
    FAILURES_ALLOWED,
    LOCKED_FOR,
    add_staff,
    find_credentials,
    settle_attempt,
    signed_in_as,
)
from review_ui.access.tokens import find_token, revoke_token
from schemas.access import Right, Role
from schemas.database import new_id, now_utc
from schemas.errors import Conflict, InvalidInput, NotFound
from schemas.tables import AuditEntry, Staff, StaffToken

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
IDLE_LIMIT = timedelta(hours=2)
PASSWORD = "a long enough password"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def attempt(world, person, password, now=None):
    """Try a password as the sign-in view does; says whether the person came in."""
    with world.database.reading() as session:
        stored = session.get_one(Staff, person.staff_id).password_hash
    matches = password_matches(stored, password)
    with world.database.writing() as session:
        return (
            settle_attempt(
                session,
                staff_id=person.staff_id,
                password=password,
                matches=matches,
                now=now or now_utc(),
            )
            is not None
        )


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sign_in": "a"}, "sign-in-invalid"),
        ({"sign_in": "two words"}, "sign-in-invalid"),
        ({"name": " "}, "name-invalid"),
        ({"password": "short"}, "password-weak"),
        ({"password": "x" * 201}, "password-weak"),
        ({"password": "qwertyuiop"}, "password-common"),
        ({"password": "Password123"}, "password-common"),
        ({"sign_in": "annasecret", "password": "AnnaSecret"}, "password-weak"),
    ],
)
def test_an_account_that_will_not_do_is_refused(world, changed, code) -> None:
    good = {"sign_in": "anna", "name": "安娜", "password": PASSWORD, "roles": []}
    with world.database.writing() as session, pytest.raises(InvalidInput, match=code):
        add_staff(session, **(good | changed))


def test_a_sign_in_belongs_to_one_person(world) -> None:
    world.person("anna")
    with pytest.raises(Conflict, match="sign-in-taken"):
        world.person("Anna ")


def test_a_role_needs_a_unit_that_exists(world) -> None:
    with world.database.writing() as session, pytest.raises(NotFound, match="unit-unknown"):
        add_staff(
            session,
            sign_in="anna",
            name="安娜",
            password=PASSWORD,
            roles=[(Role.INSPECTOR, new_id())],
        )


def test_passwords_are_argon2id_and_never_stored(world) -> None:
    person = world.person("anna")
    with world.database.reading() as session:
        stored = session.get_one(Staff, person.staff_id).password_hash
        found = find_credentials(session, sign_in="anna")
    assert stored.startswith("$argon2id$")
    assert found is not None
    assert found.staff_id == person.staff_id
    assert password_matches(stored, PASSWORD)
    assert not password_matches(stored, PASSWORD + "x")


def test_an_unknown_name_is_tried_against_a_hash_and_never_matches(dialect) -> None:
    assert not password_matches(None, "nobody has this password")


def test_an_old_hash_is_renewed_at_the_next_sign_in(world) -> None:
    person = world.person("anna")
    weak = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
    with world.database.writing() as session:
        session.get_one(Staff, person.staff_id).password_hash = weak
    assert attempt(world, person, PASSWORD)
    with world.database.reading() as session:
        assert session.get_one(Staff, person.staff_id).password_hash != weak
    assert attempt(world, person, PASSWORD)


def test_five_failures_lock_even_for_the_right_password_until_the_time_is_over(world) -> None:
    person = world.person("anna")
    now = now_utc()
    for _ in range(FAILURES_ALLOWED):
        assert not attempt(world, person, "wrong wrong wrong", now)
    assert not attempt(world, person, PASSWORD, now)
    assert not attempt(world, person, PASSWORD, now + LOCKED_FOR - timedelta(seconds=1))
    assert attempt(world, person, PASSWORD, now + LOCKED_FOR + timedelta(seconds=1))
    with world.database.reading() as session:
        locks = select(func.count()).where(AuditEntry.action == "sign_in_locked")
        assert session.scalar(locks.select_from(AuditEntry)) == 1


def test_a_success_forgets_earlier_failures(world) -> None:
    person = world.person("anna")
    for _ in range(2):
        for _ in range(FAILURES_ALLOWED - 1):
            attempt(world, person, "wrong wrong wrong")
        assert attempt(world, person, PASSWORD)


def test_who_left_does_not_come_in(world) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    token = world.token(person)
    with world.database.writing() as session:
        session.get_one(Staff, person.staff_id).is_active = False
    assert not attempt(world, person, PASSWORD)
    with world.database.reading() as session:
        assert signed_in_as(session, staff_id=person.staff_id) is None
        assert find_token(session, token=token) is None


def test_a_role_reaches_down_its_units_tree_and_no_farther(world) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENYANG))
    assert person.roles_at(world.unit(SHENHE).path) == {Role.INSPECTOR}
    assert person.roles_at(world.unit(XIHU).path) == frozenset()
    assert person.roles_at(world.unit("210000").path) == frozenset()
    assert person.may(Right.SEE_CASES)
    assert person.paths(Right.WORK_CASES) == (world.unit(SHENYANG).path,)
    assert not world.person("rita", (Role.AUDITOR, SHENYANG)).may(Right.SEE_CASES)


def test_a_session_ends_when_idle_when_old_and_when_it_is_ended(world) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    now = now_utc()
    second = timedelta(seconds=1)

    def stands(token, moment):
        with world.database.reading() as session:
            return find_session(session, token=token, now=moment, idle_limit=IDLE_LIMIT) is not None

    with world.database.writing() as session:
        token = open_session(session, staff_id=person.staff_id, now=now)
        other = open_session(session, staff_id=person.staff_id, now=now)
    assert stands(token, now + IDLE_LIMIT)
    assert not stands(token, now + IDLE_LIMIT + second)
    assert not stands("session_guess", now)

    with world.database.writing() as session:
        row, _ = find_session(session, token=token, now=now, idle_limit=IDLE_LIMIT)
        assert not is_due_a_glance(row, now=now + second)
        assert is_due_a_glance(row, now=now + IDLE_LIMIT)
        note_seen(session, session_id=row.id, now=now + WHOLE_LIMIT - second)
    assert stands(token, now + WHOLE_LIMIT)
    assert not stands(token, now + WHOLE_LIMIT + second)

    with world.database.writing() as session:
        end_session(session, token=token, now=now)
    assert not stands(token, now)
    assert stands(other, now)
    with world.database.writing() as session:
        end_all_sessions(session, staff_id=person.staff_id, now=now)
    assert not stands(other, now)


def test_an_api_token_is_kept_as_a_hash_and_can_be_revoked(world) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    token = world.token(person)
    with world.database.writing() as session:
        row = session.scalars(select(StaffToken)).one()
        assert token not in row.token_hash
        found = find_token(session, token=token)
        assert found is not None
        assert found.staff_id == person.staff_id
        revoke_token(session, token_id=row.id, now=now_utc())
    with world.database.reading() as session:
        assert find_token(session, token=token) is None
