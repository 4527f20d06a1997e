"""Each rule of the tus 1.0.0 core protocol, by its name; what is said here is in its text."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from intake.app import create_app
from intake.door import Door
from schemas.tables import Upload

OPTIONS = {
    "Tus-Version": "1.0.0",
    "Tus-Max-Size": str(25 * 1024 * 1024),
    "Tus-Extension": "creation,creation-with-upload,creation-defer-length,checksum,"
    "expiration,termination",
    "Tus-Checksum-Algorithm": "sha256,sha1",
}


@pytest.fixture(params=["sqlite"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Headers don't depend on the database; the tests that do say so."""
    return str(request.param)


def test_options_tells_version_extensions_largest_size_and_checksums(tus: Any) -> None:
    answer = tus.ask("OPTIONS", tus.place, Tus_Resumable=None)
    assert answer.status_code == 204
    assert {name: answer.headers[name] for name in OPTIONS} == OPTIONS


def test_options_ignores_tus_resumable(tus: Any) -> None:
    assert tus.ask("OPTIONS", tus.place, Tus_Resumable="0.2.2").status_code == 204


def test_another_version_is_412_with_tus_version_and_nothing_is_done(tus: Any, door: Door) -> None:
    path = tus.begin(5).headers["Location"]
    for method in ("POST", "HEAD", "PATCH", "DELETE"):
        for version in (None, "0.2.2", "1.0.0, 0.2.2"):
            answer = tus.ask(
                method,
                tus.place if method == "POST" else path,
                b"hello" if method == "PATCH" else b"",
                Tus_Resumable=version,
                Upload_Length=5 if method == "POST" else None,
                Upload_Offset=0,
                Content_Type="application/offset+octet-stream",
            )
            assert answer.status_code == 412
            assert answer.headers["Tus-Version"] == "1.0.0"
    with door.database.reading() as session:
        assert session.scalars(select(Upload.offset_bytes)).all() == [0]


def test_tus_resumable_is_in_every_answer(tus: Any) -> None:
    path = tus.begin(5).headers["Location"]
    answers = [
        tus.begin(5),
        tus.begin("x"),
        tus.ask("HEAD", path),
        tus.ask("HEAD", f"{tus.place}/up_{'x' * 43}"),
        tus.add(path, 0, b"he"),
        tus.add(path, 0, b"he"),
        tus.ask("PUT", path),
        tus.ask("DELETE", path),
        tus.ask("HEAD", path, Tus_Resumable=None),
        tus.ask("HEAD", path, Authorization="Bearer nobody"),
    ]
    assert {answer.headers["Tus-Resumable"] for answer in answers} == {"1.0.0"}
    assert {answer.status_code for answer in answers} >= {201, 400, 200, 404, 204, 409, 405, 412}


def test_head_tells_offset_and_length_even_at_zero_and_at_the_end(tus: Any) -> None:
    path = tus.begin(5).headers["Location"]
    for sent in (b"", b"hel", b"lo"):
        offset = tus.offset(path)
        if sent:
            tus.add(path, offset, sent)
        found = tus.ask("HEAD", path)
        assert found.headers["Upload-Offset"] == str(offset + len(sent))
        assert found.headers["Upload-Length"] == "5"


def test_head_must_not_be_cached(tus: Any) -> None:
    path = tus.begin(5).headers["Location"]
    assert tus.ask("HEAD", path).headers["Cache-Control"] == "no-store"


def test_head_of_what_is_not_there_is_404_without_an_offset(tus: Any) -> None:
    found = tus.ask("HEAD", f"{tus.place}/up_{'x' * 43}")
    assert found.status_code == 404
    assert "Upload-Offset" not in found.headers


def test_patch_appends_and_answers_204_with_the_new_offset(tus: Any, door: Door) -> None:
    path = tus.begin(11).headers["Location"]
    first, second = tus.add(path, 0, b"hello "), tus.add(path, 6, b"world")
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "6")
    assert (second.status_code, second.headers["Upload-Offset"]) == (204, "11")
    with door.database.reading() as session:
        upload = session.scalars(select(Upload)).one()
    assert door.staging.path_of(upload.id).read_bytes() == b"hello world"


def test_patch_of_another_content_type_is_415(tus: Any, code_of: Any) -> None:
    path = tus.begin(5).headers["Location"]
    for kind in (None, "application/octet-stream", "text/plain"):
        answer = tus.ask("PATCH", path, b"hello", Upload_Offset=0, Content_Type=kind)
        assert (answer.status_code, code_of(answer)) == (415, "content-type-unsupported")
    assert tus.offset(path) == 0


def test_patch_at_another_offset_is_409_and_changes_nothing(
    tus: Any, code_of: Any, door: Door
) -> None:
    path = tus.begin(200).headers["Location"]
    tus.add(path, 0, b"hel")
    for offset in (0, 2, 4, 5, 99):
        answer = tus.add(path, offset, b"XX")
        assert (answer.status_code, code_of(answer)) == (409, "upload-offset-differs")
        assert answer.json["offset_bytes"] == 3
    with door.database.reading() as session:
        upload = session.scalars(select(Upload)).one()
    assert door.staging.path_of(upload.id).read_bytes() == b"hel"


def test_upload_offset_must_be_a_non_negative_integer(tus: Any, code_of: Any) -> None:
    path = tus.begin(5).headers["Location"]
    for offset in (None, "-1", "three", "1.0", "٣".encode().decode("latin-1"), "", "9" * 30):
        answer = tus.add(path, offset, b"hello")
        assert (answer.status_code, code_of(answer)) == (400, "upload-header-invalid")
        assert answer.json["field"] == "Upload-Offset"


def test_patch_of_what_is_not_there_is_404(tus: Any, code_of: Any) -> None:
    answer = tus.add(f"{tus.place}/up_{'x' * 43}", 0, b"hello")
    assert (answer.status_code, code_of(answer)) == (404, "upload-unknown")


def test_patch_beyond_the_length_is_413_and_adds_nothing(tus: Any, code_of: Any) -> None:
    path = tus.begin(5).headers["Location"]
    answer = tus.add(path, 0, b"hello world")
    assert (answer.status_code, code_of(answer)) == (413, "upload-overflows")
    assert tus.offset(path) == 0


def test_an_empty_patch_changes_nothing_and_is_well(tus: Any) -> None:
    path = tus.begin(5).headers["Location"]
    tus.add(path, 0, b"hello")
    again = tus.add(path, 5, b"")
    assert (again.status_code, again.headers["Upload-Offset"]) == (204, "5")


def test_x_http_method_override_is_the_method_whatever_came(tus: Any) -> None:
    begun = tus.ask("GET", tus.place, Upload_Length=5, X_HTTP_Method_Override="POST")
    path = begun.headers["Location"]
    sent = tus.ask(
        "POST",
        path,
        b"hello",
        Upload_Offset=0,
        Content_Type="application/offset+octet-stream",
        X_HTTP_Method_Override="PATCH",
    )
    assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, "5")
    asked = tus.ask("POST", path, X_HTTP_Method_Override="HEAD")
    assert (asked.status_code, asked.headers["Upload-Offset"], asked.data) == (200, "5", b"")
    assert tus.ask("POST", path, X_HTTP_Method_Override="DELETE").status_code == 204
    # A refusal under HEAD announces no body, or the next answer would be taken for it.
    gone = tus.ask("POST", path, X_HTTP_Method_Override="HEAD")
    assert (gone.status_code, gone.headers["Content-Length"]) == (404, "0")


def test_x_http_method_override_means_nothing_elsewhere(client: Any) -> None:
    answer = client.get("/api/v1/categories", headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_offsets_are_kept_by_either_database(tus: Any) -> None:
    path = tus.begin(5).headers["Location"]
    assert tus.add(path, 0, b"hel").status_code == 204
    assert tus.add(path, 0, b"hel").status_code == 409
    assert tus.offset(path) == 3
    assert tus.add(path, 3, b"lo").headers["Upload-Offset"] == "5"


def test_bytes_that_the_disk_lost_are_said_to_be_lost(tus: Any, code_of: Any, door: Door) -> None:
    path = tus.begin(5).headers["Location"]
    tus.add(path, 0, b"hel")
    with door.database.reading() as session:
        upload = session.scalars(select(Upload)).one()
    door.staging.path_of(upload.id).write_bytes(b"h")
    assert tus.ask("HEAD", path).status_code == 410
    answer = tus.add(path, 3, b"lo")
    assert (answer.status_code, code_of(answer)) == (410, "upload-lost")


def test_without_its_directory_the_door_is_not_ready_and_says_that_nothing_is_lost(
    door_settings: Any, code_of: Any, tmp_path: Path
) -> None:
    (tmp_path / "no-directory").write_text("a file stands where the directory should be")
    app = create_app(
        door_settings.model_copy(update={"upload_dir": str(tmp_path / "no-directory" / "uploads")})
    )
    phone, headers = app.test_client(), {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
    assert phone.get("/readyz").json["missing"] == {"uploads": "Unavailable"}
    path = phone.post("/api/v1/uploads", headers=headers).headers["Location"]
    answer = phone.patch(
        path,
        data=b"hello",
        headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"},
        content_type="application/offset+octet-stream",
    )
    assert (answer.status_code, code_of(answer)) == (503, "store-away")
    app.extensions["door"].database.close()
