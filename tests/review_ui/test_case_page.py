"""The case page: what it says, what it never says, and the forms on it."""

import re
from datetime import date, timedelta

import pytest
import shapely
from sqlalchemy import select

from review_ui.casework.advancing import advance
from schemas.access import Role
from schemas.database import now_utc
from schemas.lifecycle import State
from schemas.tables import (
    CaseDecision,
    CaseReport,
    Claim,
    Jurisdiction,
    Photo,
    PhotoExamination,
    Report,
    ReportProgress,
    ReportRisk,
    Supplement,
    Withdrawal,
)

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def post(client, case, path, **fields):
    page = client.get(f"/cases/{case.number}").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client.post(f"/cases/{case.number}/{path}", data={"csrf_token": token} | fields)


def follow(client, answer):
    assert answer.status_code == 302, answer.text[-3000:]
    return client.get(answer.location).text


def test_neither_page_nor_api_tells_who_reported_or_when_exactly(app, world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE), (Role.DISPATCHER, SHENYANG))
    rider_id, rider_token = world.rider()
    # A minute and second that no rounded time on the pages has.
    received_at = (world.now - timedelta(hours=3)).replace(minute=41, second=37)
    report_id = world.report(rider_id=rider_id, received_at=received_at)
    other = world.report(rider_id=rider_id, received_at=received_at)
    case = world.case(reports=(report_id, other), received_at=received_at)
    world.match(report_id, other, "same_picture")
    with world.database.reading() as session:
        report = session.get_one(Report, report_id)
        photos = session.scalars(select(Photo).where(Photo.report_id == report_id)).all()
    client = browse(person)
    token = {"Authorization": f"Bearer {world.token(person)}"}
    texts = [
        client.get(path, headers=token).text
        for path in (
            "/", f"/cases/{case.number}", f"/cases/{case.number}/map.json", "/week",
            "/api/v1/cases", f"/api/v1/cases/{case.number}", "/metrics",
        )
    ]  # fmt: skip
    secrets = [
        "李小勇", "13800001234", rider_token, str(rider_id), rider_id.hex, report.number,
        report.receipt_hash, "SER-778899", "M2102J2SC", "Xiaomi", *(p.sha256 for p in photos),
    ]  # fmt: skip
    exact = [
        moment.strftime(form)
        for moment in (report.received_at, report.received_at + timedelta(hours=8))
        for form in ("%H:%M:%S", "%M:%S")
    ]
    for text in texts:
        for secret in secrets:
            assert secret not in text
        for moment in exact:
            assert moment not in text


def test_the_page_reads_as_an_inspector_thinks(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case(flags=("claims-disagree-place",))
    page = client.get(f"/cases/{case.number}").text
    order = [
        "反映的问题",
        "地点和时间",
        "以前见过吗",
        "200 米内的其他案件",
        "现在可以做什么",
        "经过",
    ]
    places = [
        page.index(f">{title}" if title != "200 米内的其他案件" else title) for title in order
    ]
    assert places == sorted(places)
    assert "后厨地面有老鼠屎" in page
    assert "骑手-0Q0" in page
    assert "定位不一致" in page
    assert "±12 米" in page
    assert "开始核查" in page
    assert "距区县边界 95 米" in page


def test_supplements_and_withdrawals_are_shown(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    report = world.report()
    case = world.case(reports=(report,))
    with world.database.writing() as session:
        session.add(Supplement(report_id=report, description="今天又看到一次"))
        session.add(Withdrawal(report_id=report, reason="怕麻烦"))
    page = client.get(f"/cases/{case.number}").text
    assert "今天又看到一次" in page
    assert "已撤回" in page


def test_photos_that_wait_or_are_broken_say_so(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    report = world.report(photos=2)
    case = world.case(reports=(report,))
    with world.database.writing() as session:
        first, second = session.scalars(
            select(Photo.id).where(Photo.report_id == report).order_by(Photo.position)
        )
        session.delete(session.get_one(PhotoExamination, first))
        broken = session.get_one(PhotoExamination, second)
        broken.unreadable_reason, broken.derivative_sizes = "decoder-out-of-memory", []
    page = client.get(f"/cases/{case.number}").text
    assert "照片正在检查" in page
    # Sound evidence must not be called damaged.
    assert "内存超过了上限" in page
    assert "损坏" not in page


def test_what_is_odd_about_a_photo_that_was_read_is_told_in_words(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    report = world.report(photos=1)
    case = world.case(reports=(report,))
    with world.database.writing() as session:
        found = session.scalars(select(PhotoExamination)).one()
        found.notes = ["place-from-xmp", "exif-time-of-edit", "<script>of another edition"]
    page = client.get(f"/cases/{case.number}").text
    assert page.count('class="noted"') == 2
    assert "定位取自 XMP" in page
    assert "最后修改的时间" in page
    assert "of another edition" not in page


def test_a_photo_with_parts_hidden_says_that_the_original_is_whole(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    report = world.report(photos=2)
    case = world.case(reports=(report,))
    with world.database.writing() as session:
        photo = session.scalars(select(Photo).where(Photo.report_id == report)).first()
        photo.masks = [{"width": 0.05, "points": [[0.5, 0.5]]}]
    page = client.get(f"/cases/{case.number}").text
    assert page.count("骑手遮住了部分画面；原件封存未改") == 1


def test_a_case_without_any_place_says_so(world, browse) -> None:
    client = browse(world.person("dora", (Role.DISPATCHER, SHENYANG)))
    case = world.case(code=SHENYANG, state=State.DISPATCH, place=None, premises_name="")
    page = client.get(f"/cases/{case.number}").text
    assert "没有任何定位" in page
    assert "辖区待定" in page
    drawn = client.get(f"/cases/{case.number}/map.json").json
    nothing = {"type": "FeatureCollection", "features": []}
    assert drawn == {"outlines": nothing, "places": [], "lines": [], "cases": []}


def test_the_map_holds_the_counties_around_and_every_claim_with_its_time(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case()
    drawn = client.get(f"/cases/{case.number}/map.json").json
    assert SHENHE in {each["properties"]["code"] for each in drawn["outlines"]["features"]}
    first, second = drawn["places"]
    assert (first["letter"], first["source"], first["accuracy_m"]) == ("A", "device_gps", 12.0)
    assert (second["letter"], second["source"]) == ("B", "exif_gps")
    assert "±12 米" in first["words"]
    assert "时许" in first["words"], "the phone's clock stands with the phone's place"
    (line,) = drawn["lines"]
    assert line == {"ends": [first["at"], second["at"]], "words": "44 米", "is_too_far": False}


def test_the_page_tells_without_a_map_how_far_apart_the_claims_are(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    report, second = world.report(), world.report(place=(41.7970, 123.4421))
    with world.database.writing() as session:
        session.add(
            Claim(report_id=report, kind="place", source="map_pin", latitude=41.7999,
                  longitude=123.4421)
        )  # fmt: skip
    case = world.case(reports=(report, second))
    page = re.sub(r"<svg.*?</svg>|<[^>]+>", "", client.get(f"/cases/{case.number}").text)
    assert re.search(r"A – C 423 米\s+超出允许的 212 米", page)
    assert re.search(r"A – B 44 米\s*\n", page)
    assert re.search(r"A – D 100 米\s*\n", page), "two riders may stand at different doors"
    assert "B – D" not in page
    drawn = client.get(f"/cases/{case.number}/map.json").json["lines"]
    assert [line["words"] for line in drawn if line["is_too_far"]] == ["423 米", "378 米"]


def test_a_photo_sent_later_elsewhere_is_no_disagreement(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    report = world.report()
    with world.database.writing() as session:
        later = Supplement(report_id=report, description="在家补拍")
        session.add(later)
        session.flush()
        photo = Photo(
            report_id=report, supplement_id=later.id, position=0, sha256="d" * 64, size_bytes=1,
            content_type="image/jpeg", width=1, height=1,
        )  # fmt: skip
        session.add(photo)
        session.flush()
        session.add(
            Claim(report_id=report, photo_id=photo.id, kind="place", source="exif_gps",
                  latitude=41.85, longitude=123.4421)
        )  # fmt: skip
    case = world.case(reports=(report,), flags=("claims-disagree-place",))
    page = client.get(f"/cases/{case.number}").text
    assert "补充时的照片" in page
    assert "超出允许的" not in page
    lines = client.get(f"/cases/{case.number}/map.json").json["lines"]
    assert not any(line["is_too_far"] for line in lines)


def test_what_is_unusual_about_who_reports_is_said_by_pseudonym(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    odd, usual = world.report(), world.report()
    with world.database.writing() as session:
        for report, score, reason in ((odd, 3, "often-unfounded"), (usual, 1, "many-at-once")):
            session.add(
                ReportRisk(report_id=report, policy="risk-2026-11", score=score, reasons=[reason])
            )
    case = world.case(reports=(odd, usual), flags=("reporter-unusual",))
    page = client.get(f"/cases/{case.number}").text
    assert "举报情况异常" in page
    assert "不影响受理" in page
    assert "骑手-0Q0：近期的举报里，多数经核查不属实或不成立。" in page
    # What asks for no closer look is not held against anybody.
    assert "一小时内发了很多条" not in page


def test_the_same_shop_and_what_is_near_are_told_apart_with_distances(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case()
    same = world.case(place=(41.8061, 123.4421))
    unknown = world.case(place=None)
    near = world.case(place=(41.7970, 123.4421), premises_name="张家烧烤")
    world.case(place=(41.7990, 123.4421), premises_name="三百米外")
    page = client.get(f"/cases/{case.number}").text
    shop = page[page.index('id="h-shop"') :]
    shop = shop[: shop.index("</section>")]
    order = ["同一店名", same.number, "相距 1.1 公里", unknown.number, "地点不明", "200 米内</h3>"]
    order += [near.number, "张家烧烤", "相距 100 米"]
    assert [shop.index(each) for each in order] == sorted(shop.index(each) for each in order)
    assert "三百米外" not in shop
    drawn = client.get(f"/cases/{case.number}/map.json").json["cases"]
    assert [(each["mark"], each["href"], each["is_same_shop"]) for each in drawn] == [
        (1, f"/cases/{same.number}", True), (3, f"/cases/{near.number}", False),
    ]  # fmt: skip
    assert "张家烧烤" in drawn[1]["words"]
    assert "100 米" in drawn[1]["words"]


def test_branches_of_a_chain_far_away_do_not_crowd_out_what_is_near(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case()
    near = world.case(place=(41.7970, 123.4421), premises_name="张家烧烤",
                      received_at=world.now - timedelta(days=9))  # fmt: skip
    for number in range(25):
        world.case(place=(42.0 + number / 100, 123.4421))
    drawn = client.get(f"/cases/{case.number}/map.json").json["cases"]
    assert sum(each["is_same_shop"] for each in drawn) == 20
    assert drawn[-1]["href"] == f"/cases/{near.number}"
    assert drawn[0]["at"] == [42.0, 123.4421], "the nearest branch comes first"


def test_an_operators_polygon_is_drawn_once_it_is_loaded(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case()
    assert client.get(f"/cases/{case.number}/map.json").status_code == 200
    with world.database.writing() as session:
        session.add(
            Jurisdiction(
                code=SHENHE, name="沈河区(官方)", level="county", version="official-1",
                geometry=shapely.box(123.40, 41.78, 123.48, 41.81).wkb,
                valid_from=date(2026, 1, 1),
            )
        )  # fmt: skip
    drawn = client.get(f"/cases/{case.number}/map.json").json
    names = {each["properties"]["name"] for each in drawn["outlines"]["features"]}
    assert "沈河区(官方)" in names


def test_look_alikes_stand_side_by_side_with_a_sentence(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    mine, theirs, foreign = world.report(), world.report(), world.report()
    case = world.case(reports=(mine,))
    near = world.case(reports=(theirs,))
    far = world.case(reports=(foreign,), code=XIHU)
    world.match(mine, theirs, "same_picture")
    world.match(foreign, mine, "same_bytes")
    page = client.get(f"/cases/{case.number}").text
    assert "几乎相同的照片" in page
    assert "相距 35 米" in page
    assert f"/photos/{world.photo_of(theirs)}/320.jpg" in page
    assert near.number in page
    assert "不由您办理" in page
    assert f"/photos/{world.photo_of(foreign)}" not in page
    assert far.number not in page


def test_a_suggestion_is_decided_from_the_page(world, browse) -> None:
    client = browse(world.person("dora", (Role.DISPATCHER, SHENYANG)))
    mine, theirs, third = world.report(), world.report(), world.report()
    case, other = world.case(reports=(mine,)), world.case(reports=(theirs,))
    world.case(reports=(third,))
    match_id = world.match(mine, theirs)
    rejected = world.match(mine, third)
    page = follow(client, post(client, case, f"matches/{match_id}", version="2", decision="accept"))
    assert "已并入本案" in page
    assert world.fresh(other).state == "invalid"
    page = follow(client, post(client, case, f"matches/{rejected}", version="3", decision="reject"))
    assert "已有同事判断不是同一线索" in page
    assert post(client, case, f"matches/{rejected}", version="3", decision="?").status_code == 404


def test_a_report_is_taken_out_from_the_page_and_queued(
    settings, world, redis_url, person_of, browse_at
) -> None:
    report = world.report()
    case = world.case(reports=(world.report(), report))
    client, app = browse_at(settings.model_copy(update={"redis_url": redis_url}), person_of())
    with world.database.reading() as session:
        link = session.scalars(select(CaseReport).where(CaseReport.report_id == report)).one()
    follow(client, post(client, case, f"reports/{link.id}/unlink", version="2"))
    queue = app.extensions["room"].queue
    assert queue.depth() == 1
    with world.database.reading() as session:
        assert session.get_one(ReportProgress, report).finished_at is None


def test_a_stale_form_keeps_what_was_typed_and_says_what_changed(world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    client = browse(anna)
    case = world.case()
    with world.database.writing() as session:
        advance(
            session, case_id=case.id, staff=anna, to=State.VERIFYING, version=2, record={},
            now=now_utc(),
        )  # fmt: skip
    typed = "店在浑南区，门牌是<b>12 号</b>"
    answer = post(client, case, "moves", version="2", to="dispatch", reason=typed)
    assert answer.status_code == 409
    assert "案件有了变化" in answer.text
    assert "核查中" in answer.text
    assert "店在浑南区，门牌是&lt;b&gt;12 号&lt;/b&gt;</textarea>" in answer.text
    assert 'name="version" value="3"' in answer.text
    follow_up = post(client, case, "moves", version="3", to="dispatch", reason=typed)
    assert follow_up.status_code == 302
    assert follow_up.location == "/"
    assert "案件已改为" in client.get("/").text


def test_an_incomplete_form_names_the_field_and_keeps_the_others(world, browse, record) -> None:
    client = browse(world.person("hanna", (Role.BUREAU_HEAD, SHENHE)))
    case = world.case(state=State.FILED)
    fields = {name: record[name] for name in ("decision_number", "law_article", "penalty_kinds")}
    answer = post(
        client, case, "moves", version="2", to="penalised", fine_fen="五百", **fields,
        decided_on=record["decided_on"],
    )  # fmt: skip
    assert answer.status_code == 422
    assert "“罚款（元）”填写有误" in answer.text
    assert record["decision_number"] in answer.text
    assert re.search(r'name="penalty_kinds" value="fine" checked', answer.text)
    assert re.search(r'name="fine_fen"[^>]*aria-invalid="true"', answer.text)
    assert 'value="五百"' in answer.text


def test_money_is_typed_in_yuan_and_kept_in_fen(world, browse, record) -> None:
    client = browse(world.person("hanna", (Role.BUREAU_HEAD, SHENHE)))
    case = world.case(state=State.FILED)
    fields = {
        name: record[name]
        for name in ("decision_number", "law_article", "penalty_kinds", "decided_on")
    }
    page = follow(
        client,
        post(
            client, case, "moves", version="2", to="penalised", fine_fen="¥5,000.50",
            confiscation_fen="0", published_on=record["published_on"], **fields,
        ),
    )  # fmt: skip
    assert "¥5,000.50" in page
    assert "您提出" in page
    approver = browse(world.person("greta", (Role.BUREAU_HEAD, SHENHE)))
    follow(approver, post(approver, case, "signatures", version="3", decision="confirm"))
    with world.database.reading() as session:
        assert session.scalars(select(CaseDecision)).one().fine_fen == 500_050


def test_a_proposal_is_signed_by_a_colleague_on_the_page(world, browse, record) -> None:
    anna = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    bob = browse(world.person("bob", (Role.INSPECTOR, SHENHE)))
    case = world.case(state=State.VERIFYING)
    fields = {
        name: record[name] for name in ("visited_on", "visit_place", "findings", "actual_address")
    }
    page = follow(anna, post(anna, case, "moves", version="2", to="verified", **fields))
    assert "由您提出，须由另一名执法人员签字" in page
    assert "签字确认" not in page
    assert "提出：不实" not in page
    own = post(anna, case, "signatures", version="3", decision="confirm")
    assert own.status_code == 403
    assert "由您提出" in own.text
    page = bob.get(f"/cases/{case.number}").text
    assert "签字确认" in page
    assert "后厨有鼠迹" in page
    back = post(bob, case, "signatures", version="3", decision="send_back", reason=" ")
    assert back.status_code == 422
    page = follow(bob, post(bob, case, "signatures", version="3", decision="confirm"))
    assert "已签字" in page
    assert re.search(r"Anna\s*·\s*Bob", page)
    assert post(bob, case, "signatures", version="4", decision="maybe").status_code == 404


def test_a_proposal_is_taken_back_by_its_author(world, browse) -> None:
    anna = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case(state=State.VERIFYING)
    follow(anna, post(anna, case, "moves", version="2", to="unverifiable", findings="店已搬走"))
    page = follow(
        anna, post(anna, case, "signatures", version="3", decision="send_back", reason="写错了")
    )
    assert "已退回" in page
    assert "写错了" in page


def test_a_dispatcher_chooses_among_candidates_and_finds_others_by_name(world, browse) -> None:
    client = browse(world.person("dora", (Role.DISPATCHER, "000000")))
    case = world.case(code=SHENYANG, state=State.DISPATCH)
    page = client.get(f"/cases/{case.number}").text
    assert "浑南区市场监督管理局（候选，95 米）" in page
    assert "西湖区市场监督管理局" not in page
    assert "为什么没有自动分派" in page
    found = client.get(f"/cases/{case.number}?unit=西湖区").text
    assert "杭州市西湖区市场监督管理局" in found
    unit = str(world.unit(XIHU).id)
    follow(client, post(client, case, "moves", version="2", to="assigned", unit_id=unit))
    assert world.fresh(case).unit_id == world.unit(XIHU).id


def test_a_case_is_taken_in_hand_on_the_page(world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE), name="安娜")
    client = browse(anna)
    case = world.case()
    page = follow(client, post(client, case, "assignee", version="2", assignee_id=anna.staff_id))
    assert "由 安娜 经办" in page
    wrong = post(client, case, "assignee", version="3", assignee_id="not an id")
    assert wrong.status_code == 422


@pytest.mark.parametrize("fields", [{"to": "nowhere"}, {}])
def test_a_move_to_no_state_is_not_found(world, browse, fields) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    assert post(client, world.case(), "moves", version="2", **fields).status_code == 404


@pytest.mark.parametrize("version", ["", "two", "²", "9" * 30, "-1"])
def test_a_version_that_is_no_number_is_refused(world, browse, version) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    answer = post(client, world.case(), "moves", version=version, to="verifying")
    assert answer.status_code == 400


def test_a_move_of_another_role_is_refused_in_words(world, browse) -> None:
    client = browse(world.person("dora", (Role.DISPATCHER, SHENHE)))
    case = world.case(state=State.PENALISED)
    assert "这一步不由您办理" in client.get(f"/cases/{case.number}").text
    answer = post(client, case, "moves", version="2", to="closed", reason="已缴清")
    assert answer.status_code == 403
    assert "负责人" in answer.text


def test_hostile_words_are_shown_as_words(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    evil = "<script>alert(1)</script>'\"&"
    report = world.report(description=evil, premises_name=evil)
    case = world.case(reports=(report,), premises_name=evil)
    for path in ("/", f"/cases/{case.number}", f"/?q={evil}"):
        assert "<script>alert" not in client.get(path).text


def test_an_english_page_is_english(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    client.set_cookie("locale", "en")
    case = world.case(flags=("no-exif",))
    page = client.get(f"/cases/{case.number}").text
    assert "What is alleged" in page
    assert "Rider-0Q0" in page
    assert "Begin to verify" in page
    assert "95 m" in page


def test_the_language_of_the_first_reader_does_not_stay_in_the_page(world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    path = f"/cases/{world.case().number}"
    chinese, english = browse(person), browse(person)
    english.set_cookie("locale", "en")
    for client, here, there in (
        (chinese, "手机定位", "Phone&#39;s place"),
        (english, "Phone&#39;s place", "手机定位"),
        (chinese, "手机定位", "Phone&#39;s place"),
    ):
        page = client.get(path).text
        assert here in page
        assert there not in page


def test_a_pause_is_registered_on_the_page_and_stops_the_clock(world, browse, record) -> None:
    anna = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case()
    fields = {name: record[name] for name in ("pause_kind", "pause_from")}
    refused = post(anna, case, "acts", version="2", act="pause", **fields)
    assert refused.status_code == 422
    assert "还缺" in refused.text
    page = follow(anna, post(anna, case, "acts", version="2", act="pause", reason="送检", **fields))
    assert "已登记：暂停计算期限" in page
    assert "起暂停" in page
    assert "恢复后顺延" in page
    assert 'value="resume"' in page
    assert post(anna, case, "acts", version="3", act="sleep").status_code == 404


def test_a_merge_is_undone_on_the_page(world, browse) -> None:
    dora = browse(world.person("dora", (Role.DISPATCHER, SHENHE)))
    older, younger = world.case(), world.case()
    merge = {"reason_code": "merged", "merged_into": older.number}
    page = follow(dora, post(dora, younger, "moves", version="2", to="invalid", **merge))
    assert older.number in page
    follow(dora, post(dora, younger, "moves", version="3", to="dispatch", reason="不是同一家"))
    assert world.fresh(younger).state == "dispatch"
