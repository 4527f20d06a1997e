"""Files put on a case over the API: the same gate, the same rules as on the page."""

import io

import pytest
from PIL import Image
from sqlalchemy import select

from schemas.access import Role
from schemas.tables import AuditEntry, CaseAttachment

SHENHE, HUNNAN = "210103", "210112"
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def photo() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def send(settings, world, redis_url, browse_at, person_of):
    """Anna's program with a queue behind it, her case, and a function that sends it files."""
    anna = person_of()
    _, app = browse_at(settings.model_copy(update={"redis_url": redis_url}), anna)
    headers = {"Authorization": f"Bearer {world.token(anna)}"}
    case = world.case()

    def post(*files, number=None, **fields):
        data = {"version": "2"} | fields | {"files": [(io.BytesIO(d), name) for d, name in files]}
        return app.test_client().post(
            f"/api/v1/cases/{number or case.number}/attachments",
            data={name: value for name, value in data.items() if value is not None},
            headers=headers,
            content_type="multipart/form-data",
        )

    post.case, post.app, post.headers = case, app, headers
    return post


def slug(answer):
    return answer.json["type"].rpartition(":")[2]


def kept(world):
    with world.database.reading() as session:
        return session.scalars(select(CaseAttachment).order_by(CaseAttachment.position)).all()


def test_photos_and_pdfs_are_kept_with_their_digest_and_photos_wait_to_be_examined(
    world, send
) -> None:
    answer = send((photo(), "后厨.jpg"), (PDF, "C:/责改.pdf"), body="现场照片")
    assert answer.status_code == 200, answer.text
    assert answer.json["version"] == 3
    first, second = answer.json["items"]
    assert (first["name"], first["content_type"], first["is_examined"], first["sizes"]) == (
        "后厨.jpg", "image/jpeg", False, [],
    )  # fmt: skip
    assert (second["name"], second["content_type"], second["is_examined"]) == (
        "责改.pdf", "application/pdf", True,
    )  # fmt: skip
    rows = kept(world)
    assert [row.sha256 for row in rows] == [first["sha256"], second["sha256"]]
    with world.store.local_copy(second["sha256"]) as path:
        assert path.read_bytes() == PDF
    assert send.app.extensions["room"].queue.depth() == 1, "the photo's examination"
    with world.database.reading() as session:
        noted = session.scalars(select(AuditEntry).where(AuditEntry.action == "case_noted")).one()
    assert noted.after["files"] == [first["sha256"], second["sha256"]]


@pytest.mark.parametrize(
    ("files", "fields", "status", "code"),
    [
        ([(PDF[:-8], "a.pdf")], {}, 422, "attachment-damaged"),
        ([(b"<html><script>alert(1)</script>", "a.pdf")], {}, 422, "photo-not-an-image"),
        ([(photo()[:-300], "a.jpg")], {}, 422, "photo-truncated"),
        ([(PDF, f"{n}.pdf") for n in range(10)], {}, 413, "attachments-too-many"),
        ([], {}, 422, "field-missing"),
        ([(PDF, "a.pdf")], {"version": "9"}, 409, "case-changed"),
        ([(PDF, "a.pdf")], {"version": "two"}, 422, "value-invalid"),
        ([(PDF, "a.pdf")], {"version": ["2", "3"]}, 422, "value-invalid"),
        ([(PDF, "a.pdf")], {"version": None}, 422, "field-missing"),
        ([(PDF, "a.pdf")], {"author": "somebody"}, 422, "field-unknown"),
        ([(PDF, "a.pdf")], {"photo": (io.BytesIO(PDF), "b.pdf")}, 422, "field-unknown"),
        ([(PDF, "a.pdf")], {"body": "x" * 4001}, 422, "text-too-long"),
    ],
)
def test_what_can_not_be_taken_is_refused_and_nothing_is_kept(
    world, send, files, fields, status, code
) -> None:
    answer = send(*files, **fields)
    assert (answer.status_code, slug(answer)) == (status, code), answer.text
    assert kept(world) == []
    assert world.fresh(send.case).version == 2
    assert list((world.settings.data_dir / "incoming").glob("*")) == []


def test_other_bodies_and_foreign_cases_are_refused(world, send) -> None:
    path = f"/api/v1/cases/{send.case.number}/attachments"
    client = send.app.test_client()
    as_json = client.post(path, json={"version": 2}, headers=send.headers)
    assert (as_json.status_code, slug(as_json)) == (415, "content-type-unsupported")
    no_form = client.post(path, data=b"x", headers=send.headers, content_type="multipart/form-data")
    assert no_form.status_code in (400, 422)
    foreign = world.case(code=HUNNAN)
    assert send((PDF, "a.pdf"), number=foreign.number).status_code == 404
    assert kept(world) == []


def test_who_may_not_work_on_cases_may_not_put_files_there(world, send) -> None:
    reader = world.person("stan", (Role.STATISTICIAN, SHENHE))
    answer = send.app.test_client().post(
        f"/api/v1/cases/{send.case.number}/attachments",
        data={"version": "2", "files": [(io.BytesIO(PDF), "a.pdf")]},
        headers={"Authorization": f"Bearer {world.token(reader)}"},
    )
    assert answer.status_code == 404
