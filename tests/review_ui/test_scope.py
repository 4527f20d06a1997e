"""What is not theirs is 404: every route of the map, for every role, at home and abroad."""

import re

import pytest
from sqlalchemy import select

from intake.doorway import Entry
from review_ui.access.sessions import open_session
from review_ui.access.tokens import add_token
from schemas.access import RIGHTS, Right, Role
from schemas.tables import CaseReport, Photo, PhotoExamination, SavedView, StaffRole, StaffSession

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
OPEN = {Entry.PUBLIC, Entry.OPERATOR}
# Whoever is signed in, here or at the riders' door, needs no right of the table.
OF_NO_RIGHT = {Entry.SIGNED_IN, Entry.REPORTER, Entry.RIDER, Entry.STATION}
# Who may enter each route. A new route fails here until somebody says what is expected.
EXPECTED = {
    "healthz": Entry.PUBLIC,
    "readyz": Entry.PUBLIC,
    "metrics": Entry.OPERATOR,
    "signing.sign_in": Entry.PUBLIC,
    "signing.try_to_sign_in": Entry.PUBLIC,
    "signing.choose_language": Entry.PUBLIC,
    "signing.sign_out": Entry.SIGNED_IN,
    "second_step.ask_code": Entry.PUBLIC,
    "second_step.try_code": Entry.PUBLIC,
    "second_step.ask_enrolment": Entry.PUBLIC,
    "second_step.try_enrolment": Entry.PUBLIC,
    "second_step.open_link": Entry.PUBLIC,
    "second_step.use_sign_in_link": Entry.PUBLIC,
    "provider.leave": Entry.PUBLIC,
    "provider.come_back": Entry.PUBLIC,
    "account.show_account": Entry.SIGNED_IN,
    "account.change_password": Entry.SIGNED_IN,
    "account.ask_enrolment": Entry.SIGNED_IN,
    "account.set_factor": Entry.SIGNED_IN,
    "account.drop_factor": Entry.SIGNED_IN,
    "account.renew_codes": Entry.SIGNED_IN,
    "account.end_one_session": Entry.SIGNED_IN,
    "account.end_other_sessions": Entry.SIGNED_IN,
    "account.make_token": Entry.SIGNED_IN,
    "account.drop_token": Entry.SIGNED_IN,
    "staff.list_staff": Entry.MANAGE_STAFF,
    "staff.ask_person": Entry.MANAGE_STAFF,
    "staff.add_person": Entry.MANAGE_STAFF,
    "staff.show_person": Entry.MANAGE_STAFF,
    "staff.give_role": Entry.MANAGE_STAFF,
    "staff.take_role": Entry.MANAGE_STAFF,
    "staff.set_active": Entry.MANAGE_STAFF,
    "staff.make_link": Entry.MANAGE_STAFF,
    "staff.reset_factor": Entry.MANAGE_STAFF,
    "staff.end_sessions": Entry.MANAGE_STAFF,
    "staff.make_token": Entry.MANAGE_STAFF,
    "staff.revoke_token": Entry.MANAGE_STAFF,
    "queue.front": Entry.SIGNED_IN,
    "cases.show_case": Entry.SEE_CASES,
    "cases.show_map": Entry.SEE_CASES,
    "cases.move_case": Entry.WORK_CASES,
    "cases.sign_case": Entry.WORK_CASES,
    "cases.assign_case": Entry.WORK_CASES,
    "cases.unlink": Entry.WORK_CASES,
    "cases.decide_match": Entry.WORK_CASES,
    "acts.do_act": Entry.WORK_CASES,
    "queue.show_pulse": Entry.SEE_CASES,
    "bulk.do_for_several": Entry.WORK_CASES,
    "bulk.export": Entry.SEE_CASES,
    "views.keep": Entry.SEE_CASES,
    "views.choose_first": Entry.SEE_CASES,
    "views.forget": Entry.SEE_CASES,
    "map.show_cases_map": Entry.SEE_CASES,
    "map.show_box": Entry.SEE_CASES,
    "map.show_outlines": Entry.SEE_CASES,
    "evidence.ask_evidence": Entry.TAKE_EVIDENCE,
    "evidence.take_evidence": Entry.TAKE_EVIDENCE,
    "evidence_api.take_evidence_by_program": Entry.TAKE_EVIDENCE,
    "notes.add_note": Entry.WORK_CASES,
    "notes_api.list_notes": Entry.SEE_CASES,
    "notes_api.add_note": Entry.WORK_CASES,
    "notes_api.list_attachments": Entry.SEE_CASES,
    "notes_api.add_attachments": Entry.WORK_CASES,
    "notes_api.list_tasks": Entry.SEE_CASES,
    "notes_api.set_task": Entry.WORK_CASES,
    "notes_api.finish": Entry.WORK_CASES,
    "notes.add_reinspection": Entry.WORK_CASES,
    "notes.finish_reinspection": Entry.WORK_CASES,
    "notes.insert_wording": Entry.WORK_CASES,
    "notes.show_attachment": Entry.SEE_CASES,
    "notes.download_attachment": Entry.SEE_CASES,
    "notes.my_work": Entry.WORK_CASES,
    "notes.count_work": Entry.WORK_CASES,
    "notes.see_mention": Entry.WORK_CASES,
    "notes.show_templates": Entry.WORK_CASES,
    "notes.new_template": Entry.WORK_CASES,
    "notes.remove_template": Entry.WORK_CASES,
    "photos.show_evidence": Entry.SEE_CASES,
    "photos.show_photo": Entry.SEE_CASES,
    "unsealing.ask_reporter": Entry.UNSEAL,
    "unsealing.show_reporter": Entry.UNSEAL,
    "unsealing.ask_original": Entry.UNSEAL,
    "unsealing.download_original": Entry.UNSEAL,
    "unsealing_api.unseal": Entry.UNSEAL,
    "unsealing_api.unseal_original": Entry.UNSEAL,
    "audit_log.show_log": Entry.SEE_AUDIT,
    "holds.show_holds": Entry.HOLD_CASES,
    "holds.set_hold": Entry.HOLD_CASES,
    "holds.end_hold": Entry.RELEASE_CASES,
    "holds_api.list_holds": Entry.HOLD_CASES,
    "holds_api.set_hold_by_program": Entry.HOLD_CASES,
    "holds_api.end_hold_by_program": Entry.RELEASE_CASES,
    "suggestions.show_suggestions": Entry.ANSWER_SUGGESTIONS,
    "suggestions.send_answer": Entry.ANSWER_SUGGESTIONS,
    "suggestions_api.list_suggestions": Entry.ANSWER_SUGGESTIONS,
    "suggestions_api.answer_by_program": Entry.ANSWER_SUGGESTIONS,
    "joining.list_invitations": Entry.INVITE_RIDERS,
    "joining.make_invitation": Entry.INVITE_RIDERS,
    "joining.show_poster": Entry.INVITE_RIDERS,
    "joining.end_invitation": Entry.INVITE_RIDERS,
    "joining_api.list_for_program": Entry.INVITE_RIDERS,
    "joining_api.make_by_program": Entry.INVITE_RIDERS,
    "joining_api.end_by_program": Entry.INVITE_RIDERS,
    "campaigns.list_campaigns": Entry.RUN_CAMPAIGNS,
    "campaigns.make_campaign": Entry.RUN_CAMPAIGNS,
    "campaigns.show_campaign": Entry.RUN_CAMPAIGNS,
    "campaigns.ask_supervisors": Entry.RUN_CAMPAIGNS,
    "campaigns.close": Entry.RUN_CAMPAIGNS,
    "campaigns.reject": Entry.RUN_CAMPAIGNS,
    "campaigns_api.list_for_program": Entry.RUN_CAMPAIGNS,
    "campaigns_api.make_by_program": Entry.RUN_CAMPAIGNS,
    "campaigns_api.show_for_program": Entry.RUN_CAMPAIGNS,
    "campaigns_api.invite_by_program": Entry.RUN_CAMPAIGNS,
    "campaigns_api.close_by_program": Entry.RUN_CAMPAIGNS,
    "campaigns_api.reject_by_program": Entry.RUN_CAMPAIGNS,
    "risk.show_risk": Entry.SEE_COUNTS,
    "risk.show_outlines": Entry.SEE_COUNTS,
    "risk.download": Entry.SEE_COUNTS,
    "risk_api.show_for_program": Entry.SEE_COUNTS,
    "draws.list_draws": Entry.SEE_CASES,
    "draws.ask_draw": Entry.WORK_CASES,
    "draws.prepare": Entry.WORK_CASES,
    "draws.show_draw": Entry.SEE_CASES,
    "draws.draw": Entry.WORK_CASES,
    "draws.download_list": Entry.SEE_CASES,
    "draws_api.list_for_program": Entry.SEE_CASES,
    "draws_api.prepare_by_program": Entry.WORK_CASES,
    "draws_api.show_for_program": Entry.SEE_CASES,
    "draws_api.show_list": Entry.SEE_CASES,
    "draws_api.draw_by_program": Entry.WORK_CASES,
    "week.show_week": Entry.SEE_COUNTS,
    "bulletins.show_bulletin": Entry.SEE_COUNTS,
    "bulletins.show_screen": Entry.SEE_COUNTS,
    "bulletins.compare_weeks": Entry.SEE_COUNTS,
    "bulletins.show_period": Entry.SEE_COUNTS,
    "bulletins.show_definitions": Entry.SEE_COUNTS,
    "bulletins.show_cases_behind": Entry.SEE_CASES,
    "bulletin_subscribers_api.list_for_program": Entry.PUBLISH_BULLETINS,
    "bulletin_subscribers_api.add_by_program": Entry.PUBLISH_BULLETINS,
    "bulletin_subscribers_api.end_by_program": Entry.PUBLISH_BULLETINS,
    "bulletin_subscribers.list_subscribers": Entry.PUBLISH_BULLETINS,
    "bulletin_subscribers.add_subscriber": Entry.PUBLISH_BULLETINS,
    "bulletin_subscribers.end_subscriber": Entry.PUBLISH_BULLETINS,
    "bulletin_files.download": Entry.SEE_COUNTS,
    "bulletins_api.list_for_program": Entry.SEE_COUNTS,
    "bulletins_api.show_for_program": Entry.SEE_COUNTS,
    "bulletins_api.download_by_program": Entry.SEE_COUNTS,
    "bulletin_issues.list_issues": Entry.SEE_COUNTS,
    "bulletin_issues.ask_to_sign": Entry.PUBLISH_BULLETINS,
    "bulletin_issues.count_again": Entry.PUBLISH_BULLETINS,
    "bulletin_issues.sign": Entry.PUBLISH_BULLETINS,
    "rewards.list_awards": Entry.MANAGE_REWARDS,
    "rewards.award_task": Entry.MANAGE_REWARDS,
    "rewards.show_award": Entry.MANAGE_REWARDS,
    "rewards.approve": Entry.MANAGE_REWARDS,
    "rewards.end": Entry.MANAGE_REWARDS,
    "rewards.restore": Entry.MANAGE_REWARDS,
    "rewards.show_honours": Entry.MANAGE_REWARDS,
    "rewards_api.list_honours": Entry.MANAGE_REWARDS,
    "statutory.list_claims": Entry.DECIDE_STATUTORY,
    "statutory.approve": Entry.DECIDE_STATUTORY,
    "statutory.refuse": Entry.DECIDE_STATUTORY,
    "statutory.reverse": Entry.DECIDE_STATUTORY,
    "statutory.list_payments": Entry.PAY_STATUTORY,
    "statutory.pay": Entry.PAY_STATUTORY,
    "statutory_api.list_claims_for_program": Entry.DECIDE_STATUTORY,
    "statutory_api.approve_by_program": Entry.DECIDE_STATUTORY,
    "statutory_api.refuse_by_program": Entry.DECIDE_STATUTORY,
    "statutory_api.reverse_by_program": Entry.DECIDE_STATUTORY,
    "statutory_api.list_payments_for_program": Entry.PAY_STATUTORY,
    "statutory_api.pay_by_program": Entry.PAY_STATUTORY,
    "thanks.list_supplies": Entry.MANAGE_REWARDS,
    "thanks.give": Entry.MANAGE_REWARDS,
    "thanks.cancel": Entry.MANAGE_REWARDS,
    "thanks.publish": Entry.MANAGE_REWARDS,
    "thanks.take_down": Entry.MANAGE_REWARDS,
    "thanks_api.list_supplies_for_program": Entry.MANAGE_REWARDS,
    "thanks_api.give_by_program": Entry.MANAGE_REWARDS,
    "thanks_api.cancel_by_program": Entry.MANAGE_REWARDS,
    "thanks_api.list_rolls": Entry.MANAGE_REWARDS,
    "thanks_api.publish_by_program": Entry.MANAGE_REWARDS,
    "thanks_api.take_down_by_program": Entry.MANAGE_REWARDS,
    "rewards.show_account": Entry.MANAGE_REWARDS,
    "stations.list_stations": Entry.MANAGE_REWARDS,
    "stations.show_station": Entry.MANAGE_REWARDS,
    "stations.change_station": Entry.MANAGE_REWARDS,
    "stations_api.list_for_program": Entry.MANAGE_REWARDS,
    "stations_api.change_by_program": Entry.MANAGE_REWARDS,
    "offers.list_offers": Entry.MANAGE_REWARDS,
    "offers.make_offer": Entry.MANAGE_REWARDS,
    "offers.restock": Entry.MANAGE_REWARDS,
    "offers.end_offer": Entry.MANAGE_REWARDS,
    "offers_api.list_for_program": Entry.MANAGE_REWARDS,
    "offers_api.make_by_program": Entry.MANAGE_REWARDS,
    "offers_api.restock_by_program": Entry.MANAGE_REWARDS,
    "offers_api.end_by_program": Entry.MANAGE_REWARDS,
    "rewards_api.list_awards": Entry.MANAGE_REWARDS,
    "rewards_api.award_task": Entry.MANAGE_REWARDS,
    "rewards_api.show_award": Entry.MANAGE_REWARDS,
    "rewards_api.approve": Entry.MANAGE_REWARDS,
    "rewards_api.end": Entry.MANAGE_REWARDS,
    "rewards_api.restore": Entry.MANAGE_REWARDS,
    "rewards_api.show_account": Entry.MANAGE_REWARDS,
    "api_v1.list_cases": Entry.SEE_CASES,
    "api_v1.show_case": Entry.SEE_CASES,
    "api_v1.move_case": Entry.WORK_CASES,
    "api_v1.sign_case": Entry.WORK_CASES,
    "api_v1.act_on_case": Entry.WORK_CASES,
    "api_v1.show_week": Entry.SEE_COUNTS,
    "api_v1.show_document": Entry.PUBLIC,
}
END = {"code": "fraud", "reason": "摆拍"}
REASON = {"reason_code": "contact", "reason": "核实后厨位置"}
# What a form must name for its route to look at anything at all.
BODIES = {
    "cases.sign_case": {"decision": "send_back", "reason": "不对"},
    "cases.decide_match": {"decision": "reject"},
    "cases.move_case": {"to": "verifying"},
    "notes_api.add_note": {"version": 2, "body": "看过"},
    "notes_api.set_task": {"version": 2, "what": "看", "assignee": "nobody", "working_days": 1},
    "notes_api.finish": {"version": 2, "result": "corrected"},
    "notes.insert_wording": {"to": "verifying"},
    "api_v1.move_case": {"to": "verifying", "version": 2},
    "api_v1.sign_case": {"decision": "confirm", "version": 2},
    "acts.do_act": {"act": "pause"},
    "holds.end_hold": {"reason": "诉讼已结"},
    "holds_api.set_hold_by_program": {"reason": "行政诉讼"},
    "holds_api.end_hold_by_program": {"reason": "诉讼已结"},
    "api_v1.act_on_case": {"act": "pause", "version": 2},
    "bulk.do_for_several": {"action": "link"},
    "views.choose_first": {"is_default": "1"},
    "staff.set_active": {"active": "1"},
    "rewards.end": END,
    "offers.restock": {"stock": "5"},
    "offers_api.restock_by_program": {"stock": 5},
    "campaigns.reject": {"code": "fraud"},
    "campaigns_api.invite_by_program": {"station": "北站"},
    "campaigns_api.close_by_program": {"reason": "节日已过"},
    "campaigns_api.reject_by_program": {"code": "fraud"},
    "statutory.pay": {"document_number": "1号", "paid_on": "2026-01-01"},
    "statutory_api.approve_by_program": {"grade": 1},
    "statutory_api.refuse_by_program": {"reason": "不符合"},
    "statutory_api.reverse_by_program": {"reason": "不符合"},
    "statutory_api.pay_by_program": {"document_number": "1号", "paid_on": "2026-01-01"},
    "thanks.cancel": {"reason": "写错了"},
    "thanks_api.cancel_by_program": {"reason": "写错了"},
    "rewards_api.end": END,
    "rewards_api.award_task": {"account": "0000-0000", "task": "3号", "unit": "210103"},
    "unsealing.show_reporter": REASON,
    "unsealing.download_original": REASON,
    "unsealing_api.unseal": REASON | {"pseudonym": "骑手-0Q0"},
    "unsealing_api.unseal_original": REASON,
}
# These end what the walk stands on, and are walked in tests of their own.
NOT_WALKED = {"signing.sign_out", "account.renew_codes"}

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def entries(app):
    """Return who may enter each route of the room."""
    return {
        rule.endpoint: getattr(app.view_functions[rule.endpoint], "entry", None)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
    }


def guarded(app):
    """Return (rule, method) of every route that asks who is there."""
    known = entries(app)
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods & {"GET", "POST"})
        if rule.endpoint in known and known[rule.endpoint] not in OPEN
    ]


def values_of(world, case, person, mentioned=None):
    """Return what fills the addresses of a case, and of a person: links, photos, tokens."""
    with world.database.reading() as session:
        link = session.scalars(select(CaseReport).where(CaseReport.case_id == case.id)).first()
        role = session.scalars(select(StaffRole).where(StaffRole.staff_id == person.staff_id))
        role_id = role.first().id
    other = world.report()
    world.case(reports=(other,), code=case.county_code)
    with world.database.writing() as session:
        photo = session.get_one(Photo, world.photo_of(link.report_id))
        token, _ = add_token(session, staff_id=person.staff_id)
        open_session(session, staff_id=person.staff_id, now=world.now)
        view = SavedView(staff_id=person.staff_id, name="一周内", query="")
        session.add(view)
        session_id = session.scalars(
            select(StaffSession.id)
            .where(StaffSession.staff_id == person.staff_id)
            .order_by(StaffSession.id.desc())
        ).first()
    file = world.settings.data_dir / "original"
    # The store made the last one read-only.
    file.unlink(missing_ok=True)
    file.write_bytes(b"an original")
    world.store.put_original(file, photo.sha256)
    return {
        "number": case.number,
        "link_id": link.id,
        "match_id": world.match(link.report_id, other, facts={"spots": 9, "score": 0.99}),
        "photo_id": world.photo_of(link.report_id),
        "size": 320,
        **world.beside(case, mentioned),
        "staff_id": person.staff_id,
        "role_id": role_id,
        "token_id": token.id,
        "session_id": session_id,
        "view_id": view.id,
        "kind": "csv",
        **world.award(case),
        "reference": world.suggestion(),
        "offer_id": world.offer(case.unit_id),
        "station_id": world.station(case.unit_id),
        "subscriber_id": world.subscriber(person, case.unit_id),
        "invitation_id": world.invitation(case.unit_id),
        **world.thanked(case.unit_id),
        "claim_id": world.claim(case.unit_id),
        **world.campaign(case.unit_id),
        "draw_id": world.draw(person, case.unit_id),
        "table": "cells",
    }


def ask(client, rule, method, values, headers, csrf):
    _, path = rule.build({name: values[name] for name in rule.arguments})
    fields = dict(BODIES.get(rule.endpoint, {}))
    if rule.endpoint == "unsealing_api.unseal_original":
        fields["photo_id"] = str(values["photo_id"])
    if method == "GET":
        return client.get(path, headers=headers)
    if rule.rule.startswith("/api/"):
        return client.post(path, json=fields, headers=headers)
    return client.post(path, data={"version": "2", "csrf_token": csrf} | fields)


def csrf_of(client):
    page = client.get("/", follow_redirects=True).text
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def test_every_route_is_expected_and_lets_in_whom_it_should(app) -> None:
    assert entries(app) == EXPECTED


def test_every_right_of_the_table_has_an_entry_of_its_name(dialect) -> None:
    assert {right.value for right in Right} == {
        entry.value for entry in Entry if entry not in OPEN | OF_NO_RIGHT
    }


@pytest.mark.parametrize("role", list(Role))
def test_every_route_opens_at_home_by_role_and_never_abroad(app, world, browse, role) -> None:
    person = world.person("someone", (role, SHENYANG))
    token = {"Authorization": f"Bearer {world.token(person)}"}
    client = browse(person)
    near = world.person("near", (Role.INSPECTOR, SHENHE))
    own = values_of(world, world.case(), near, mentioned=person.staff_id)
    foreign = values_of(world, world.case(code=XIHU), world.person("far", (Role.INSPECTOR, XIHU)))
    mine = values_of(world, world.case(), person)
    csrf = csrf_of(client)
    for rule, method in guarded(app):
        if rule.endpoint in NOT_WALKED:
            continue
        entry = EXPECTED[rule.endpoint]
        headers = token if rule.rule.startswith("/api/") else {}
        may = entry is Entry.SIGNED_IN or role in RIGHTS[Right(entry.value)]
        home = mine if rule.endpoint.startswith(("account.", "views.")) else own
        at_home = ask(client, rule, method, home, headers, csrf)
        assert (at_home.status_code != 404) == may, (role, rule.rule, at_home.status_code)
        assert at_home.status_code < 500
        # A suggestion names no place, so it is nobody's but the whole office's.
        if rule.arguments - {"kind", "reference", "table"}:
            abroad = ask(client, rule, method, foreign, headers, csrf)
            assert abroad.status_code == 404, (role, rule.rule, abroad.status_code)


def test_the_front_page_is_for_each_role_what_it_may_do(world, browse) -> None:
    world.case()
    for role, expected in (
        (Role.INSPECTOR, "本单位"),
        (Role.STATISTICIAN, "按区县"),
        (Role.AUDITOR, "审计"),
        (Role.ADMINISTRATOR, "添加人员"),
        (Role.REWARD_OFFICER, "谁能得到积分"),
    ):
        client = browse(world.person(role.value, (role, SHENYANG)))
        assert expected in client.get("/", follow_redirects=True).text


def test_foreign_and_missing_look_alike(app, world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    foreign = world.case(code=XIHU)
    pages = [
        re.sub(r'[0-9a-f]{32}|value="[^"]*"', "", client.get(f"/cases/{number}").text)
        for number in (foreign.number, "AJ20261121-000000-0")
    ]
    assert pages[0] == pages[1]


def test_lists_hold_nothing_foreign(world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    own, foreign = world.case(), world.case(code=XIHU, premises_name="西湖小吃")
    client = browse(person)
    token = {"Authorization": f"Bearer {world.token(person)}"}
    for path in ("/", f"/cases/{own.number}", "/week", "/api/v1/cases", "/api/v1/counts/week"):
        text = client.get(path, headers=token).text
        assert foreign.number not in text
        assert "西湖" not in text


def test_nobody_signed_in_gets_nothing(app, visitor, world) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    values = values_of(world, world.case(), person)
    for rule, method in guarded(app):
        _, path = rule.build({name: values[name] for name in rule.arguments})
        answer = visitor.open(path, method=method)
        if rule.rule.startswith("/api/"):
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        elif method == "GET":
            assert (answer.status_code, answer.location[:8]) == (302, "/sign-in")
        else:
            assert answer.status_code == 401


def test_a_cookie_opens_no_api_and_a_token_no_page(app, visitor, world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    assert browse(person).get("/api/v1/cases").status_code == 401
    token = {"Authorization": f"Bearer {world.token(person)}"}
    assert visitor.get(f"/cases/{case.number}", headers=token).status_code == 302
    assert visitor.get("/api/v1/cases", headers=token).status_code == 200
    for wrong in ("Bearer staff_guess", "Basic YTpi", "Bearer", ""):
        answer = visitor.get("/api/v1/cases", headers={"Authorization": wrong})
        assert answer.status_code == 401


def test_a_picture_follows_its_case(app, world, browse) -> None:
    here = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    there = browse(world.person("carl", (Role.INSPECTOR, XIHU)))
    report = world.report()
    case = world.case(reports=(report,))
    path = f"/photos/{world.photo_of(report)}/320.jpg"
    answer = here.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "image/jpeg"
    assert answer.data.startswith(b"\xff\xd8")
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"].startswith("private")
    assert there.get(path).status_code == 404
    assert here.get(path.replace("320", "4032")).status_code == 404
    with world.database.writing() as session:
        link = session.scalars(select(CaseReport).where(CaseReport.case_id == case.id)).one()
        link.unlinked_at = world.now
    assert here.get(path).status_code == 404


def test_a_picture_of_evidence_is_for_those_who_may_see_both_cases(app, world, browse) -> None:
    county = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    city = browse(world.person("dora", (Role.DISPATCHER, SHENYANG)))
    elsewhere = browse(world.person("carl", (Role.INSPECTOR, XIHU)))
    mine, theirs, foreign = world.report(), world.report(), world.report()
    case = world.case(reports=(mine,))
    world.case(reports=(theirs,))
    world.case(reports=(foreign,), code=XIHU)
    facts = {"spots": 62, "score": 0.987, "common": 0.8}
    turned = {**facts, "mirrored": True, "differing": 0.14, "boxes": 5}
    shared = world.match(mine, theirs, "altered_picture", facts=turned)
    across = world.match(mine, foreign, "same_scene", facts=facts)
    shown, hidden = (f"/photos/evidence/{each}.jpg" for each in (shared, across))
    assert county.get(shown).content_type == "image/jpeg"
    assert city.get(shown).status_code == 200
    assert elsewhere.get(shown).status_code == 404
    # Each of the two sees one half of it, which is not enough.
    assert county.get(hidden).status_code == elsewhere.get(hidden).status_code == 404
    page = county.get(f"/cases/{case.number}").text
    assert shown in page
    assert "左：本案照片" in page
    assert "其中一张左右翻转过。 有 62 处重合，重合部分相似度 99%" in page
    assert "细节有 14% 不同" in page
    assert "黄框里的细节不同" in page
    # The viewer lays it over the other one as a mirror shows it.
    assert 'data-turn="5"' in page
    assert "可能是同一场景的另一张照片" in page
    assert hidden not in page
    assert county.get(f"/photos/evidence/{world.match(mine, theirs)}.jpg").status_code == 404


def test_what_a_photographed_screen_shows_is_told_with_a_word_of_caution(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    mine, theirs = world.report(), world.report()
    case, other = world.case(reports=(mine,)), world.case(reports=(theirs,))
    shown = world.match(mine, theirs, "altered_picture", bits=12)
    page = client.get(f"/cases/{case.number}").text
    assert "拉正后图像指纹相差 12/256 位。同一格式的证照、表单也会这样相近" in page
    assert other.number in page
    assert f"/photos/evidence/{shown}.jpg" not in page
    assert client.get(f"/photos/evidence/{shown}.jpg").status_code == 404


def test_what_two_forms_have_and_do_not_have_in_common_is_told_and_shown(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    mine, theirs, dim, copy = (world.report() for _ in range(4))
    case = world.case(reports=(mine,))
    for other in (theirs, dim, copy):
        world.case(reports=(other,))
    facts = {"differing": 0.1122, "boxes": 4}
    form = world.match(mine, theirs, "altered_picture", bits=28, facts=facts)
    untold = {"differing": 0.0, "boxes": 0}
    world.match(mine, dim, "altered_picture", bits=30, facts=untold)
    same = {"differing": 0.0, "boxes": 0}
    world.match(mine, copy, "same_picture", facts=same)
    page = client.get(f"/cases/{case.number}").text
    assert "图像指纹相差 28/256 位），但对齐后细节有 11% 不同" in page
    assert "左图已与右图对齐；黄框里的细节不同。" in page
    assert "图像指纹相差 30/256 位），但细节没能全部比对" in page
    assert page.count("左图已与右图对齐。") == 2
    assert "图像指纹相差 4/256 位，对齐后比对的部分细节一致。" in page
    assert "拉正" not in page
    assert client.get(f"/photos/evidence/{form}.jpg").content_type == "image/jpeg"


def test_a_picture_that_could_not_be_stripped_is_not_served(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    report = world.report()
    case = world.case(reports=(report,), flags=("photo-withheld",))
    with world.database.writing() as session:
        session.get_one(PhotoExamination, world.photo_of(report)).derivative_sizes = []
    assert client.get(f"/photos/{world.photo_of(report)}/320.jpg").status_code == 404
    page = client.get(f"/cases/{case.number}").text
    assert "这张照片暂不显示" in page
    assert "/photos/" not in page
