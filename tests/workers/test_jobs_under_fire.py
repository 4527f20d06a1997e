"""The machine room while its worker, its queue server and the queue itself are taken away."""

import random
import threading
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from schemas import audit
from schemas.jobs import PROCESS_REPORT, connect_queue
from schemas.tables import (
    AuditEntry,
    Case,
    CaseHistory,
    CaseReport,
    PhotoExamination,
    ReportProgress,
    RouteDecision,
)

TIPS, CLIENTS, KILLS = 60, 4, 6
pytestmark = pytest.mark.slow


@pytest.fixture
def room(tips, machine, queue_of_its_own):
    """The machine on a queue server that can be killed."""
    queue_of_its_own.start()
    url = queue_of_its_own.url
    settings = machine.settings.model_copy(update={"redis_url": url})
    tips.machine = replace(machine, settings=settings)
    return tips.machine


class Senders:
    """Riders who send at the same time; every fifth tip shows the picture of the one before."""

    def __init__(self, tips, room):
        self.tips, self.queue = tips, connect_queue(room.settings.redis_url)
        self.places = [tips.inside(code) for code in ("210103", "330106", "440304", "610103")]
        self.pictures = [n - n % 5 // 4 for n in range(TIPS)]
        self.photos = [tips.photo(picture) for picture in self.pictures]
        self.sent = {}
        self.threads = [
            threading.Thread(target=self.send, args=(number, tips.rider()))
            for number in range(CLIENTS)
        ]

    def send(self, number, rider):
        pause, never = random.Random(number), threading.Event()
        for n in range(number, TIPS, CLIENTS):
            place = self.places[self.pictures[n] % 4]
            self.sent[n] = self.tips.send(self.photos[n], at=place, rider=rider)
            self.queue.put(PROCESS_REPORT, self.sent[n], request_id=f"r-{n:08d}")
            never.wait(pause.random() * 40 / (TIPS / CLIENTS))


def test_every_tip_is_routed_exactly_once_whatever_is_killed(
    tips, room, queue_of_its_own, start, wait_until
):
    senders, never = Senders(tips, room), threading.Event()
    for _ in range(2):
        start("workers.schedule", room.settings)
    worker = start("workers.runner", room.settings)
    for thread in senders.threads:
        thread.start()
    for kill in range(KILLS):
        never.wait(3.5)
        worker.kill()
        if kill == 1:
            queue_of_its_own.kill()
            never.wait(1.0)
            queue_of_its_own.start()
        if kill == 3:
            queue_of_its_own.empty()
        worker = start("workers.runner", room.settings)
    for thread in senders.threads:
        thread.join()

    def all_routed():
        with room.database.reading() as session:
            done = select(func.count()).where(ReportProgress.finished_at.is_not(None))
            return session.scalar(done) == TIPS

    wait_until(all_routed, within_s=400)
    assert len(senders.sent) == TIPS
    check_that_nothing_is_doubled(room, senders.sent)

    def all_sealed():
        with room.database.reading() as session:
            found = audit.verify(session)
            assert found.fault is None
            return found.unsealed == 0

    wait_until(all_sealed)


def check_that_nothing_is_doubled(room, sent):
    once = Counter(sent.values())
    with room.database.reading() as session:
        links = session.scalars(select(CaseReport)).all()
        cases = session.scalars(select(Case)).all()
        decisions = session.scalars(select(RouteDecision)).all()
        births = session.scalars(select(CaseHistory)).all()
        opened = session.scalars(select(AuditEntry).filter_by(action="case_opened")).all()
        examined = session.scalar(select(func.count()).select_from(PhotoExamination))
    assert Counter(link.report_id for link in links) == once
    assert Counter(row.report_id for row in decisions) == once
    firsts = Counter(link.case_id for link in links if link.kind == "first")
    assert firsts == Counter(case.id for case in cases)
    assert Counter(row.case_id for row in births) == {case.id: 2 for case in cases}
    assert len(opened) == len(cases)
    assert examined == TIPS
    case_of = {link.report_id: link.case_id for link in links}
    for n in range(4, TIPS, 5):
        assert case_of[sent[n]] == case_of[sent[n - 1]]
