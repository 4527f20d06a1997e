"""The bulletin's page: figures beside their definitions, whose it is, and its signing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from schemas.access import Role
from schemas.database import now_utc
from schemas.tables import AuditEntry, BulletinIssue
from schemas.weeks import week_of

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def form_of(page: str, **values: str) -> dict[str, str]:
    token = page.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]
    return {"csrf_token": token, **values}


def test_a_statistician_signs_a_week_that_is_over(world, browse) -> None:
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    last = week_of(now_utc()).after(-1)
    world.case(received_at=last.begins_at + timedelta(days=1))
    client = browse(stan)
    page = client.get(f"/bulletins?week={last.name}").text
    assert "草稿，尚未签发。" in page
    assert "本周内服务器收到的举报份数" in page
    asked = form_of(page, scope=SHENYANG, week=last.name)
    answer = client.post("/bulletins/issues", data=asked, follow_redirects=True)
    assert answer.status_code == 200
    assert f"ZB-{SHENYANG}-{last.name}-1" in answer.text
    again = client.post("/bulletins/issues", data=asked)
    assert again.status_code == 409
    assert "没有差别" in again.text
    running = client.post("/bulletins/issues", data=asked | {"week": last.after(1).name})
    assert running.status_code == 409
    assert "还没有结束" in running.text
    with world.database.reading() as session:
        assert len(session.scalars(select(BulletinIssue)).all()) == 1
        assert session.scalars(
            select(AuditEntry).where(AuditEntry.action == "bulletin_published")
        ).one()
    assert "1" in client.get(f"/bulletins?week={last.name}").text
    counted = client.post("/bulletins/draft", data=asked)
    assert counted.status_code == 303


def test_a_bulletin_is_shown_to_those_of_its_territory_alone(world, browse) -> None:
    anna = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    assert anna.get("/bulletins").status_code == 200
    assert anna.get(f"/bulletins?scope={SHENYANG}").status_code == 404
    assert anna.get(f"/bulletins?scope={XIHU}").status_code == 404
    assert anna.get("/bulletins?scope=999999").status_code == 404
