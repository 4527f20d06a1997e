"""Files beside a note: checked at the door by content, kept write-once, never opened here.

Photos pass the riders' gate and are examined in the worker's limited child before
anything of them is shown. A PDF is only ever handed out for download.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from intake.doorway import not_found
from intake.gate.inspecting import inspect
from intake.photos import PhotoStore
from review_ui.access.scope import visible_cases
from review_ui.access.staff import SignedIn
from schemas.errors import InvalidInput, PhotoRefused, SuishoupaiError, TooLarge
from schemas.tables import Case, CaseAttachment, CaseNote
from schemas.wire.notes import MOST_FILES
from schemas.words import Words

MEBIBYTE = 1024 * 1024
PDF_MAX_BYTES = 20 * MEBIBYTE
# Room for nine photos of a usual phone, and for the texts beside them.
MAX_BODY_BYTES = 61 * MEBIBYTE
PDF = "application/pdf"
# ISO 32000-1, 7.5.2 and 7.5.5: a PDF begins with its version and ends with this mark.
PDF_HEAD, PDF_END = b"%PDF-", b"%%EOF"
_END_BYTES = 1024
_NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was taken: its name for people, and what it is by content."""

    name: str
    sha256: str
    size_bytes: int
    content_type: str

    @property
    def is_photo(self) -> bool:
        """Whether it has to be examined before it is shown."""
        return self.content_type != PDF


def keep_files(
    files: Iterable[FileStorage], *, store: PhotoStore, directory: Path
) -> tuple[KeptFile, ...]:
    """Check each file by its content and keep it durably; a file field left empty is none.

    Raises PhotoRefused and TooLarge as the riders' gate does, InvalidInput
    `attachment-damaged`, TooLarge `attachment-too-large` or `attachments-too-many`,
    Unavailable `store-away`. Nothing is kept unless all are taken.
    """
    chosen = [file for file in files if file.filename]
    if len(chosen) > MOST_FILES:
        raise TooLarge(
            "attachments-too-many",
            Words(f"一次最多 {MOST_FILES} 个附件。", f"At most {MOST_FILES} files at a time."),
            field="files",
        )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths: list[Path] = []
    try:
        kept = []
        for file in chosen:
            path = directory / secrets.token_hex(16)
            paths.append(path)
            file.save(path)
            kept.append(_checked(path, file))
        for path, taken in zip(paths, kept, strict=True):
            store.put_original(path, taken.sha256)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    return tuple(kept)


def find_attachment(session: Session, *, attachment_id: UUID, staff: SignedIn) -> CaseAttachment:
    """Return a file beside a note on a case in the person's tree; raises NotFound."""
    found = session.scalars(
        select(CaseAttachment)
        .join(CaseNote, CaseNote.id == CaseAttachment.note_id)
        .join(Case, Case.id == CaseNote.case_id)
        .where(CaseAttachment.id == attachment_id, visible_cases(staff))
    ).one_or_none()
    if found is None:
        raise not_found()
    return found


def _checked(path: Path, file: FileStorage) -> KeptFile:
    name = _name(file.filename or "")
    try:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            size_bytes = opened.tell()
            opened.seek(0)
            is_pdf = opened.read(len(PDF_HEAD)) == PDF_HEAD
            opened.seek(max(0, size_bytes - _END_BYTES))
            is_whole = PDF_END in opened.read()
        if is_pdf:
            _check_pdf(size_bytes, is_whole=is_whole)
            return KeptFile(name, digest, size_bytes, PDF)
        facts = inspect(path)
    except SuishoupaiError as error:
        error.words = Words(f"{name}：{error.words.zh}", f"{name}: {error.words.en}")
        if isinstance(error, PhotoRefused) and error.code == "photo-not-an-image":
            error.words = Words(
                f"{name}：附件只收照片和 PDF。", f"{name}: only photos and PDFs are taken."
            )
        raise
    return KeptFile(name, digest, size_bytes, facts.content_type)


def _check_pdf(size_bytes: int, *, is_whole: bool) -> None:
    if size_bytes > PDF_MAX_BYTES:
        limit = PDF_MAX_BYTES // MEBIBYTE
        raise TooLarge(
            "attachment-too-large",
            Words(f"PDF 不能超过 {limit} MB。", f"A PDF may have at most {limit} MB."),
            field="files",
        )
    if not is_whole:
        raise InvalidInput(
            "attachment-damaged",
            Words(
                "PDF 不完整，请重新导出后再上传。",
                "The PDF is incomplete: export it again and upload that.",
            ),
            field="files",
        )


def _name(text: str) -> str:
    """Return a file's name for people: without its folders and without what can't be shown."""
    name = text.replace("\\", "/").rpartition("/")[2]
    shown = "".join(each for each in name if each.isprintable()).strip()
    return shown[-_NAME_CHARS:] or "file"
