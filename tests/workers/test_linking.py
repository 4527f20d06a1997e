import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.lifecycle import State
from workers.linking import Candidate, Link, choose_link, suspicions

MATCH = uuid.uuid4()
# A case that resembles a report in nothing yet.
STRANGE = Candidate(
    case_id=uuid.uuid4(),
    state=State.ASSIGNED,
    distance_m=10.0,
    apart=timedelta(hours=1),
    shares_category=True,
)
SAME_PICTURE = replace(STRANGE, picture_match_id=MATCH)
SAME_PREMISES = replace(STRANGE, same_premises=True, distance_m=250.0)
OLD = timedelta(days=14, seconds=1)


def rule_for(candidate):
    link = choose_link([candidate])
    return link.rule if link else None


def test_a_case_that_resembles_in_nothing_is_not_linked():
    assert choose_link([]) is None
    assert rule_for(STRANGE) is None


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "same-picture"),
        ({"distance_m": None}, "same-picture"),
        ({"distance_m": 5000.0}, "same-picture"),
        ({"distance_m": 5000.1}, None),
        ({"distance_m": 60.0, "place_doubted": True}, "same-picture"),
        ({"distance_m": 60.1, "place_doubted": True}, None),
        ({"apart": OLD}, "same-picture"),
        ({"shares_category": False}, "same-picture"),
        ({"state": State.CLOSED}, "same-picture"),
        ({"state": State.CLOSED, "apart": OLD}, None),
        ({"state": State.INVALID, "apart": OLD}, None),
        ({"state": State.TRANSFERRED, "apart": OLD}, None),
        ({"state": State.PENALISED, "apart": OLD}, "same-picture"),
        ({"same_reporter": True, "distance_m": 5000.1}, None),
    ],
)
def test_the_same_picture_links_where_place_and_state_allow(changes, rule):
    assert rule_for(replace(SAME_PICTURE, **changes)) == rule


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "same-premises"),
        ({"distance_m": 300.1}, None),
        ({"distance_m": None}, None),
        ({"apart": OLD}, None),
        ({"shares_category": False}, None),
        ({"state": State.UNFOUNDED}, None),
        ({"state": State.CLOSED}, None),
        ({"state": State.FILED}, "same-premises"),
    ],
)
def test_the_same_shop_links_an_undecided_case_nearby(changes, rule):
    assert rule_for(replace(SAME_PREMISES, **changes)) == rule


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "same-spot"),
        ({"distance_m": 60.1}, None),
        ({"apart": OLD}, None),
        ({"other_premises": True}, None),
        ({"state": State.CLOSED}, None),
        ({"same_reporter": False}, None),
    ],
)
def test_the_same_spot_links_only_the_same_reporter(changes, rule):
    assert rule_for(replace(STRANGE, **{"same_reporter": True, **changes})) == rule


def test_only_the_same_reporter_makes_a_legal_duplicate():
    own = choose_link([replace(SAME_PICTURE, same_reporter=True)])
    assert own == Link(STRANGE.case_id, "legal_duplicate", "same-picture", MATCH)
    assert choose_link([SAME_PICTURE]).kind == "same_incident"
    premises = replace(SAME_PREMISES, same_reporter=True)
    assert choose_link([premises]).kind == "legal_duplicate"
    assert choose_link([SAME_PREMISES]).kind == "same_incident"


def test_of_several_cases_the_nearest_is_linked_and_a_known_place_beats_an_unknown_one():
    far = replace(SAME_PICTURE, case_id=uuid.uuid4(), distance_m=900.0)
    unknown = replace(SAME_PICTURE, case_id=uuid.uuid4(), distance_m=None)
    assert choose_link([unknown, far, SAME_PICTURE]).case_id == SAME_PICTURE.case_id
    assert choose_link([unknown, far]).case_id == far.case_id
    premises = replace(SAME_PREMISES, case_id=uuid.uuid4())
    assert choose_link([premises, far]).rule == "same-picture"


def test_the_reporters_own_case_comes_before_a_nearer_one_but_not_before_better_evidence():
    own = replace(SAME_PICTURE, case_id=uuid.uuid4(), distance_m=900.0, same_reporter=True)
    assert choose_link([SAME_PICTURE, own]).case_id == own.case_id
    own_spot = replace(STRANGE, case_id=uuid.uuid4(), same_reporter=True)
    assert choose_link([SAME_PICTURE, own_spot]).case_id == SAME_PICTURE.case_id


def test_a_picture_that_returns_after_its_case_has_ended_is_suspicious():
    ended = replace(SAME_PICTURE, state=State.CLOSED, apart=OLD)
    assert suspicions([ended], []) == {"picture-seen-before"}
    assert suspicions([SAME_PICTURE], []) == set()
