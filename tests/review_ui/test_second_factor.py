"""The second factor: codes, replay, drift, lock, recovery, and where it is set up."""

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select

from review_ui.access.entrance import COOKIE
from review_ui.access.factors import (
    RECOVERY_CODES,
    STEP_S,
    carried_secret,
    carry_secret,
    enrol,
    enrolment_address,
    new_secret,
    recovery_codes_left,
    step_of,
    take_code,
)
from review_ui.access.sessions import (
    WAITING_LIMIT,
    Awaits,
    find_session,
    find_waiting,
    open_session,
)
from review_ui.access.staff import FAILURES_ALLOWED, settle_attempt
from review_ui.app import create_app
from schemas.access import Role
from schemas.database import new_id, now_utc
from schemas.errors import InvalidInput
from schemas.sealing import Sealer
from schemas.tables import AuditEntry, Staff, StaffRecoveryCode, StaffSession

SHENHE = "210103"
PASSWORD = "a long enough password"
# RFC 6238 appendix B, SHA-1: the ASCII secret 12345678901234567890 at these moments.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = [
    (59, "287082"),
    (1111111109, "081804"),
    (1234567890, "005924"),
    (20000000000, "353130"),
]

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def at(step):
    """Return a moment within a time step."""
    return datetime.fromtimestamp(step * STEP_S + 7, UTC)


@pytest.fixture
def sealer(settings):
    return Sealer(settings)


@pytest.fixture
def enrolled(world, sealer):
    """Return a function that gives somebody a second factor: (person, secret, recovery codes)."""

    def make(name="anna"):
        person = world.person(name, (Role.INSPECTOR, SHENHE))
        secret, now = new_secret(), now_utc() - timedelta(seconds=10 * STEP_S)
        with world.database.writing() as session:
            codes = enrol(
                session,
                staff=session.get_one(Staff, person.staff_id),
                sealer=sealer,
                secret=secret,
                code=pyotp.TOTP(secret).at(now),
                now=now,
            )
        return person, secret, codes

    return make


def token_of(text):
    return re.search(r'name="csrf_token" value="([^"]+)"', text)[1]


def give_password(client, **more):
    page = client.get("/sign-in").text
    fields = {"csrf_token": token_of(page), "sign_in": "anna", "password": PASSWORD} | more
    return client.post("/sign-in", data=fields)


def give_code(client, code, **more):
    page = client.get("/sign-in/code").text
    return client.post("/sign-in/code", data={"csrf_token": token_of(page), "code": code} | more)


@pytest.mark.parametrize(("second", "code"), RFC_CODES)
def test_codes_are_those_of_rfc_6238(dialect, second, code) -> None:
    now = datetime.fromtimestamp(second, UTC)
    assert step_of(RFC_SECRET, code=code, now=now, after=None) == second // STEP_S


@pytest.mark.parametrize(
    ("drift", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_clock_may_be_one_step_off_and_no_more(dialect, drift, fits) -> None:
    secret, step = new_secret(), 58_000_000
    code = pyotp.TOTP(secret).generate_otp(step + drift)
    found = step_of(secret, code=code, now=at(step), after=None)
    assert found == (step + drift if fits else None)


def test_a_code_that_was_used_and_every_earlier_one_is_refused(dialect) -> None:
    secret, step = RFC_SECRET, 58_000_000
    for used in (step - 1, step):
        code = pyotp.TOTP(secret).generate_otp(used)
        assert step_of(secret, code=code, now=at(step), after=step) is None
    later = pyotp.TOTP(secret).generate_otp(step + 1)
    assert step_of(secret, code=later, now=at(step), after=step) == step + 1


def test_the_app_is_told_whose_account_and_which_product(dialect) -> None:
    address = enrolment_address(RFC_SECRET, sign_in="anna")
    parsed = pyotp.parse_uri(address)
    assert (parsed.name, parsed.issuer, parsed.secret) == ("anna", "随手拍办案", RFC_SECRET)


def test_the_secret_is_sealed_and_recovery_codes_are_hashes(world, enrolled, sealer) -> None:
    person, secret, codes = enrolled()
    assert len(set(codes)) == RECOVERY_CODES
    with world.database.reading() as session:
        staff = session.get_one(Staff, person.staff_id)
        assert secret.encode() not in staff.sealed_totp
        assert sealer.open(staff.sealed_totp) == secret
        kept = session.scalars(select(StaffRecoveryCode.code_hash)).all()
        assert not set(kept) & {code.replace("-", "") for code in codes}
        log = str([(e.action, e.before, e.after) for e in session.scalars(select(AuditEntry))])
    assert "second_factor_set" in log
    assert secret not in log
    assert not any(code in log for code in codes)


def test_the_form_brings_back_only_a_secret_that_was_made_for_this_person(dialect, sealer) -> None:
    mine, theirs = new_id(), new_id()
    sealed = carry_secret(sealer, staff_id=mine, secret=RFC_SECRET)
    assert RFC_SECRET not in sealed
    assert carried_secret(sealer, staff_id=mine, sealed=sealed) == RFC_SECRET
    for whose, text in ((theirs, sealed), (mine, "guess"), (mine, ""), (mine, "密")):
        with pytest.raises(InvalidInput, match="code-wrong"):
            carried_secret(sealer, staff_id=whose, sealed=text)


def test_the_code_is_asked_after_the_password_and_opens_once(visitor, app, world, enrolled) -> None:
    _, secret, _ = enrolled()
    answer = give_password(visitor, next="/week")
    assert answer.location == "/sign-in/code?next=/week"
    before = visitor.get_cookie(COOKIE).value
    # The password alone opens nothing.
    assert visitor.get("/").location.startswith("/sign-in")
    assert visitor.get("/sign-in").status_code == 200
    code = pyotp.TOTP(secret).now()
    answer = give_code(visitor, f"{code[:3]} {code[3:]}", next="/week")
    assert (answer.status_code, answer.location) == (302, "/week")
    assert visitor.get("/").status_code == 200
    # The token that waited is no longer good: whoever saw it does not come in.
    other = app.test_client()
    other.environ_base = visitor.environ_base
    other.set_cookie(COOKIE, before)
    assert other.get("/").status_code == 302
    # Neither is the code.
    give_password(other)
    assert give_code(other, code).status_code == 401


def test_wrong_codes_lock_the_account_and_the_password_in_between_forgets_none(
    world, enrolled, sealer
) -> None:
    person, secret, _ = enrolled()
    now = now_utc()

    def password():
        with world.database.writing() as session:
            return settle_attempt(
                session, staff_id=person.staff_id, password=PASSWORD, matches=True, now=now
            )

    def code(text):
        with world.database.writing() as session:
            return take_code(session, staff_id=person.staff_id, sealer=sealer, code=text, now=now)

    for _ in range(FAILURES_ALLOWED):
        assert password() is not None
        assert code("000000x") is None
    assert password() is None
    assert code(pyotp.TOTP(secret).at(now)) is None
    with world.database.reading() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("sign_in_locked") == 1
    assert "signed_in" not in actions


def test_a_wrong_code_is_said_so_and_keeps_the_way(visitor, world, enrolled) -> None:
    enrolled()
    give_password(visitor)
    answer = give_code(visitor, "12345", next="/week", kept='{"reason": ["x"]}')
    assert answer.status_code == 401
    assert "验证码不对" in answer.text
    assert 'value="/week"' in answer.text
    assert "reason" in answer.text


def test_a_recovery_code_opens_once_however_it_is_typed(visitor, world, enrolled) -> None:
    person, _, codes = enrolled()
    give_password(visitor)
    typed = codes[0].lower().replace("-", " ")
    assert give_code(visitor, typed).status_code == 302
    with world.database.reading() as session:
        assert recovery_codes_left(session, staff_id=person.staff_id) == RECOVERY_CODES - 1
        actions = session.scalars(select(AuditEntry)).all()
        assert [e.after for e in actions if e.action == "signed_in"] == [{"by": "recovery_code"}]
    give_password(visitor.application.test_client())
    again = visitor.application.test_client()
    give_password(again)
    assert give_code(again, codes[0]).status_code == 401


def test_someone_elses_recovery_code_opens_nothing(visitor, world, enrolled) -> None:
    enrolled()
    _, _, codes = enrolled("bob")
    give_password(visitor)
    assert give_code(visitor, codes[0]).status_code == 401


def test_the_question_stands_open_for_ten_minutes(world, enrolled) -> None:
    person, _, _ = enrolled()
    now = now_utc()
    with world.database.writing() as session:
        token = open_session(session, staff_id=person.staff_id, now=now, awaits=Awaits.CODE)
        idle = timedelta(hours=1)
        assert find_session(session, token=token, now=now, idle_limit=idle) is None
        assert find_waiting(session, token=token, now=now + WAITING_LIMIT) is not None
        late = now + WAITING_LIMIT + timedelta(seconds=1)
        assert find_waiting(session, token=token, now=late) is None


def test_without_a_password_before_it_the_second_question_leads_to_the_first(visitor) -> None:
    token = token_of(visitor.get("/sign-in").text)
    for path in ("/sign-in/code", "/sign-in/enrolment"):
        assert visitor.get(path).location == "/sign-in?next=/"
        answer = visitor.post(path, data={"csrf_token": token, "code": "123456"})
        assert answer.location == "/sign-in?next=/"


@pytest.fixture
def strict(settings, world, _catalogue):
    """A browser before a room that asks for a second factor of everybody."""
    app = create_app(settings.model_copy(update={"require_second_factor": True}))
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
    yield client
    app.extensions["room"].database.close()


def test_where_it_is_required_it_is_set_up_before_anything_opens(strict, world) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    page = give_password(strict, next="/week").text
    assert strict.get("/").status_code == 302
    assert "<svg" in page
    assert " style=" not in page
    secret = re.search(r'class="secret">([A-Z2-7]{32})<', page)[1]
    fields = {
        "csrf_token": token_of(page),
        "sealed": re.search(r'name="sealed" value="([^"]+)"', page)[1],
        "next": "/week",
    }
    wrong = strict.post("/sign-in/enrolment", data=fields | {"code": "12"})
    assert wrong.status_code == 422
    # The phone has scanned this secret: it must not change under a slip of the finger.
    assert secret in wrong.text
    done = strict.post("/sign-in/enrolment", data=fields | {"code": pyotp.TOTP(secret).now()})
    assert done.status_code == 200
    assert len(re.findall(r"<li><code>[A-Z2-9-]{19}</code>", done.text)) == RECOVERY_CODES
    assert 'href="/week"' in done.text
    assert strict.get("/").status_code == 200
    with world.database.reading() as session:
        assert session.get_one(Staff, person.staff_id).totp_since is not None
    refused = strict.post(
        "/account/second-factor/remove",
        data={"csrf_token": token_of(strict.get("/account").text), "password": PASSWORD},
    )
    assert refused.status_code == 403
    assert "不能关闭" in refused.text


def test_what_was_typed_outlives_the_second_question_too(strict, visitor, world, enrolled) -> None:
    enrolled()
    kept = '{"reason": ["店在浑南区"], "version": ["2"]}'
    page = give_password(visitor, next="/cases/x/moves", kept=kept)
    assert page.status_code == 200
    assert "店在浑南区" in page.text
    _, secret, _ = enrolled("bob")
    client = strict.application.test_client()
    client.environ_base = strict.environ_base
    give_password(client, sign_in="bob", next="/cases/x/moves", kept=kept)
    answer = give_code(client, pyotp.TOTP(secret).now(), next="/cases/x/moves", kept=kept)
    assert 'action="/cases/x/moves"' in answer.text
    assert "店在浑南区" in answer.text


def test_it_is_set_up_renewed_and_removed_in_the_account(world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    client = browse(person)
    page = client.get("/account/second-factor").text
    secret = re.search(r'class="secret">([A-Z2-7]{32})<', page)[1]
    fields = {
        "csrf_token": token_of(page),
        "sealed": re.search(r'name="sealed" value="([^"]+)"', page)[1],
        "code": pyotp.TOTP(secret).now(),
    }
    # An open session that somebody found is not enough.
    stolen = client.post("/account/second-factor", data=fields | {"password": "not hers at all"})
    assert stolen.status_code == 403
    done = client.post("/account/second-factor", data=fields | {"password": PASSWORD})
    assert done.text.count("<li><code>") == RECOVERY_CODES
    assert "已开启" in client.get("/account").text
    owner = {"csrf_token": fields["csrf_token"], "password": PASSWORD}
    renewed = client.post("/account/recovery-codes", data=owner)
    first = re.findall(r"<li><code>([^<]+)", done.text)
    second = re.findall(r"<li><code>([^<]+)", renewed.text)
    assert len(second) == RECOVERY_CODES
    assert not set(first) & set(second)
    assert client.post("/account/second-factor/remove", data=owner).status_code == 302
    with world.database.reading() as session:
        assert session.get_one(Staff, person.staff_id).sealed_totp is None
        assert session.scalars(select(StaffRecoveryCode)).all() == []
        actions = session.scalars(select(AuditEntry.action)).all()
    assert {"second_factor_set", "recovery_codes_made", "second_factor_removed"} <= set(actions)
    assert client.post("/account/recovery-codes", data=owner).status_code == 404


def test_the_sessions_of_the_second_step_say_which_browser_it_was(visitor, world, enrolled) -> None:
    _, secret, _ = enrolled()
    visitor.environ_base["HTTP_USER_AGENT"] = (
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )
    give_password(visitor)
    give_code(visitor, pyotp.TOTP(secret).now())
    with world.database.reading() as session:
        rows = session.scalars(select(StaffSession).where(StaffSession.ended_at.is_(None))).all()
    assert [(row.browser, row.awaits) for row in rows] == [("Firefox", None)]
