"""Examines the photos of one tip: what they are, what they say, what they look like.

Pure: files in, facts out; no database and no queue. Everything that touches the hostile
bytes runs in one limited child per tip. If that child dies, each photo is tried alone,
so that a bad picture costs only itself.
"""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from PIL import Image
from pydantic import ConfigDict, TypeAdapter, ValidationError

from schemas.errors import PhotoRefused
from schemas.masks import Mask
from schemas.photo_words import WORDS
from workers import metadata, pictures, sandbox
from workers.fingerprints import HASH_BYTES, Fingerprint, fingerprints
from workers.formats import set_up_decoders
from workers.metadata import Metadata
from workers.pictures import PixelLimits, has_metadata
from workers.sandbox import ChildDied


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one child may take; a tip's photos share one, and each gets its own if that dies.

    `memory_bytes` is on top of the worker's own, `cpu_s` processor seconds, `wall_s`
    seconds by the clock.
    """

    memory_bytes: int = 1 << 30
    cpu_s: int = 30
    wall_s: float = 60.0
    pixels: PixelLimits = field(default_factory=PixelLimits)

    def worst_case_s(self, photos: int) -> float:
        """Return how long `photos` photos can take at most, in seconds by the clock."""
        return self.wall_s * (1 + photos if photos > 1 else photos)


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found in one photo.

    `sha256` (hex) and `size_bytes` are of the file as it lies there. `content_type` is by
    content; `width`, `height` are stored pixels and `orientation` (1–8) turns them
    upright: 1 for HEIC, whose decoder has done so (`metadata.orientation` is what its EXIF
    says). `derivatives` are JPEG by long edge in pixels, both or none. `unreadable_reason`
    and `notes` are codes of schemas.photo_words; `detail` is for logs, never for people.
    """

    sha256: str
    size_bytes: int
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    metadata: Metadata | None = None
    derivatives: dict[int, bytes] = field(default_factory=dict)
    fingerprints: tuple[Fingerprint, ...] = ()
    unreadable_reason: str | None = None
    notes: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class _Finding:
    """What the child says of one photo; the derivatives follow it as plain bytes."""

    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    metadata: Metadata | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    derivative_sizes: tuple[int, ...] = ()
    unreadable_reason: str | None = None
    notes: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A file to examine, and what is hidden in its derivatives and nowhere else."""

    path: Path
    mask: Mask = ()


InChild = Callable[[Sequence[Subject], Limits], list[bytes]]
"""Does `in_child` in a limited child and returns its answer; raises ChildDied, OSError."""


def fork_here(
    subjects: Sequence[Subject], limits: Limits, *, asked_by: int | None = None
) -> list[bytes]:
    """Do `in_child` in a limited fork of this very process, which it finds warm.

    `asked_by` and what is raised are as in `sandbox.run_limited`.
    """
    warm_up()
    return sandbox.run_limited(
        lambda: in_child(subjects, limits),
        memory_bytes=limits.memory_bytes,
        cpu_s=limits.cpu_s,
        wall_s=limits.wall_s,
        asked_by=asked_by,
    )


def examine_photos(
    paths: Sequence[Path],
    *,
    limits: Limits,
    masks: Sequence[Mask] = (),
    do_in_child: InChild = fork_here,
) -> list[Examination]:
    """Return one Examination a photo, in the order of `paths`.

    `masks`, one for each photo or none at all, are painted on the derivatives alone: what
    is matched and what the Examination tells is the photo as it was sent.
    What is wrong with a photo is in its Examination and never raised.
    Raises OSError where a file can't be read or no process can be started.
    """
    subjects = [
        Subject(path=path, mask=mask)
        for path, mask in zip(paths, masks or [()] * len(paths), strict=True)
    ]
    return _examine_together(subjects, limits, do_in_child)


def _examine_together(
    subjects: Sequence[Subject], limits: Limits, do_in_child: InChild
) -> list[Examination]:
    # The parent hashes, so that a decoder that was taken over can't vouch for itself.
    bases = [_hashed(subject.path) for subject in subjects]
    try:
        return _examine(bases, subjects, limits, do_in_child)
    except ChildDied as death:
        if len(subjects) == 1:
            return [replace(bases[0], unreadable_reason=death.code, detail=death.detail)]
    return [
        examination
        for subject in subjects
        for examination in _examine_together([subject], limits, do_in_child)
    ]


@cache
def warm_up() -> None:
    """Load and build once what every child would otherwise load and build again.

    Decoders and encoders come in on first use, which costs a child some 6 ms.
    """
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "nobody", 6
    exif.get_ifd(0x8769)[0x9003] = "2024:12:19 10:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (41.0, 47.0, 37.0), 3: "E", 4: (123.0, 27.0, 10.4)})
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        Image.effect_mandelbrot((1600, 1200), (-2.0, -1.2, 1.0, 1.2), 20).convert("RGB").save(
            file, "JPEG", exif=exif
        )
        file.flush()
        finding, _ = _look_at(Subject(path=Path(file.name)), Limits())
        _findings_adapter().dump_json([finding])


def cleared(derivatives: dict[int, bytes]) -> dict[int, bytes]:
    """Return `derivatives`, or none of them when a single one holds any metadata."""
    return {} if any(map(has_metadata, derivatives.values())) else derivatives


def _hashed(path: Path) -> Examination:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Examination(sha256=digest.hexdigest(), size_bytes=file.tell())


def _examine(
    bases: Sequence[Examination],
    subjects: Sequence[Subject],
    limits: Limits,
    do_in_child: InChild,
) -> list[Examination]:
    if not subjects:
        return []
    answer = do_in_child(subjects, limits)
    findings = _believed(answer, len(subjects))
    blobs = iter(answer[1:])
    return [
        _examination(base, finding, {size: next(blobs) for size in finding.derivative_sizes})
        for base, finding in zip(bases, findings, strict=True)
    ]


def in_child(subjects: Sequence[Subject], limits: Limits) -> list[bytes]:
    """Return the findings as JSON, then the derivatives of all photos one after the other."""
    set_up_decoders()
    findings: list[_Finding] = []
    blobs: list[bytes] = []
    for subject in subjects:
        finding, derivatives = _look_at(subject, limits)
        findings.append(finding)
        blobs.extend(derivatives)
    return [_findings_adapter().dump_json(findings), *blobs]


def _look_at(subject: Subject, limits: Limits) -> tuple[_Finding, list[bytes]]:
    finding = _Finding()
    may_need_bytes = 0
    with subject.path.open("rb") as file:
        try:
            picture = pictures.open_picture(file, limits=limits.pixels)
            may_need_bytes = picture.may_need_bytes
            finding = _Finding(
                content_type=picture.content_type, width=picture.width, height=picture.height
            )
            said = metadata.from_exif(picture.exif(), orientation=picture.turned_from)
            turn = 1 if picture.turned_from else said.orientation or 1
            finding = replace(finding, metadata=said, orientation=turn, notes=said.notes)
            image, notes = pictures.upright(picture, orientation=turn)
        except PhotoRefused as refusal:
            reason = refusal.code
            if reason == "photo-unreadable" and may_need_bytes > limits.memory_bytes:
                # Most decoders don't say that memory ran out, and sound evidence must not
                # be called damaged.
                reason = "decoder-out-of-memory"
            detail = str(refusal.facts.get("detail", ""))
            return replace(finding, unreadable_reason=reason, detail=detail), []
    prints = fingerprints(image)
    derivatives = pictures.derivatives(pictures.masked(image, subject.mask))
    return (
        replace(
            finding,
            fingerprints=prints,
            derivative_sizes=tuple(derivatives),
            notes=(*finding.notes, *notes),
        ),
        list(derivatives.values()),
    )


def _examination(
    base: Examination, finding: _Finding, derivatives: dict[int, bytes]
) -> Examination:
    clean = cleared(derivatives)
    return replace(
        base,
        content_type=finding.content_type,
        width=finding.width,
        height=finding.height,
        orientation=finding.orientation,
        metadata=finding.metadata,
        derivatives=clean,
        fingerprints=finding.fingerprints,
        unreadable_reason=finding.unreadable_reason,
        notes=finding.notes if clean == derivatives else (*finding.notes, "derivative-not-clean"),
        detail=finding.detail,
    )


@cache
def _findings_adapter() -> TypeAdapter[list[_Finding]]:
    return TypeAdapter(
        list[_Finding], config=ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
    )


def _believed(answer: Sequence[bytes], photos: int) -> list[_Finding]:
    """Return the findings in the child's answer; one without sense counts as a crash."""
    try:
        findings = _findings_adapter().validate_json(answer[0] if answer else b"")
    except ValidationError as fault:
        raise ChildDied("decoder-crashed", f"answer not understood: {fault}"[:2_000]) from fault
    blobs = sum(len(finding.derivative_sizes) for finding in findings)
    if len(findings) != photos or len(answer) != 1 + blobs or not all(map(_possible, findings)):
        raise ChildDied("decoder-crashed", "answer makes no sense")
    return findings


def _possible(finding: _Finding) -> bool:
    codes = {*finding.notes, *filter(None, [finding.unreadable_reason])}
    hashes = [pdq for one in finding.fingerprints for pdq in (one.pdq, *one.dihedral)]
    return (
        codes <= WORDS.keys()
        and finding.derivative_sizes in {(), pictures.LONG_EDGES}
        and all(len(pdq) == HASH_BYTES for pdq in hashes)
    )
