"""Site photos of staff are examined as riders' photos are, and none is forgotten."""

import hashlib
import io
from datetime import timedelta

import pytest
from PIL import Image
from redis import Redis

from schemas.database import now_utc
from schemas.lifecycle import State
from schemas.tables import Case, CaseAttachment, CaseNote, Staff, Unit
from workers import attachments
from workers.sweep import Swept, sweep

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def attach(machine, tmp_path):
    """Return a function that puts a file beside a note and returns the attachment's id."""

    def put(data, *, kept=None):
        path = tmp_path / hashlib.sha256(data).hexdigest()
        path.write_bytes(data)
        if kept is not False:
            machine.store.put_original(path, path.name)
        with machine.database.writing() as session:
            unit = session.query(Unit).first()
            now = now_utc()
            case = Case(
                number=f"AJ-{path.name[:12]}", incident_id=unit.id, department="market",
                unit_id=unit.id, state=State.VERIFYING.value, categories=["PEST"], severity=4,
                received_at=now, due_on=now.date(),
            )  # fmt: skip
            staff = Staff(sign_in=path.name[:12], name="王小明", password_hash="-")
            session.add_all([case, staff])
            session.flush()
            note = CaseNote(case_id=case.id, author_id=staff.id, body="现场")
            session.add(note)
            session.flush()
            row = CaseAttachment(
                note_id=note.id, position=0, name="现场.jpg", sha256=path.name,
                size_bytes=len(data), content_type="image/jpeg",
            )  # fmt: skip
            session.add(row)
            session.flush()
            return row.id

    return put


def photo():
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "CanonSecret"
    Image.linear_gradient("L").resize((1600, 1200)).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def row_of(machine, key):
    with machine.database.reading() as session:
        return session.get_one(CaseAttachment, key)


def test_a_site_photo_gets_derivatives_without_metadata(machine, attach) -> None:
    key = attach(photo())
    attachments.examine(key, machine=machine)
    row = row_of(machine, key)
    assert row.derivative_sizes == [320, 1280]
    assert row.unreadable_reason is None
    for size in row.derivative_sizes:
        data = machine.store.read_derivative(key, size)
        assert b"CanonSecret" not in data
        assert max(Image.open(io.BytesIO(data)).size) == size
    examined_at = row.examined_at
    attachments.examine(key, machine=machine)
    assert row_of(machine, key).examined_at == examined_at


def test_a_broken_or_lost_photo_says_so(machine, attach) -> None:
    broken, lost = attach(photo()[:3000]), attach(b"never kept", kept=False)
    for key in (broken, lost):
        attachments.examine(key, machine=machine)
        row = row_of(machine, key)
        assert row.unreadable_reason
        assert row.derivative_sizes == []


def test_a_photo_that_was_never_queued_is_queued_and_in_the_end_given_up(queued, attach) -> None:
    key = attach(photo())
    soon = now_utc() + timedelta(seconds=31)
    assert sweep(queued, now=soon) == Swept(requeued=1)
    # It waits already: a second sweep adds nothing.
    assert sweep(queued, now=soon) == Swept()
    client = Redis.from_url(queued.settings.redis_url)
    client.flushall()
    client.close()
    assert sweep(queued, now=soon + timedelta(hours=6)) == Swept(given_up=1)
    assert row_of(queued, key).unreadable_reason == "examination-failed"
    assert sweep(queued, now=soon + timedelta(hours=7)) == Swept()
