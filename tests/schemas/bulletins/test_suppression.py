"""No small cell of a public bulletin can be told from totals or from what was public before."""

from datetime import UTC, datetime
from itertools import product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import Bulletin, Compared
from schemas.bulletins.methods import PRESENT
from schemas.bulletins.parameters import present_parameters
from schemas.bulletins.public import open_keys, public_form
from schemas.bulletins.suppression import withhold
from schemas.weeks import read_week

NAMES = ("210102", "210103", "210104", "210105", "210106", "210112")
THRESHOLD = 5
columns = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 16), max_size=6)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cells=columns, threshold=st.integers(3, 6))
def test_for_each_small_cell_another_table_looks_the_same(cells, threshold) -> None:
    hidden = withhold(cells, threshold=threshold)
    if hidden is None:
        return
    assert all(value >= threshold for name, value in cells.items() if name not in hidden)
    for name in (name for name in hidden if cells[name] < threshold):
        # Whoever knows the method looks for the tables that it brings to the same form.
        alike = (
            {**cells, name: cells[name] + step, other: cells[other] - step}
            for other, step in product(hidden - {name}, (-3, -2, -1, 1, 2, 3))
            if cells[name] + step > 0 and cells[other] - step > 0
        )
        assert any(withhold(each, threshold=threshold) == hidden for each in alike), (cells, name)


def bulletin(received, *, stations=None, week="2026-W37", previous=None) -> Bulletin:
    totals = dict.fromkeys(INDICATORS, 0)
    totals |= {"received": sum(received.values()), "accepted": sum(received.values())}
    totals |= {"received_waiting": sum(received.values())}
    tables = {"county": {row: {"received": number} for row, number in received.items()}}
    if stations is not None:
        tables["station"] = {row: {"received": number} for row, number in stations.items()}
    moment = datetime(2026, 9, 14, tzinfo=UTC)
    return Bulletin(
        method=PRESENT.name, scope="210100", week=read_week(week), as_of=moment, known_at=moment,
        parameters=present_parameters(small_cell=THRESHOLD), totals=totals, tables=tables,
        previous=previous,
    )  # fmt: skip


def left_over(form, cells, known=()) -> list[int]:
    """The cells whose sum anybody can reckon: total less what is shown or known."""
    shown = form["tables"].get("county", {})
    return [cells[row] for row in cells if row not in shown and row not in known]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(cells=columns)
def test_a_public_table_shows_no_small_cell_and_leaves_a_wide_sum(cells) -> None:
    form = public_form(bulletin(cells), revision=1)
    if sum(cells.values()) < THRESHOLD:
        assert form["totals"] == form["tables"] == {}
        return
    for row in form["tables"].get("county", {}).values():
        assert all(value >= THRESHOLD for value in row.values())
    hidden = left_over(form, cells)
    if form["closed_columns"]:
        assert form["tables"] == form["withheld"] == {}
    elif hidden:
        assert sum(hidden) >= 2 * THRESHOLD + len(hidden)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(first=columns, changes=columns)
def test_what_an_earlier_revision_showed_is_no_help(first, changes) -> None:
    assume(sum(first.values()) >= THRESHOLD)
    earlier = public_form(bulletin(first), revision=1)
    second = first | changes
    form = public_form(bulletin(second), revision=2, earlier=earlier)
    if "received" in form["held_back"]:
        # Nothing new is said of it at all.
        assert form["totals"].get("received") == earlier["totals"].get("received")
        assert form["totals"].get("accepted") == earlier["totals"].get("accepted")
        column = lambda each: {  # noqa: E731
            row: cells["received"] for row, cells in each["tables"].get("county", {}).items()
        }
        assert column(form) == column(earlier)
        return
    assert set(earlier["withheld"].get("county", {}).get("received", ())) <= set(
        form["withheld"].get("county", {}).get("received", ())
    ) or form["closed_columns"].get("county")
    before = earlier["tables"].get("county", {})
    unchanged = {row for row in second if before.get(row, {}).get("received") == second[row]}
    hidden = left_over(form, second, known=unchanged)
    small = [row for row in second if second[row] < THRESHOLD]
    if small and not form["closed_columns"].get("county"):
        assert sum(hidden) >= 2 * THRESHOLD + len(hidden)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    parts=st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.integers(1, 12), min_size=1, max_size=4), min_size=2
    )
)
def test_stations_do_not_tell_a_county_nor_one_another(parts) -> None:
    counties = {row: sum(numbers) for row, numbers in parts.items()}
    stations = {
        f"{row}{at:03d}000": number
        for row, numbers in parts.items()
        for at, number in enumerate(numbers, start=1)
    }
    assume(sum(counties.values()) >= THRESHOLD)
    form = public_form(bulletin(counties, stations=stations), revision=1)
    shown, open_counties = form["tables"].get("station", {}), form["tables"].get("county", {})
    for county in counties:
        theirs = [row for row in stations if row.startswith(county)]
        hidden = [stations[row] for row in theirs if row not in shown]
        if county not in open_counties:
            assert len(hidden) == len(theirs)
        elif hidden and len(hidden) < len(theirs):
            assert sum(hidden) >= 2 * THRESHOLD + len(hidden)
    assert all(row["received"] >= THRESHOLD for row in shown.values())


def test_a_change_is_given_only_between_figures_that_are_both_open() -> None:
    now = {"210102": 20, "210103": 30}
    before = {"210102": 1, "210103": 30}
    last = bulletin(before, week="2026-W36")
    compared = Compared(last.week, last.totals, last.tables)
    form = public_form(
        bulletin(now, previous=compared),
        revision=1,
        others={"2026-W36": public_form(last, revision=1)},
    )
    assert "210102" not in form["previous"]["tables"].get("county", {})
    assert form["previous"]["totals"]["received"] == 31
    # A week that was never published is compared with by nothing.
    alone = public_form(bulletin(now, previous=compared), revision=1)
    assert alone["previous"] == {"week": "2026-W36", "totals": {}, "tables": {}}


def test_an_area_around_one_that_is_open_stays_shut() -> None:
    form = public_form(bulletin({"210102": 20}), revision=1, is_elsewhere=True)
    assert form["totals"] == form["tables"] == {}


def test_a_part_of_a_sum_is_not_reckoned_from_the_others() -> None:
    found = bulletin({"210102": 40, "210103": 40})
    found.totals.update(verified=30, unfounded=1, unverifiable=12, concluded=43)
    found.totals.update(verification_rate=6977)
    form = public_form(found, revision=1)
    hidden = {"unfounded", "verified", "unverifiable"} - form["totals"].keys()
    assert "unfounded" in hidden
    assert len(hidden) >= 2
    assert ("verified" in hidden) is ("verification_rate" in form["withheld_totals"])


def test_public_columns_are_tied_to_no_other() -> None:
    assert set(open_keys()) == {
        "received", "incidents", "verified", "rectifications", "filed", "penalised", "fines_fen",
        "closed",
    }  # fmt: skip
