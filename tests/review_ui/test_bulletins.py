"""The bulletin's pages: figures beside their definitions, whose they are, and their signing."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.bulletins.choropleth import SHADES, choropleth, steps_of
from review_ui.bulletins.periods import read_period, summed, trend
from schemas.access import Role
from schemas.database import now_utc
from schemas.errors import InvalidInput
from schemas.lifecycle import State
from schemas.tables import AuditEntry, BulletinIssue
from schemas.weeks import read_week, week_of
from schemas.words import Words

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def form_of(page: str, **values: str) -> dict[str, str]:
    token = page.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]
    return {"csrf_token": token, **values}


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_statistician_sees_what_they_sign_and_signs_a_week_that_is_over(world, browse) -> None:
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    last = week_of(now_utc()).after(-1)
    world.case(received_at=last.begins_at + timedelta(days=1))
    client = browse(stan)
    page = client.get(f"/bulletins?week={last.name}").text
    assert "草稿，尚未签发。" in page
    assert "本周内服务器收到的举报份数" in page
    page = client.get(f"/bulletins/sign?week={last.name}").text
    assert "这是这一周的第一版" in page
    asked = form_of(page, scope=SHENYANG, week=last.name)
    answer = client.post("/bulletins/issues", data=asked, follow_redirects=True)
    assert answer.status_code == 200
    assert f"ZB-{SHENYANG}-{last.name}-1" in answer.text
    again = client.post("/bulletins/issues", data=asked)
    assert again.status_code == 409
    assert "没有差别" in again.text
    assert "一字不差" in again.text
    running = client.post("/bulletins/issues", data=asked | {"week": last.after(1).name})
    assert running.status_code == 409
    assert "还没有结束" in running.text
    with world.database.reading() as session:
        assert len(session.scalars(select(BulletinIssue)).all()) == 1
        assert session.scalars(
            select(AuditEntry).where(AuditEntry.action == "bulletin_published")
        ).one()
    assert f"ZB-{SHENYANG}-{last.name}-1" in client.get("/bulletins/issues").text
    counted = client.post("/bulletins/draft", data=asked)
    assert counted.status_code == 303


def test_a_bulletin_is_shown_to_those_of_its_territory_alone(world, browse) -> None:
    anna = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    for page in ("", "/screen", "/compare", "/periods", "/issues", "/cases"):
        asked = "&figure=received" if page == "/cases" else ""
        assert anna.get(f"/bulletins{page}?x=1{asked}").status_code == 200
        for scope in (SHENYANG, XIHU, "999999"):
            assert anna.get(f"/bulletins{page}?scope={scope}{asked}").status_code == 404


def test_a_revision_says_what_it_changed_and_because_of_which_cases(world, browse) -> None:
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    week = world.bulletin(stan)
    client = browse(stan)
    page = text_of(client.get(f"/bulletins?week={week}").text)
    assert f"ZB-{SHENYANG}-{week}-2" in page
    assert "这一版改了什么" in page
    assert "收到举报 0 2" in page
    assert "收到举报&nbsp;+1" in page
    assert "记入“受理”" in page or "一份举报" in page
    first = text_of(client.get(f"/bulletins?week={week}&revision=1").text)
    assert f"ZB-{SHENYANG}-{week}-1" in first
    assert "这一版改了什么" not in first
    assert client.get(f"/bulletins?week={week}&revision=9").status_code == 404


def test_a_figure_leads_to_its_cases_for_those_who_may_see_them(world, browse) -> None:
    mine, other = world.case(), world.case(code=HUNNAN)
    verified = world.case(state=State.VERIFIED)
    boss = browse(world.person("boss", (Role.BUREAU_HEAD, SHENYANG)))
    page = boss.get("/bulletins").text
    assert "/bulletins/cases?" in page
    everywhere = boss.get("/bulletins/cases?figure=received").text
    assert all(case.number in everywhere for case in (mine, other, verified))
    one = boss.get(f"/bulletins/cases?figure=received&table=county&row={HUNNAN}").text
    assert other.number in one
    assert mine.number not in one
    assert boss.get("/bulletins/cases?figure=points_earned").status_code == 404
    assert boss.get("/bulletins/cases?figure=active_riders").status_code == 404
    stan = browse(world.person("stan", (Role.STATISTICIAN, SHENYANG)))
    assert "/bulletins/cases?" not in stan.get("/bulletins").text
    assert stan.get("/bulletins/cases?figure=received").status_code == 404
    # The county's own inspector counts no other county, nor sees its case.
    anna = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    assert other.number not in anna.get("/bulletins/cases?figure=received").text


def test_a_table_is_sorted_by_its_address(world, browse) -> None:
    for _ in range(2):
        world.case(code=HUNNAN)
    world.case()
    client = browse(world.person("stan", (Role.STATISTICIAN, SHENYANG)))

    def order(sort: str) -> list[str]:
        page = client.get(f"/bulletins?sort={sort}").text
        table = page[page.index('<section class="panel mb-3" id="county">') :].split("</table>")[0]
        return re.findall(r'<th scope="row">(\S+?)</th>', table)

    assert order("") == ["浑南区", "沈河区"]
    assert order("county.received.up") == ["沈河区", "浑南区"]
    assert order("county.name.up") == ["沈河区", "浑南区"]
    assert order("nonsense") == order("county.secret.up") == order("")
    page = client.get("/bulletins?sort=county.received.up").text
    assert 'aria-sort="ascending"' in page
    assert "sort=county.received.down" in page


def test_months_and_years_are_made_of_whole_weeks(world, browse) -> None:
    assert [week.name for week in read_period("2026-11").weeks] == [
        "2026-W45", "2026-W46", "2026-W47", "2026-W48",
    ]  # fmt: skip
    assert len(read_period("2026").weeks) == 53
    assert len(read_period("2027").weeks) == 52
    months = [read_period(f"2026-{month:02d}").weeks for month in range(1, 13)]
    assert sum(months, ()) == read_period("2026").weeks
    for name in ("2026-13", "2026-00", "nonsense", "2026-1"):
        with pytest.raises(InvalidInput):
            read_period(name)
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    week = world.bulletin(stan)
    with world.database.reading() as session:
        weeks = trend(session, scope=SHENYANG, weeks=[read_week(week).after(-1), read_week(week)])
    assert [each.totals and each.totals["received"] for each in weeks] == [None, 2]
    totals = summed([*weeks, weeks[-1]])
    assert totals["received"] == 4
    assert totals["open"] == weeks[-1].totals["open"]
    assert totals["active_riders"] is None
    assert totals["handling_median"] is None
    client = browse(stan)
    assert week in client.get("/bulletins/periods?period=2026").text
    assert client.get("/bulletins/periods?period=x").status_code == 422


def test_two_weeks_stand_beside_each_other(world, browse) -> None:
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    week = world.bulletin(stan)
    before = read_week(week).after(-3).name
    page = text_of(browse(stan).get(f"/bulletins/compare?week={week}&with={before}").text)
    assert f"{before} {week} 变化" in page
    assert "收到举报 本周发生 0 2 —" in page


def square(code: str, west: float) -> dict:
    ring = [[west, 40], [west + 1, 40], [west + 1, 41], [west, 41], [west, 40]]
    return {
        "type": "Feature",
        "properties": {"code": code, "name": code},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def test_the_map_has_few_classes_that_hold_every_county_once(dialect) -> None:
    steps = steps_of([0, 1, 2, 3, 50, 51, 52, 900])
    assert len(steps) <= len(SHADES)
    for value in (0, 1, 2, 3, 50, 51, 52, 900):
        assert len([each for each in steps if each.least <= value <= each.most]) == 1
    assert [(each.least, each.most) for each in steps_of([7, 7])] == [(1, 7)]
    shapes = {"features": [square(str(number), number) for number in range(3)]}
    title = Words("图", "Map")
    drawn = choropleth(shapes, {"0": 5, "2": 9}, title=title)
    assert drawn is not None
    assert [each.value for each in drawn.patches] == [5, 0, 9]
    assert [each.is_numbered for each in drawn.patches] == [True, False, True]
    assert drawn.patches[1].shade == 0 < drawn.patches[0].shade < drawn.patches[2].shade
    assert choropleth({"features": shapes["features"][:1]}, {}, title=title) is None


def test_the_whole_country_is_drawn_by_province(world, browse) -> None:
    world.case()
    world.case(code=XIHU)
    client = browse(world.person("nat", (Role.STATISTICIAN, "000000")))
    page = client.get("/bulletins").text
    assert "收到举报，按省；数字见下面的表" in page
    drawn = page.split('<figure class="choropleth">')[1].split("</figure>")[0]
    assert drawn.count("<path") == 34
    assert re.findall(r'class="shade-4"><title>(\w+) 1<', drawn) == ["辽宁省", "浙江省"]
    assert re.findall(r">1</text>", drawn) == [">1</text>"] * 2
    # The page stays light, and the islands of the South China Sea stay on the map.
    assert len(drawn) < 120_000
    (hainan,) = re.findall(r'd="([^"]+)" class="shade-0"><title>海南省', drawn)
    assert hainan.count("M") > 100
    english = client.get("/bulletins", headers={"Accept-Language": "en"}).text
    assert "the whole country" in english
