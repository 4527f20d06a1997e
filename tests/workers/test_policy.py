"""Thresholds are settings, and matches say by which they were found."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from schemas.errors import ConfigurationError
from schemas.places import METRES_PER_DEGREE, Point
from schemas.settings import load_settings
from schemas.tables import Case, Match, ReportStep
from workers.closely.comparing import kind_by
from workers.machine import make_machine
from workers.policy import POLICY, policy_of

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def settings(tmp_path, **environ):
    return load_settings(environ, data_dir=tmp_path)


def test_the_products_own_thresholds_have_its_own_name(tmp_path):
    assert policy_of(settings(tmp_path)) == POLICY
    assert policy_of(settings(tmp_path, MATCH_PLACE_M="5000", MATCH_DAYS="14")) == POLICY


def test_other_thresholds_have_a_name_of_their_own_the_same_wherever_they_are(tmp_path):
    one = policy_of(settings(tmp_path, MATCH_PICTURE_BITS="20"))
    assert one.picture_bits == 20
    assert one.version.startswith(f"{POLICY.version}+")
    assert len(one.version) <= Match.policy.type.length
    assert one == policy_of(settings(tmp_path, MATCH_PICTURE_BITS="20", MATCH_PLACE_M="5000.0"))
    others = [
        policy_of(settings(tmp_path, **{name: "7"}))
        for name in ("MATCH_PLACE_M", "MATCH_PREMISES_M", "MATCH_INCIDENT_M", "MATCH_DAYS")
    ]
    others += [
        policy_of(settings(tmp_path, **{name: "50"}))
        for name in (
            "MATCH_COPY_SPOTS", "MATCH_COPY_PERCENT", "MATCH_SCENE_SPOTS", "MATCH_SCENE_PERCENT",
            "MATCH_SCENE_REACH_PERCENT",
        )
    ] + [policy_of(settings(tmp_path, MATCH_DETAIL_PERCENT="40"))]  # fmt: skip
    assert len({each.version for each in (POLICY, one, *others)}) == 12


def test_more_bits_than_a_search_reaches_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="MATCH_PICTURE_BITS"):
        settings(tmp_path, MATCH_PICTURE_BITS="32")


def test_fewer_spots_than_carry_a_perspective_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="MATCH_COPY_SPOTS"):
        settings(tmp_path, MATCH_COPY_SPOTS="7")


def test_pictures_are_told_apart_by_the_settings(tmp_path):
    policy = policy_of(settings(tmp_path, MATCH_COPY_PERCENT="90", MATCH_SCENE_SPOTS="20"))
    assert [kind_by(20, score, 0.05, policy) for score in (0.9, 0.899, 0.6, 0.599)] == [
        "altered_picture", "same_scene", "same_scene", None,
    ]  # fmt: skip
    assert kind_by(20, 0.8, 0.0499, policy) is None
    assert (kind_by(19, 0.8, 1.0, policy), kind_by(7, 0.99, 1.0, policy)) == (None, None)


def test_the_machine_links_and_matches_by_the_settings(tips, machine):
    place = tips.inside()
    near = Point(place.latitude + 1_000 / METRES_PER_DEGREE, place.longitude)
    policy = policy_of(machine.settings.model_copy(update={"match_place_m": 500.0}))
    tips.machine = replace(machine, policy=policy)
    photo = tips.photo(31)
    first, second = tips.send(photo, at=place), tips.send(photo, at=near)
    tips.process(first, second)
    assert tips.case(first).id != tips.case(second).id
    with machine.database.reading() as session:
        match = session.scalars(select(Match).where(Match.kind == "same_bytes")).one()
        assert match.policy == policy.version
        steps = session.scalars(select(ReportStep).where(ReportStep.step == "match")).all()
        assert {step.facts["policy"] for step in steps} == {policy.version}
        assert "near-duplicate-elsewhere" in session.get_one(Case, tips.case(second).id).flags


@sqlite_only
def test_a_machine_has_the_policy_of_its_settings(machine):
    changed = machine.settings.model_copy(update={"match_days": 3})
    assert make_machine(changed).policy.window.days == 3
