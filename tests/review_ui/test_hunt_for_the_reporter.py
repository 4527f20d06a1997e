"""Hunt for the reporter in everything that others than the unsealer can reach, at both doors."""

import hashlib
import html
import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import select

from intake.app import create_app as create_intake
from intake.riders.registering import RiderProfile, add_rider, issue_token
from review_ui.access.entrance import COOKIE
from review_ui.evidence.unsealing import Reason, open_identity
from schemas import audit
from schemas.access import Role
from schemas.database import new_id
from schemas.sealing import Sealer, token_hash
from schemas.tables import (
    AuditEntry,
    Case,
    CaseHistory,
    CaseReport,
    Claim,
    Match,
    Photo,
    Report,
    RouteDecision,
    Supplement,
)
from schemas.workdays import SHANGHAI
from suishoupai.trace import trace

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
NAME, PHONE, STATION, EMPLOYEE = "司徒骑手", "13987654321", "太原街第七站", "EMP-66123"
OTHER_PSEUDONYM = "Z9X"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
# These end the walker's own session, or are the way in that the unsealer alone has.
NOT_WALKED = {"signing.sign_out", "static"}
OPENED_BY_UNSEALER = ("unsealing.", "unsealing_api.")


@pytest.fixture
def hunted(world, tmp_path):
    """A rider with reports in two cases of one unit, and every word that would tell of them."""
    profile = RiderProfile(NAME, PHONE, "某外卖平台", STATION, EMPLOYEE)
    with world.database.writing() as session:
        rider = add_rider(session, sealer=Sealer(world.settings), profile=profile)
        token = issue_token(session, rider_id=rider.id)
    received = (world.now - timedelta(hours=26)).replace(minute=47, second=13, microsecond=654321)
    report = world.report(rider_id=rider.id, received_at=received)
    twin = world.report(rider_id=rider.id, received_at=received + timedelta(seconds=1))
    stray = world.report(rider_id=rider.id, received_at=received + timedelta(seconds=2))
    _give_bytes(world, tmp_path)
    case = world.case(reports=(report,), received_at=received)
    other = world.case(reports=(twin, stray), received_at=received)
    world.match(report, twin, "same_picture")
    with world.database.writing() as session:
        for link in session.scalars(select(CaseReport).where(CaseReport.case_id == other.id)):
            # The look-alike's as well: it is named by its case, never by who reported there.
            link.pseudonym = f"骑手-{OTHER_PSEUDONYM}" if link.report_id == twin else "骑手-Z9Y"
        audit.record(
            session, actor=audit.Actor("rider", rider.id), action="report.received",
            subject=("report", report), after={"number": "JB"},
        )  # fmt: skip
        entry = audit.record(
            session, actor=audit.PIPELINE, action="case_opened", subject=("case", case.id)
        )
        entry.recorded_at = received
        session.flush()
        audit.seal(session)
    identity = {
        NAME, PHONE, f"{PHONE[:3]} {PHONE[3:7]} {PHONE[7:]}", PHONE[3:], STATION, EMPLOYEE,
        token, token_hash(token), str(rider.id), rider.id.hex,
    }  # fmt: skip
    return case, other, report, identity, _moments(received)


def _give_bytes(world, tmp_path):
    """Put an original behind every photo, so that a package can be taken."""
    with world.database.writing() as session:
        for number, photo in enumerate(session.scalars(select(Photo))):
            data = f"original {number}".encode()
            photo.sha256, photo.size_bytes = hashlib.sha256(data).hexdigest(), len(data)
            (tmp_path / str(number)).write_bytes(data)
            world.store.put_original(tmp_path / str(number), photo.sha256)


def timed_keys(world):
    """Return the keys of what tips made that would tell the moment more exactly than its hour."""
    tables = (Case, CaseHistory, CaseReport, Claim, Match, Photo, Report, RouteDecision, Supplement)
    with world.database.reading() as session:
        keys = [key for table in tables for key in session.scalars(select(table.id))]
        keys += session.scalars(select(AuditEntry.id).where(AuditEntry.actor_kind != "staff"))
    timed = [key for key in keys if key.version == 7 and (key.int >> 80) % 3_600_000]
    return {text for key in timed for text in (str(key), key.hex)}


def _moments(received):
    """Return the ways in which a page may write the moments of a tip exactly."""
    found = set()
    # The claims of the device's clock and of the picture, and the receipt itself.
    for moment in (received, *(received - timedelta(seconds=s) for s in (40, 7_000))):
        found |= {str(int(moment.timestamp())), str(int(moment.timestamp() * 1000))}
        for local in (moment, moment.astimezone(SHANGHAI)):
            found |= {f"{local:%H:%M:%S}", f"{local:%Y-%m-%dT%H:%M}", f"{local:%Y-%m-%d %H:%M}"}
    return found


def filled(rule, case, photo_id, link_id):
    known = {"number": case.number, "photo_id": photo_id, "link_id": link_id, "size": 320}
    kinds = {"UUIDConverter": new_id(), "IntegerConverter": 1}
    values = {
        name: known.get(name, kinds.get(type(rule._converters[name]).__name__, case.number))
        for name in rule.arguments
    }
    return rule.build(values)[1]


def readable(answer):
    """Return everything that an answer says: headers, text, and the small files of a package."""
    told = [str(answer.headers)]
    if answer.content_type == "application/zip":
        with zipfile.ZipFile(io.BytesIO(answer.data)) as package:
            told += package.namelist()
            # The originals are handed out with their metadata, to those who may take evidence.
            told += [
                package.read(name).decode() for name in package.namelist()
                if "/photos/" not in name and not name.endswith(".pdf")
            ]  # fmt: skip
    else:
        told.append(answer.data.decode("utf-8", "replace"))
    return "\n".join(told)


def walk(app, client, case, photo_id, link_id, skipped=()):
    """Yield what each route answers to a client."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint in NOT_WALKED or rule.endpoint.startswith(tuple(skipped)):
            continue
        path = filled(rule, case, photo_id, link_id)
        for method in sorted(rule.methods & {"GET", "POST"}):
            sent = {} if method == "GET" else {"json": {}} if "/api/" in path else {"data": {}}
            answer = client.open(path, method=method, **sent)
            yield f"{answer.status_code} {method} {path}", readable(answer)


def words_in(text, words):
    return sorted(word for word in words if word in text)


def client_of(app, world, browse, person, kind):
    if kind == "page":
        return browse(person)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {world.token(person)}"
    return client


def test_the_words_that_are_hunted_for_are_there_to_be_found(world, hunted, browse) -> None:
    case, _, report, identity, moments = hunted
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENHE))
    with world.database.writing() as session:
        opened = open_identity(
            session, case=case, pseudonym="骑手-0Q0", staff=head,
            sealer=Sealer(world.settings), reason=Reason("contact", "核实"),
        )  # fmt: skip
        shown = session.get_one(Report, report).received_at.isoformat(timespec="seconds")
    assert {NAME, PHONE, STATION, EMPLOYEE} <= set(words_in(repr(opened), identity))
    assert words_in(shown, moments)


@pytest.mark.parametrize("kind", ["page", "api"])
def test_no_role_finds_the_reporter_at_the_inspectors_door(
    app, world, hunted, browse, kind, caplog
) -> None:
    case, _, report, identity, moments = hunted
    photo_id = world.photo_of(report)
    with world.database.reading() as session:
        link_id = session.scalars(select(CaseReport.id).where(CaseReport.case_id == case.id)).one()
    people = [
        *(world.person(f"p-{role}", (role, SHENHE)) for role in Role),
        world.person("far-head", (Role.BUREAU_HEAD, XIHU)),
        world.person("nation", (Role.AUDITOR, "000000")),
    ]
    secret = identity | moments | timed_keys(world)
    visited = set()
    with structlog.testing.capture_logs() as logged:
        for person in people:
            client = client_of(app, world, browse, person, kind)
            for where, text in walk(app, client, case, photo_id, link_id, OPENED_BY_UNSEALER):
                visited.add(where)
                assert words_in(text, secret) == [], f"{person.name}: {where}"
                mentions = OTHER_PSEUDONYM in text
                # Lists of the unit name no reporter; a case names those of its own only.
                assert not mentions, f"{person.name}: {where}"
    assert len(visited) > 60
    path = f"/api/v1/cases/{case.number}" if kind == "api" else f"/cases/{case.number}"
    # The walk has really been inside, and out again with a package.
    assert f"200 GET {path}" in visited
    assert f"200 POST {path}/evidence" in visited or kind == "page"
    told = json.dumps(logged, default=str, ensure_ascii=False) + caplog.text
    assert words_in(told, identity | moments) == []


def test_the_log_of_unsealings_and_the_metrics_name_nobody(app, world, hunted, browse) -> None:
    case, _, _, identity, moments = hunted
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENHE))
    client = browse(head)
    with world.database.reading() as session:
        link = session.scalars(select(CaseReport.id).where(CaseReport.case_id == case.id)).one()
    path = f"/cases/{case.number}/reports/{link}/reporter"
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]
    reason = {"reason_code": "contact", "reason": f"打 {PHONE} 问{NAME}"}
    with structlog.testing.capture_logs() as logged:
        answer = client.post(path, data={"csrf_token": token, **reason})
    assert NAME in answer.text
    assert words_in(json.dumps(logged, default=str, ensure_ascii=False), identity) == []
    auditor = browse(world.person("audrey", (Role.AUDITOR, SHENYANG)))
    for each in ("/audit", "/audit?tab=all", f"/audit?tab=all&case={case.number}", "/metrics"):
        assert words_in(auditor.get(each).text, identity | moments) == [], each
    assert "查看了 骑手-0Q0 的身份" in auditor.get("/audit").text


def test_the_riders_door_tells_strangers_and_other_riders_nothing(
    world, hunted, settings, queue_server
) -> None:
    case, _, report, identity, moments = hunted
    app = create_intake(settings.model_copy(update={"redis_url": queue_server}))
    with world.database.writing() as session:
        stranger = add_rider(
            session, sealer=Sealer(settings), profile=RiderProfile("甲", "13700000001")
        )
        token = issue_token(session, rider_id=stranger.id)
        number = session.get_one(Report, report).number
    case.number = number
    for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Receipt-Code": "AAAA-BBBB"}):
        client = app.test_client()
        for name, value in headers.items():
            client.environ_base[f"HTTP_{name.upper().replace('-', '_')}"] = value
        for where, text in walk(app, client, case, new_id(), new_id()):
            assert words_in(text, identity | moments) == [], where
    app.extensions["door"].database.close()


def test_what_the_operator_traces_names_nobody(world, hunted) -> None:
    case, _, report, identity, _ = hunted
    with world.database.reading() as session:
        numbers = [case.number, session.get_one(Report, report).number]
        for number in numbers:
            found = trace(session, number=number, locale="zh")
            told = json.dumps(found, default=str, ensure_ascii=False)
            assert words_in(told, identity) == []


def test_the_cookie_and_the_address_name_nobody(app, world, hunted, browse) -> None:
    case, _, _, identity, moments = hunted
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    page = client.get(f"/cases/{case.number}")
    assert client.get_cookie(COOKIE) is not None
    addresses = " ".join(re.findall(r'(?:href|src|action|value)="([^"]*)"', page.text))
    assert words_in(addresses, identity | moments | timed_keys(world)) == []


def test_what_tips_make_has_keys_that_tell_no_moment_and_those_that_do_stay_inside(
    app, world, hunted, browse
) -> None:
    case, other, report, *_ = hunted
    photo = world.photo_of(report)
    with world.database.reading() as session:
        link = session.scalars(select(CaseReport.id).where(CaseReport.case_id == case.id)).one()
    assert (photo.version, link.version, world.match(report, report).version) == (4, 4, 4)
    # A case's key sorts by its hour in the lists' index, and says no more.
    assert case.id.version == 7
    assert (case.id.int >> 80) % 3_600_000 == 0
    assert case.id != other.id
    assert report.version == 7, "the hunt has something to hunt for"
    assert {str(report), report.hex} <= timed_keys(world)


def test_the_auditors_next_page_is_not_addressed_by_the_moment_of_a_tip(
    app, world, hunted, browse
) -> None:
    _, _, report, *_ = hunted
    with world.database.writing() as session:
        for _ in range(60):
            audit.record(
                session, actor=audit.ANONYMOUS, action="report.received", subject=("report", report)
            )
    auditor = browse(world.person("audrey", (Role.AUDITOR, SHENHE)))
    page = auditor.get("/audit?tab=all").text
    address = html.unescape(re.search(r'href="(/audit\?after=[^"]+)"', page)[1])
    assert words_in(page, timed_keys(world)) == []
    assert auditor.get(address).status_code == 200
    for wrong in ("x", new_id().hex, "ключ", address.partition("after=")[2][:-9]):
        assert auditor.get("/audit", query_string={"after": wrong}).status_code == 422
