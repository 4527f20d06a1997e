"""Legal holds from the room: who may, why, what the case page and the auditor read of it."""

import re

import pytest
from sqlalchemy import select

from intake.riders.erasure import due_for_erasure
from schemas.access import Role
from schemas.database import now_utc
from schemas.lifecycle import State
from schemas.tables import AuditEntry, LegalHold, Rider

SHENHE, XIHU = "210103", "330106"
WHY = "行政诉讼（2026）辽0103行初8号"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def post(client, path, **fields):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/holds").text)[1]
    return client.post(path, data={"csrf_token": token} | fields)


def slug(answer):
    return answer.json["type"].rpartition(":")[2].rpartition("/")[2]


def holds_of(world, case):
    with world.database.reading() as session:
        return session.scalars(
            select(LegalHold).where(LegalHold.case_id == case.id).order_by(LegalHold.held_at)
        ).all()


@pytest.fixture
def auditor(world):
    return world.person("audrey", (Role.AUDITOR, SHENHE), name="沈静")


@pytest.fixture
def head(world):
    return world.person("hanna", (Role.BUREAU_HEAD, SHENHE), name="韩梅")


def test_a_head_holds_a_case_and_everybody_on_it_reads_why(world, browse, head) -> None:
    case = world.case()
    client = browse(head)
    assert f"/holds?case={case.number}" in client.get(f"/cases/{case.number}").text
    assert case.number in client.get(f"/holds?case={case.number}").text
    answer = post(client, "/holds", number=case.number.lower(), reason=f"  {WHY} ")
    assert answer.location == "/holds"
    (hold,) = holds_of(world, case)
    assert (hold.reason, hold.held_by, hold.released_at) == (WHY, head.staff_id, None)
    page = browse(world.person("anna", (Role.INSPECTOR, SHENHE))).get(f"/cases/{case.number}").text
    notice = re.search(r'id="hold">(.*?)</div>', page, re.S)[1]
    assert WHY in notice
    assert "韩梅" in notice
    assert "要求保留案件的个人信息" in page, "the story tells it too"
    assert world.fresh(case).version == case.version, "nobody's open page is made stale"


def test_only_the_auditor_ends_it_and_the_log_keeps_both_reasons(
    world, browse, head, auditor
) -> None:
    case = world.case()
    post(browse(head), "/holds", number=case.number, reason=WHY)
    assert "解除保留" not in browse(head).get("/holds").text
    assert post(browse(head), f"/holds/{case.number}/release", reason="已判决").status_code == 404
    client = browse(auditor)
    listed = client.get("/holds").text
    assert WHY in listed
    assert f"/cases/{case.number}" not in listed, "an auditor has no way into the case"
    assert post(client, f"/holds/{case.number}/release", reason="已判决，电话 13800001234").location
    (hold,) = holds_of(world, case)
    assert hold.released_by == auditor.staff_id
    assert "已判决" in hold.release_reason
    assert "13800001234" not in hold.release_reason
    assert 'id="hold"' not in browse(head).get(f"/cases/{case.number}").text
    with world.database.reading() as session:
        entries = session.execute(
            select(AuditEntry.action, AuditEntry.actor_id, AuditEntry.after).where(
                AuditEntry.action.in_(("case_held", "case_released"))
            )
        ).all()
    assert [(action, by) for action, by, _ in entries] == [
        ("case_held", head.staff_id), ("case_released", auditor.staff_id),
    ]  # fmt: skip
    assert entries[0].after == {"reason": WHY}
    assert "13800001234" not in entries[1].after["reason"]
    log = client.get(f"/audit?tab=all&case={case.number}").text
    assert WHY in log
    assert "已判决" in log


@pytest.mark.parametrize(
    ("number", "reason", "status", "says"),
    [
        (None, " x ", 422, "请写明理由"),
        (None, "x" * 501, 422, "请写明理由"),
        ("AJ20261121-000000-0", WHY, 422, "没有这个案件"),
        ("nonsense", WHY, 422, "没有这个案件"),
    ],
)
def test_a_refused_hold_shows_the_form_again_as_it_was_typed(
    world, browse, auditor, number, reason, status, says
) -> None:
    case = world.case()
    answer = post(browse(auditor), "/holds", number=number or case.number, reason=reason)
    assert answer.status_code == status
    assert says in answer.text
    assert f'value="{number or case.number}"' in answer.text
    assert holds_of(world, case) == []


def test_a_second_hold_and_a_second_release_are_refused(world, browse, auditor) -> None:
    case, client = world.case(), browse(auditor)
    assert post(client, f"/holds/{case.number}/release", reason=WHY).status_code == 409
    assert post(client, "/holds", number=case.number, reason=WHY).status_code == 302
    again = post(client, "/holds", number=case.number, reason=WHY)
    assert again.status_code == 409
    assert "已要求保留" in again.text
    short = post(client, f"/holds/{case.number}/release", reason=" ")
    assert short.status_code == 422
    assert "<details open>" in short.text, "the form that was refused stays open"


def test_what_is_abroad_can_not_be_held_and_is_not_listed(world, browse, auditor) -> None:
    foreign = world.case(code=XIHU)
    post(browse(world.person("xia", (Role.AUDITOR, XIHU))), "/holds",
         number=foreign.number, reason=WHY)  # fmt: skip
    assert WHY not in browse(auditor).get("/holds").text
    assert post(browse(auditor), "/holds", number=foreign.number, reason=WHY).status_code == 422
    released = post(browse(auditor), f"/holds/{foreign.number}/release", reason=WHY)
    assert released.status_code == 404


def test_programs_hold_and_release_by_the_same_rules(app, world, auditor) -> None:
    case = world.case()
    client = app.test_client()
    headers = {"Authorization": f"Bearer {world.token(auditor)}"}
    path = f"/api/v1/cases/{case.number}/hold"

    def send(address, **body):
        return client.post(address, json=body, headers=headers)

    assert slug(send(path, reason=" ")) == "reason-missing"
    assert slug(send(path, why=WHY)) in ("field-unknown", "field-missing")
    assert slug(send(f"{path}/release", reason=WHY)) == "case-not-held"
    made = send(path, reason=WHY)
    assert (made.json["number"], made.json["held_by"]) == (case.number, "沈静")
    assert slug(send(path, reason=WHY)) == "case-held"
    (item,) = client.get("/api/v1/holds", headers=headers).json["items"]
    assert item == made.json
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    inspector = {"Authorization": f"Bearer {world.token(anna)}"}
    assert client.post(path, json={"reason": WHY}, headers=inspector).status_code == 404
    shown = client.get(f"/api/v1/cases/{case.number}", headers=inspector).json["legal_hold"]
    assert shown["reason"] == WHY
    ended = send(f"{path}/release", reason="已判决")
    assert ended.json["release_reason"] == "已判决"
    assert client.get("/api/v1/holds", headers=headers).json["items"] == []


def test_what_is_held_is_not_erased(world, browse, auditor) -> None:
    rider_id, _ = world.rider()
    long_ago = world.now.replace(year=world.now.year - 7, day=1)
    report = world.report(rider_id=rider_id, received_at=long_ago)
    case = world.case(reports=(report,), state=State.CLOSED)
    with world.database.writing() as session:
        session.get_one(Rider, rider_id).registered_at = long_ago

    def due():
        with world.database.reading() as session:
            return list(due_for_erasure(session, now=now_utc(), years=5, limit=10))

    assert due() == [rider_id]
    post(browse(auditor), "/holds", number=case.number, reason=WHY)
    assert due() == []
    post(browse(auditor), f"/holds/{case.number}/release", reason=WHY)
    assert due() == [rider_id]
