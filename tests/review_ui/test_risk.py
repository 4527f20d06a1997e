"""The map of risk: what counts, which squares are hot, what is kept from whom, and refusals."""

import csv
import io
import math
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from review_ui.risk.asking import Base
from review_ui.risk.cells import judged
from review_ui.risk.hours import quarter_before
from review_ui.risk.statistic import at_least, discovered
from schemas.access import Role
from schemas.database import hourly_id, new_id
from schemas.shop_names import plain_name
from schemas.tables import AuditEntry, Case, CaseHistory, ShopFinding
from schemas.workdays import SHANGHAI, local_date

SHENHE, HEPING, SHENYANG, XIHU = "210103", "210102", "210100", "330106"
SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
MARKET, STATION = (41.7955, 123.4505), (41.8055, 123.4305)
_numbers = count(1)


class Town:
    """Writes many cases at once, as they stand some time after their verification."""

    def __init__(self, world):
        self.world = world
        self.rows = {Case: [], CaseHistory: [], ShopFinding: []}

    def case(
        self, *, place=MARKET, at=None, received=None, code=SHENHE, shop="", to=("verified",),
        category="DIRTY_KITCHEN", incident=None, department="market",
    ):  # fmt: skip
        at = at or self.world.now - timedelta(days=9)
        unit, case_id, number = self.world.unit(code).id, hourly_id(), next(_numbers)
        steps = [None, "assigned", *(("verifying", *to) if to else ())]
        self.rows[Case].append(
            {
                "id": case_id, "number": f"AJ20261101-{number:06}", "version": len(steps) - 1,
                "incident_id": incident or new_id(), "department": department, "unit_id": unit,
                "state": steps[-1], "categories": [category], "severity": 2,
                "premises_name": shop, "county_code": code,
                "latitude": place and place[0], "longitude": place and place[1], "flags": [],
                "received_at": received or at, "opened_at": at, "due_on": local_date(at),
                "due_provisional": False,
            }
        )  # fmt: skip
        for version, (source, target) in enumerate(pairwise(steps), 1):
            if (source, target) == ("verifying", "verified") and shop:
                self.rows[ShopFinding].append(
                    {
                        "id": new_id(), "case_id": case_id, "version": version, "unit_id": unit,
                        "shop_key": f"name:{code}:{plain_name(shop)}", "occurred_at": at,
                        "recorded_at": at,
                    }
                )  # fmt: skip
            self.rows[CaseHistory].append(
                {
                    "id": new_id(), "case_id": case_id, "version": version,
                    "from_state": source, "to_state": target, "unit_id": unit, "record": {},
                    "occurred_at": at, "recorded_at": at,
                }
            )  # fmt: skip
        return self.rows[Case][-1]["number"]

    def built(self):
        with self.world.database.writing() as session:
            for table, rows in self.rows.items():
                if rows:
                    session.execute(insert(table), rows)
        self.rows = {table: [] for table in self.rows}


@pytest.fixture
def town(world):
    return Town(world)


@pytest.fixture
def ask(app, world):
    """Ask the API as somebody."""

    def asked(person, path="", **query):
        return app.test_client().get(
            f"/api/v1/risk{path}",
            query_string=query,
            headers={"Authorization": f"Bearer {world.token(person)}"},
        )

    return asked


def chance(successes, trials, share):
    share = Fraction(share)
    return float(
        sum(
            math.comb(trials, k) * share**k * (1 - share) ** (trials - k)
            for k in range(successes, trials + 1)
        )
    )


@pytest.mark.parametrize(
    ("successes", "trials", "share"),
    [
        (0, 5, 0.2),
        (1, 5, 0.2),
        (3, 5, 0.2),
        (5, 5, 0.2),
        (11, 50, 12 / 113),
        # Far out, at the mean, and below it, where the other tail is summed.
        (60, 900, 0.01),
        (9, 900, 0.01),
        (10, 900, 0.01),
        (1, 900, 0.5),
        (450, 900, 0.5),
        (899, 900, 0.999),
        (2, 900, 1e-6),
    ],
)
def test_the_probability_is_the_binomial_tail(successes, trials, share) -> None:
    exact = chance(successes, trials, share)
    assert at_least(successes, trials, share) == pytest.approx(exact, rel=1e-10)


def test_a_whole_share_is_certain_and_none_is_impossible() -> None:
    assert (at_least(9, 9, 1.0), at_least(1, 9, 0.0), at_least(0, 0, 0.5)) == (1.0, 0.0, 1.0)


def test_discoveries_are_those_of_the_example_in_the_paper() -> None:
    # Benjamini and Hochberg 1995, section 3: fifteen probabilities, four of them at 5 %.
    probabilities = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.000,
    ]  # fmt: skip
    assert discovered(probabilities, rate=0.05) == [True] * 4 + [False] * 11
    assert discovered([]) == []


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=20))
def test_what_is_expected_adds_up_to_what_was_verified(counts) -> None:
    rows = [(SHENHE, n, max(tips, seen), seen) for n, (tips, seen) in enumerate(counts)]
    for base in Base:
        cells = judged(rows, base)
        assert sum(each.expected for each in cells) == pytest.approx(sum(row[3] for row in rows))
        assert all(0 <= each.probability <= 1 for each in cells)
        assert not any(each.is_hot for each in cells if each.verified <= each.expected)


def test_a_square_that_only_has_more_reports_is_hot_by_even_spread_and_not_by_its_share() -> None:
    # Half of everything is verified everywhere; one square has half of all reports.
    rows = [(SHENHE, 0, 80, 40), *((SHENHE, n, 10, 5) for n in range(1, 9))]
    assert [each.number for each in judged(rows, Base.EVEN) if each.is_hot] == [0]
    assert not any(each.is_hot for each in judged(rows, Base.TIPS))
    # Where more of them turn out true, its share says so, too.
    rows[1] = (SHENHE, 1, 40, 39)
    assert [each.number for each in judged(rows, Base.TIPS) if each.is_hot] == [1]


def test_counties_are_each_their_own_base() -> None:
    # Heping verifies all, Shenhe one in ten: neither makes the other's squares hot.
    rows = [(HEPING, n, 20, 20) for n in range(5)] + [(SHENHE, n, 20, 2) for n in range(5)]
    assert not any(each.is_hot for each in judged(rows, Base.TIPS))


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 11, 22), "2026-W27—2026-W39"),
        (date(2026, 9, 26), "2026-W14—2026-W26"),
        (date(2026, 9, 27), "2026-W27—2026-W39"),
        (date(2026, 3, 28), "2025-W40—2025-W52"),
        (date(2027, 1, 2), "2026-W27—2026-W39"),
        (date(2027, 1, 3), "2026-W40—2026-W53"),
        (date(2027, 1, 4), "2026-W40—2026-W53"),
    ],
)
def test_only_a_quarter_that_is_over_is_counted(day, name) -> None:
    assert quarter_before(day).name == name


def test_quarters_never_overlap_and_none_is_left_out() -> None:
    found = dict.fromkeys(quarter_before(date(2024, 1, 1) + timedelta(days=n)) for n in range(1500))
    for one, two in zip(found, list(found)[1:], strict=False):
        assert two.first == one.last.after(1)


def test_an_incident_counts_once_and_only_while_its_verification_stands(town, world, ask) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    same = new_id()
    town.case(incident=same)
    town.case(incident=same, code=SHENHE, department="urban", category="STREET_OCCUPATION")
    town.case(to=("verified", "rectifying", "closed"))
    town.case(to=("verified", "reopened"))
    town.case(to=("verified", "reopened", "verifying", "unfounded"))
    town.case(to=("verified", "reopened", "verifying", "verified"))
    town.case(to=("unfounded",))
    town.case(to=("invalid",))
    town.case(to=())
    town.case(place=None)
    town.case(at=world.now - timedelta(weeks=20))
    town.case(code=HEPING)
    town.built()
    found = ask(anna).json
    assert (found["tips"], found["verified"], found["without_place"]) == (8, 4, 1)
    cell = found["cells"][0]
    assert (cell["tips"], cell["verified"], cell["county"]) == (7, 3, SHENHE)
    assert (cell["latitude"], cell["longitude"]) == (41.795, 123.455)


def test_filters_narrow_and_the_whole_city_sees_its_counties(town, world, ask) -> None:
    chief = world.person("chief", (Role.BUREAU_HEAD, SHENYANG))
    town.case(category="PEST")
    town.case(code=HEPING)
    town.case(at=world.now - timedelta(weeks=20))
    town.built()
    assert ask(chief).json["verified"] == 2
    assert ask(chief, category="PEST").json["verified"] == 1
    assert ask(chief, scope=HEPING).json["verified"] == 1
    since = local_date(world.now - timedelta(weeks=21)).isoformat()
    assert ask(chief, **{"from": since}).json["verified"] == 3
    upto = local_date(world.now - timedelta(weeks=19)).isoformat()
    assert ask(chief, **{"from": since, "to": upto}).json["verified"] == 1


@SQLITE
def test_refusals_of_what_is_asked(town, world, ask) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    tomorrow = (local_date(world.now) + timedelta(days=1)).isoformat()
    for query, code in (
        ({"from": "soon"}, "risk-period-invalid"),
        ({"from": "2020-01-01"}, "risk-period-invalid"),
        ({"from": tomorrow, "to": tomorrow}, "risk-period-invalid"),
        ({"base": "odd"}, "risk-base-unknown"),
        ({"category": "X"}, "category-unknown"),
    ):
        answer = ask(anna, **query)
        assert (answer.status_code, answer.json["type"].rpartition(":")[2]) == (422, code), query
    for foreign in (XIHU, HEPING, SHENYANG, "999999"):
        assert ask(anna, scope=foreign).status_code == 404


def quarter_of(world):
    return quarter_before(local_date(world.now))


def test_hours_are_told_in_steps_and_never_below_the_threshold(town, world, ask) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    monday = quarter_of(world).first.monday

    def receive(number, day, hour):
        for each in range(number):
            moment = datetime.combine(monday + timedelta(days=day), time(hour, 59), SHANGHAI)
            town.case(at=(moment + timedelta(weeks=each % 13)).astimezone(UTC))

    receive(13, 0, 0)  # Monday just after midnight is Sunday by the clock of the server.
    receive(5, 6, 23)
    receive(4, 2, 12)
    # Before and after the quarter.
    for outside in (timedelta(hours=-1), timedelta(weeks=13)):
        moment = datetime.combine(monday, time(), SHANGHAI) + outside
        for _ in range(9):
            town.case(at=moment.astimezone(UTC))
    town.built()
    hours = ask(anna).json["hours"]
    assert hours["step_width"] == 5
    shown = {
        (day, hour): step
        for day, line in enumerate(hours["steps"])
        for hour, step in enumerate(line)
        if step is not None
    }
    assert shown == {(0, 0): 10, (6, 23): 5}


@SQLITE
def test_one_tip_more_changes_nothing_that_is_shown(town, world, ask) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    moment = datetime.combine(quarter_of(world).first.monday, time(9), SHANGHAI).astimezone(UTC)
    for _ in range(6):
        town.case(at=moment)
    town.built()
    before = ask(anna).json["hours"]
    town.case(at=moment)
    town.case(at=moment + timedelta(hours=1))
    town.built()
    assert ask(anna).json["hours"] == before


def test_who_sees_no_cases_gets_no_shops_and_no_small_square(town, world, ask, browse) -> None:
    stella = world.person("stella", (Role.STATISTICIAN, SHENHE))
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    for _ in range(5):
        town.case(place=MARKET, shop="老王麻辣烫")
    for _ in range(4):
        town.case(place=STATION, shop="李记")
    town.built()
    hers, theirs = ask(anna).json, ask(stella).json
    assert sorted(each["verified"] for each in hers["cells"]) == [4, 5]
    assert [each["verified"] for each in theirs["cells"]] == [5]
    assert theirs["shops"] is None
    page = browse(stella).get("/risk").text
    assert "老王麻辣烫" not in page
    assert "5 起的方格不显示" in page
    assert browse(stella).get("/risk/files/shops.csv").status_code == 404


def test_repeated_shops_are_those_of_the_bulletin_and_lead_to_their_cases(
    town, world, ask, browse
) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    first = town.case(shop="老王 麻辣烫")
    last = town.case(shop="老王麻辣烫", at=world.now - timedelta(days=2))
    town.case(shop="老王麻辣烫", to=("verified", "reopened"))
    town.case(shop="李记")
    same = new_id()
    town.case(shop="一案两立", incident=same)
    town.case(shop="一案两立", incident=same)
    for _ in range(3):
        town.case(shop="鬼厨房")
        town.case(shop="别区的店", code=HEPING)
    town.built()
    found = ask(anna).json["shops"]
    assert [(each["name"], each["verified"]) for each in found] == [
        ("鬼厨房", 3),
        ("老王麻辣烫", 2),
    ]
    assert found[1]["cases"] == [last, first]
    page = browse(anna).get("/risk").text
    assert f"/cases/{last}" in page
    assert "别区的店" not in page
    assert "李记" not in page


@SQLITE
def test_the_files_hold_what_the_page_shows(town, world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    for _ in range(2):
        town.case(shop="=HYPERLINK(1)")
    town.built()
    client = browse(anna)

    def lines(table):
        answer = client.get(f"/risk/files/{table}.csv")
        assert answer.content_type == "text/csv; charset=utf-8"
        return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))

    assert 'name="square"' not in client.get("/risk").text
    office = browse(world.person("dora", (Role.DISPATCHER, SHENHE)))
    assert 'name="square" value="210103.1317930345"' in office.get("/risk").text
    assert lines("cells")[1][1:6] == ["41.795", "123.455", "2", "2", "2.0"]
    assert lines("shops")[1][0] == "'=HYPERLINK(1)"
    assert lines("hours")[1][1:] == ["<5"] * 24
    assert client.get("/risk/files/secrets.csv").status_code == 404
    with world.database.reading() as session:
        logged = session.scalars(select(AuditEntry.action)).all()
    assert logged.count("repeat_shops_exported") == 1


@SQLITE
def test_nobody_learns_of_another_area(town, world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    rita = world.person("rita", (Role.REWARD_OFFICER, SHENHE))
    client = browse(anna)
    for path in ("/risk", "/risk/outlines.json", "/risk/files/cells.csv"):
        assert client.get(f"{path}?scope={XIHU}").status_code == 404
        assert browse(rita).get(path).status_code == 404
