"""The evidence package of a case: a ZIP that a stranger can check with standard tools alone.

    AJ…/README.txt     what this is and how to check it
    AJ…/cover.pdf      the cover sheet, with the SHA-256 of the manifest
    AJ…/manifest.json  facts, claims, history, and the audit entries with their hashes
    AJ…/SHA256SUMS     for `sha256sum -c`
    AJ…/photos/…       the originals as they were sent, by their SHA-256

It is made while it is sent: whatever the photos weigh, one piece of one is in memory.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session
from zipstream import ZipStream

from intake.fonts import find_chinese_font
from intake.photos import PhotoStore
from review_ui.access.staff import SignedIn
from review_ui.casefile.reading import open_casefile
from review_ui.evidence.cover import cover_sheet
from review_ui.evidence.manifest import PackedPhoto, build_manifest, packed_photos
from schemas import audit
from schemas.errors import Conflict
from schemas.tables import Case
from schemas.words import Words
from schemas.workdays import CalendarOverrides, local_date

PIECE_BYTES = 256 * 1024
README = """随手拍证据包 {number}
==============================

photos/         举报照片原件，与收到时逐字节相同
manifest.json   案件事实、声称、经过、审计记录及其哈希
cover.pdf       封面（载有 manifest.json 的 SHA-256）
SHA256SUMS      以上文件的 SHA-256

核对方法：解压后在本目录运行  sha256sum -c SHA256SUMS  ，每一行都应显示 OK。

注意：照片原件的元数据（拍摄时间、位置、设备，有时有机主姓名和序列号）可能让人认出
举报人。本证据包只供司法机关和办案人员使用，不得交给被举报人和无关人员。
举报人的身份依法保密，不在本证据包内。

Evidence package of case {number}. To check it, run `sha256sum -c SHA256SUMS` in this
directory: every line must say OK. The originals hold metadata by which the reporter
could be recognised: for courts and case officers only, never for whom it is about.
"""


@dataclass(frozen=True, slots=True)
class Package:
    """A package ready to be sent: small files made, originals checked and still in the store."""

    case_id: UUID
    number: str
    manifest_sha256: str
    small: tuple[tuple[str, bytes], ...]
    photos: tuple[PackedPhoto, ...]
    store: PhotoStore

    @property
    def filename(self) -> str:
        """The name to save it under."""
        return f"{self.number}-evidence.zip"

    def open(self) -> ZipStream:
        """Return the ZIP, which is made while it is iterated; `len` is its size in bytes."""
        stream = ZipStream(sized=True)
        for name, data in self.small:
            stream.add(data, f"{self.number}/{name}")
        for photo in self.photos:
            stream.add(
                _pieces(self.store, photo.sha256),
                f"{self.number}/{photo.name}",
                size=photo.size_bytes,
            )
        return stream


def prepare_package(
    session: Session,
    *,
    case: Case,
    store: PhotoStore,
    made_by: str,
    now: datetime,
    calendar: CalendarOverrides,
) -> Package:
    """Read a case, check its originals, and make everything but the ZIP.

    Raises NotFound `original-missing`, Conflict `original-damaged`, ConfigurationError
    `font-missing`.
    """
    font = find_chinese_font()
    photos = packed_photos(session, case=case)
    for photo in photos:
        _check_original(store, photo)
    file = open_casefile(session, case=case, today=local_date(now), calendar=calendar)
    manifest = build_manifest(session, file=file, photos=photos, made_by=made_by, now=now)
    text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    digest = hashlib.sha256(text).hexdigest()
    cover = cover_sheet(
        manifest=manifest, manifest_sha256=digest, photos=photos, store=store, font=font
    )
    small = (
        ("README.txt", README.format(number=case.number).encode()),
        ("cover.pdf", cover),
        ("manifest.json", text),
    )
    sums = ("SHA256SUMS", _sums(small, photos))
    return Package(case.id, case.number, digest, (*small, sums), photos, store)


def note_taken(session: Session, *, package: Package, staff: SignedIn | None) -> None:
    """Write down that somebody takes the package; None is the operator.

    The manifest's hash goes into the log, by which a package can be told to be ours.
    """
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id) if staff else audit.OPERATOR,
        action="evidence_taken",
        subject=("case", package.case_id),
        after={
            "number": package.number,
            "manifest_sha256": package.manifest_sha256,
            "photos": len(package.photos),
        },
    )
    session.flush()


def _check_original(store: PhotoStore, photo: PackedPhoto) -> None:
    with store.local_copy(photo.sha256) as path:
        if _digest(path) != photo.sha256 or path.stat().st_size != photo.size_bytes:
            raise Conflict(
                "original-damaged",
                Words(
                    f"照片原件 {photo.name} 与收到时不一致，不能作为证据导出：请联系运维人员。",
                    f"The original {photo.name} is not what was received and can't be taken as "
                    "evidence: call the operator.",
                ),
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pieces(store: PhotoStore, sha256: str) -> Iterator[bytes]:
    with store.local_copy(sha256) as path, path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _sums(small: Sequence[tuple[str, bytes]], photos: Sequence[PackedPhoto]) -> bytes:
    """Return the file that `sha256sum -c` reads: hash, two spaces, name (coreutils manual)."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in small]
    lines += [f"{photo.sha256}  {photo.name}\n" for photo in photos]
    return "".join(lines).encode()
