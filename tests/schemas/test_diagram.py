"""The page of the life of a case is what the tables say, and nothing is missing from it."""

import re
from pathlib import Path

from schemas.acts import ACTS
from schemas.diagram import diagram, lifecycle_page
from schemas.lifecycle import TRANSITIONS, State

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"


def test_the_page_in_docs_is_the_tables_own() -> None:
    assert PAGE.read_text("utf-8") == lifecycle_page(), "run `suishoupai docs lifecycle`"


def test_the_diagram_draws_every_move_and_no_other() -> None:
    arrows = {
        tuple(found.groups())
        for line in diagram()
        if (found := re.match(r"    (\w+) --> (\w+):", line))
    }
    assert arrows == {(move.source.value, move.target.value) for move in TRANSITIONS}
    named = {found[1] for line in diagram() if (found := re.search(r'" as (\w+)$', line))}
    assert named == {state.value for state in State}


def test_every_act_stands_on_the_page() -> None:
    assert all(f"| {act.words.zh} {act.words.en} |" in lifecycle_page() for act in ACTS)
