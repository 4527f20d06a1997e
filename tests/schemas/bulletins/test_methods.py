"""Issues stay provable by the method they were counted by, when a later one counts otherwise."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from schemas import audit
from schemas.bulletins.behind import cases_behind
from schemas.bulletins.documents import canonical_json, read_bulletin
from schemas.bulletins.issues import GENESIS, PUBLISHED, publish, seal_of
from schemas.bulletins.methods import METHODS, PRESENT, method_of
from schemas.bulletins.rollups import refresh
from schemas.bulletins.verifying import verify
from schemas.database import new_id
from schemas.errors import Conflict, NotFound
from schemas.lifecycle import State
from schemas.tables import BulletinDraft, BulletinIssue, Case

# Two issues as the program published them that knew the first method and no other.
FIRST = json.loads(Path(__file__).with_name("issued_2026_11.json").read_text("utf-8"))
COURIERS = ("顺丰同城", "闪送", "UU跑腿", "美团", "饿了么", "")


@pytest.fixture
def old(city, at, week):
    """Write the facts that the frozen issues were counted from, and the issues."""
    with city.together():
        for place, code in enumerate(("210102", "210103", "210106", "210112")):
            for each in range(3 + 2 * place):
                rider, platform = city.rider(), COURIERS[each % 6]
                city.case(at(place, each), code=code, platform=platform, rider=rider)
        late = city.case(at(3), code="210112", platform="闪送")
        monday = week.ends_at + timedelta(days=1)
        city.move(late, State.VERIFYING, at(4), recorded_at=monday)
        city.move(late, State.VERIFIED, at(4, 11), recorded_at=monday)
    signer = city.signer()
    with city.database.writing() as session:
        number = session.get_one(Case, late).number
        before = GENESIS
        for revision, frozen in enumerate(FIRST, start=1):
            row = issued(frozen, revision, signer, number, before)
            session.add(row)
            session.flush()
            audit.record(
                session, actor=audit.Actor("staff", signer), action=PUBLISHED,
                subject=("bulletin", row.id), after={"number": row.number, "sha256": row.sha256},
            )  # fmt: skip
            before = row.sha256
    return signer


def issued(frozen, revision, signer, number, before) -> BulletinIssue:
    texts = {
        name: canonical_json(part).replace("AJ00000000", number) for name, part in frozen.items()
    }
    bulletin = read_bulletin(texts["document"])
    row = BulletinIssue(
        id=new_id(), number=f"ZB-210100-{bulletin.week.name}-{revision}", scope_code="210100",
        sequence=revision, week=bulletin.week.name, revision=revision, signer_id=signer,
        known_at=bulletin.known_at, published_at=bulletin.known_at + timedelta(minutes=2),
        signer_name="统计员", previous_sha256=before, **texts,
    )  # fmt: skip
    row.sha256 = seal_of(row)
    return row


def signed(city, week, parameters, signer, hours=96) -> BulletinIssue:
    with city.database.writing() as session:
        return publish(
            session, week=week, scope="210100", signer_id=signer, parameters=parameters,
            now=week.ends_at + timedelta(hours=hours),
        )  # fmt: skip


def test_issues_of_the_first_method_are_proved_and_revised_by_it(
    city, at, old, week, parameters
) -> None:
    assert PRESENT.name != FIRST[0]["document"]["method"] in METHODS
    with pytest.raises(Conflict, match="bulletin-unchanged"):
        signed(city, week, parameters, old)
    city.case(at(5), platform="顺丰", recorded_at=week.ends_at + timedelta(days=3))
    revised = read_bulletin(signed(city, week, parameters, old, hours=100).document)
    assert revised.method == "bulletin-2026-11"
    # The three couriers still share the row that they had then.
    assert revised.tables["platform"]["sf"]["received"] == 18
    later = read_bulletin(signed(city, week.after(1), parameters, old, hours=100).document)
    assert later.method == PRESENT.name
    with city.database.reading() as session:
        proof = verify(session)
        assert (proof.verified, proof.fault) == (4, None)
        behind = list(cases_behind(session, revised, key="received", table="platform", row="sf"))
    assert sum(share.adds for share in behind) == 18


def test_each_courier_has_a_row_of_its_own_now(city, old, week) -> None:
    rows = city.count().tables["platform"]
    assert {row: rows[row]["received"] for row in ("shunfeng", "shansong", "uu")} == {
        "shunfeng": 6, "shansong": 6, "uu": 5,
    }  # fmt: skip
    assert "sf" not in rows


def test_a_method_that_nobody_knows_is_named(city, old) -> None:
    with city.database.reading() as session:
        row = session.query(BulletinIssue).filter_by(revision=1).one()
        strange = replace(read_bulletin(row.document), method="bulletin-2031-01")
    with pytest.raises(NotFound, match="bulletin-method-unknown"):
        method_of(strange.method)


def test_a_draft_of_another_method_is_counted_anew(city, old, week, parameters) -> None:
    now = week.ends_at + timedelta(days=9)

    def again() -> list:
        with city.database.writing() as session:
            return refresh(
                session, scope="210100", now=now, parameters=parameters, weeks=[week]
            )  # fmt: skip

    assert again() == [week]
    assert again() == []
    with city.database.writing() as session:
        kept = session.get_one(BulletinDraft, ("210100", week.name))
        kept.document = kept.document.replace(PRESENT.name, "bulletin-2026-11")
    assert again() == [week]
