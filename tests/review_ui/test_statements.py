"""How many questions a page asks the database: the same for one report and for many."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from review_ui.casefile.tasks import add_task
from review_ui.casework.advancing import advance, send_back
from review_ui.casework.assignment import assign
from schemas.access import Role
from schemas.lifecycle import State, transition
from schemas.tables import Case, CaseAttachment, Supplement, Withdrawal

SHENHE, SHENYANG = "210103", "210100"
MOST = 15


@pytest.fixture
def statements(app):
    """Return a function that collects the statements of what is done in it."""
    asked: list[str] = []
    engine = app.extensions["room"].database.engine

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_rest) -> None:
        # A transaction's beginning asks nothing.
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    return asked


def busy_case(world, person, record):
    """Return a case with reports, photos, look-alikes, a supplement and a history."""
    reports = [world.report(photos=3) for _ in range(4)]
    case = world.case(reports=tuple(reports), flags=("similar-nearby",))
    others = [world.case(received_at=world.now - timedelta(days=n)) for n in range(1, 4)]
    for number in range(3):
        world.match(reports[number], world.report(photos=2), "same_picture")
    with world.database.writing() as session:
        session.add(Supplement(report_id=reports[0], description="后来又看到一次"))
        session.add(Supplement(report_id=reports[0], description="还有一次"))
        session.add(Withdrawal(report_id=reports[1], reason=""))
    with world.database.writing() as session:
        version = assign(
            session, case_id=case.id, staff=person, version=2, assignee_id=person.staff_id
        ).version
        for to in (State.VERIFYING, State.UNFOUNDED):
            needed = transition(State(session.get_one(Case, case.id).state), to).required
            outcome = advance(
                session, case_id=case.id, staff=person, to=to, version=version,
                record={name: record[name] for name in needed}, now=world.now,
            )  # fmt: skip
            version = outcome.case.version
        send_back(
            session, case_id=case.id, staff=person, version=version, reason="再看", now=world.now
        )
        task = add_task(
            session, case_id=case.id, staff=person, version=version + 1, what="@Bob 再看一次",
            assignee_id=person.staff_id, working_days=2, now=world.now,
        )  # fmt: skip
        session.add(
            CaseAttachment(
                note_id=task.note_id, position=0, name="现场.jpg", sha256="0" * 64,
                size_bytes=1, content_type="image/jpeg",
            )
        )  # fmt: skip
    assert others
    return case


def test_a_busy_case_page_asks_the_database_fifteen_times_at_most(
    world, browse, statements, record
) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE), (Role.BUREAU_HEAD, SHENHE))
    bob = world.person("bob", (Role.INSPECTOR, SHENHE))
    case = busy_case(world, person, record)
    client = browse(person)
    client.get("/")
    statements.clear()
    page = client.get(f"/cases/{case.number}").text
    assert len(statements) <= MOST, "\n".join(statements)
    for said in ("后来又看到一次", "还有一次", "已撤回", "理由：再看", "由 Anna 经办", "第 4 份"):
        assert page.count(said) >= 1, said
    assert page.count('class="alike"') == 3
    assert "照片正在检查" in page
    assert "再看一次" in page
    assert "再看一次" in client.get("/my-work").text
    assert ">1</span>" in browse(bob).get("/my-work/count").text
    assert page.count('loading="lazy"') >= 11


def test_a_case_in_dispatch_asks_fifteen_times_at_most(world, browse, statements) -> None:
    person = world.person("dora", (Role.DISPATCHER, SHENYANG))
    case = world.case(code=SHENYANG, state=State.DISPATCH, place=None)
    client = browse(person)
    client.get("/")
    statements.clear()
    assert "为什么没有自动分派" in client.get(f"/cases/{case.number}").text
    assert len(statements) <= MOST, "\n".join(statements)


# A flag that no case has makes a list look through its first cases and then by its words.
PAGES = (
    "/?tab=unit", "/?tab=mine", "/?tab=dispatch", "/?tab=overdue", "/?tab=sign",
    "/?flag=withdrawn&category=PEST&platform=%E7%BE%8E%E5%9B%A2&county=210103",
    "/?q=%E9%BA%BB%E8%BE%A3&flag=no-exif", "/cases/pulse?tab=unit", "/map",
    "/map/cases.json?box=123.2,41.6,123.7,42.0", "/map/cases.json?box=73,18,135,54",
    "/my-work", "/my-work/count", "/week",
)  # fmt: skip


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_every_page_of_lists_asks_fifteen_times_at_most(world, browse, statements) -> None:
    roles = (Role.DISPATCHER, Role.INSPECTOR, Role.BUREAU_HEAD, Role.STATISTICIAN)
    person = world.person("nora", *((role, "000000") for role in roles))
    for state in (State.ASSIGNED, State.VERIFYING, State.DISPATCH, State.CLOSED):
        world.case(state=state, flags=("no-exif",))
    client = browse(person)
    client.get("/")
    for address in PAGES:
        statements.clear()
        assert client.get(address).status_code in (200, 204), address
        assert len(statements) <= MOST, (address, statements)


# In units of their own: each line of a list of these once led to questions of its own.
LISTS = (
    "/campaigns", "/draws", "/rewards/stations", "/risk", "/api/v1/campaigns",
    "/api/v1/draws", "/api/v1/rewards/stations", "/api/v1/risk",
)  # fmt: skip


def test_lists_of_campaigns_draws_and_stations_ask_no_more_for_many(
    world, browse, statements
) -> None:
    everything = (Role.DISPATCHER, Role.BUREAU_HEAD, Role.REWARD_OFFICER, Role.STATISTICIAN)
    person = world.person("dora", *((role, SHENHE) for role in everything))
    unit_id = world.unit().id
    for number in range(20):
        world.campaign(unit_id)
        world.station(unit_id)
        world.draw(person, unit_id)
        world.case(received_at=world.now - timedelta(days=number))
    client = browse(person)
    client.get("/")
    token = {"Authorization": f"Bearer {world.token(person)}"}
    for path in LISTS:
        statements.clear()
        assert client.get(path, headers=token).status_code == 200, path
        assert len(statements) <= MOST, (path, statements)
