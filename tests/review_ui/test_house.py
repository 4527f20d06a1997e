"""What holds the room together: who writes a state, what the front end is made of."""

import ast
import json
import re
from pathlib import Path

from review_ui.presenting import FLAG_ICONS
from review_ui.room import WEB
from schemas.flags import FLAGS

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "intake", "workers", "review_ui", "suishoupai")
# Births: by the pipeline, and by a split for another department.
WRITERS = {
    "review_ui/casework/advancing.py",
    "review_ui/casework/splitting.py",
    "workers/opening.py",
}


def writes_of_state(tree):
    """Return the lines of everything that could write the state of a case."""
    return sorted(
        node.lineno for node in ast.walk(tree) if any(way(node) for way in WAYS_OF_WRITING)
    )


def assigns(node):
    """Whether an assignment, plain, augmented or by unpacking, has `….state` for a target."""
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    is_assignment = isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
    return is_assignment and any(
        isinstance(each, ast.Attribute) and each.attr == "state"
        for target in targets
        for each in ast.walk(target)
    )


def calls(node):
    """Whether a case is made with a state, or rows are given one, or setattr could write it."""
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    keywords = {keyword.arg for keyword in node.keywords}
    makes = name.split(".")[-1] in ("Case", "values") and "state" in keywords
    return makes or (name == "setattr" and "state" in ast.unparse(node.args[1]))


def says_sql(node):
    """Whether a text is a statement that writes a state."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    return bool(re.search(r"update\s+cases\s+set\b.*\bstate\s*=", node.value.lower(), re.DOTALL))


WAYS_OF_WRITING = (assigns, calls, says_sql)


def test_nothing_but_casework_and_the_birth_writes_a_cases_state() -> None:
    found = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "versions" not in path.parts and list(writes_of_state(ast.parse(path.read_text())))
    }
    assert found == WRITERS


def test_the_search_for_writers_finds_each_way_of_writing() -> None:
    for way in (
        "case.state = 'closed'",
        "a, case.state = 1, 2",
        "case.state += 'x'",
        "Case(number='AJ', state='closed')",
        "update(Case).values(state='closed')",
        "setattr(case, 'state', 'closed')",
        "session.execute(text('UPDATE cases SET state = 1'))",
    ):
        assert list(writes_of_state(ast.parse(way))) == [1], way
    assert not list(writes_of_state(ast.parse("if case.state == 'closed': pass")))


def test_the_lock_file_names_packages_and_hashes_and_no_address() -> None:
    lock = (ROOT / "package-lock.json").read_text()
    assert "://" not in lock
    assert '"resolved"' not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in each for name, each in packages.items() if name)


def test_every_icon_that_is_asked_for_is_in_the_sprite() -> None:
    front = json.loads((WEB / "src" / "front.json").read_text())
    asked = set(FLAG_ICONS.values()) | {"alert-triangle"}
    for path in (WEB / "templates").glob("*.html"):
        for call in re.findall(r"icon\(([^()]*)\)", path.read_text()):
            asked |= set(re.findall(r"'([a-z0-9-]+)'", call))
    assert asked - {"name"} <= set(front["icons"])


def test_every_flag_has_an_icon() -> None:
    assert FLAG_ICONS.keys() == FLAGS.keys()
