"""Examines the photos of one tip: what they are, what they say, what they look like.

Pure: files in, facts out; no database and no queue. Everything that touches the hostile
bytes runs in one limited child per tip, in which each photo has its own time. What the
child answered before it died stands, and another goes on, so that a bad picture costs
only itself.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import cv2
from PIL import Image
from pydantic import ConfigDict, TypeAdapter, ValidationError

from intake.gate.inspecting import inspect
from schemas.errors import PhotoRefused, SuishoupaiError
from schemas.masks import Mask
from schemas.photo_words import WORDS
from workers import copies, metadata, pictures, sandbox
from workers.bezels import Bezel
from workers.closely.features import find_features, pack, unpack
from workers.copies import has_metadata
from workers.fingerprints import HASH_BYTES, Fingerprint, fingerprints
from workers.formats import set_up_decoders
from workers.metadata import Metadata
from workers.pictures import BYTES_A_PIXEL, Picture, PixelLimits
from workers.regions import finding as regions
from workers.sandbox import ChildDied, Outcome
from workers.screens import screen_grid
from workers.views import View


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the examination of a tip's photos may take.

    `memory_bytes` is the child's, on top of the worker's own. `cpu_s` processor seconds and
    `wall_s` seconds by the clock are each photo's, `total_s` by the clock all photos'.
    """

    memory_bytes: int = 1 << 30
    cpu_s: int = 30
    wall_s: float = 60.0
    total_s: float = 600.0
    pixels: PixelLimits = field(default_factory=PixelLimits)


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found in one photo.

    `sha256` (hex) and `size_bytes` are of the file as it lies there. `content_type` is by
    content; `width`, `height` are stored pixels and `orientation` (1–8) turns them
    upright: 1 for HEIC, whose decoder has done so (`metadata.orientation` is what its EXIF
    says). `derivatives` are JPEG by long edge in pixels, both or none; `features` are packed
    by workers.closely.features, `regions` by workers.regions.finding (the first
    `regions_stored` are found by others); `screen_grid` is that of workers.screens, `bezel` of
    workers.bezels. `unreadable_reason` and `notes` are codes of schemas.photo_words; `detail`
    is for logs, never for people.
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
    features: bytes = b""
    regions: bytes = b""
    regions_stored: int = 0
    screen_grid: float = 0.0
    bezel: Bezel | None = None
    unreadable_reason: str | None = None
    notes: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class _Finding:
    """What the child says of one photo; derivatives, features, regions follow as plain bytes."""

    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    metadata: Metadata | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    screen_grid: float = 0.0
    bezel: Bezel | None = None
    regions_stored: int = 0
    derivative_sizes: tuple[int, ...] = ()
    unreadable_reason: str | None = None
    notes: tuple[str, ...] = ()
    detail: str = ""


_Reading = tuple[_Finding, list[bytes]]

# What an earlier photo of the same child may have caused: the photo that it died on gets a
# child of its own.
MAY_BE_ANOTHERS = frozenset({"decoder-out-of-memory", "decoder-crashed"})


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A file to examine, and what is hidden in its derivatives and nowhere else."""

    path: Path
    mask: Mask = ()


InChild = Callable[[Sequence[Subject], Limits], Outcome]
"""Does `in_child` for each photo in a limited child; raises OSError."""


def fork_here(
    subjects: Sequence[Subject], limits: Limits, *, asked_by: int | None = None
) -> Outcome:
    """Examine each photo in one limited fork of this very process, which it finds warm.

    `asked_by` and what is raised are as in `sandbox.run_each`.
    """
    warm_up()
    return sandbox.run_each(
        [partial(in_child, subject, limits) for subject in subjects],
        memory_bytes=limits.memory_bytes,
        cpu_s=limits.cpu_s,
        wall_s=limits.wall_s,
        total_s=limits.total_s,
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
    # The parent hashes, so that a decoder that was taken over can't vouch for itself.
    bases = [_hashed(subject.path) for subject in subjects]
    ends_at = time.monotonic() + limits.total_s
    found: list[Examination] = []
    while len(found) < len(subjects):
        at = len(found)
        left = replace(limits, total_s=max(0.0, ends_at - time.monotonic()))
        readings, death = _believed(do_in_child(subjects[at:], left))
        found += [_examination(bases[at + n], *each) for n, each in enumerate(readings)]
        if death and not (readings and death.code in MAY_BE_ANOTHERS):
            base = bases[len(found)]
            found.append(replace(base, unreadable_reason=death.code, detail=death.detail))
    return found


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
        _finding_adapter().dump_json((finding,))


def cleared(derivatives: dict[int, bytes]) -> dict[int, bytes]:
    """Return `derivatives`, or none of them when a single one holds any metadata."""
    return {} if any(map(has_metadata, derivatives.values())) else derivatives


def _hashed(path: Path) -> Examination:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Examination(sha256=digest.hexdigest(), size_bytes=file.tell())


def in_child(subject: Subject, limits: Limits) -> list[bytes]:
    """Return the finding of one photo as JSON, then its derivatives, features and regions."""
    set_up_decoders()
    try:
        finding, blobs = _look_at(subject, limits)
    except cv2.error as fault:
        # OpenCV has an error of its own for it, and a sound photo must not be called a crash.
        if fault.code == cv2.Error.STS_NO_MEM:
            raise MemoryError from fault
        raise
    return [_finding_adapter().dump_json((finding,)), *blobs]


def _look_at(subject: Subject, limits: Limits) -> tuple[_Finding, list[bytes]]:
    finding, picture = _Finding(), None
    with subject.path.open("rb") as file:
        try:
            picture = pictures.open_picture(file, limits=limits.pixels)
            finding = _Finding(
                content_type=picture.content_type, width=picture.width, height=picture.height
            )
            said = metadata.from_picture(picture)
            turn = 1 if picture.turned_from else said.orientation or 1
            finding = replace(finding, metadata=said, orientation=turn, notes=said.notes)
            pixels, notes = pictures.upright(picture, orientation=turn)
        except PhotoRefused as refusal:
            reason = refusal.code
            may_need_bytes = _may_need_bytes(subject.path, picture)
            if reason == "photo-unreadable" and may_need_bytes > limits.memory_bytes:
                # Most decoders don't say that memory ran out, and sound evidence must not
                # be called damaged.
                reason = "decoder-out-of-memory"
            detail = str(refusal.facts.get("detail", ""))
            return replace(finding, unreadable_reason=reason, detail=detail), []
    seen = View(pixels)
    prints = fingerprints(seen)
    features = pack(find_features(seen))
    found, stored = regions.find_regions(seen)
    either_way = picture.content_type in copies.SEEN_EITHER_WAY
    masked = copies.masked(pixels, subject.mask, perhaps_seen_as=turn if either_way else 1)
    derivatives = copies.derivatives(masked)
    return (
        replace(
            finding,
            fingerprints=prints,
            screen_grid=screen_grid(seen),
            bezel=seen.screen.bezel if seen.screen else None,
            regions_stored=stored,
            derivative_sizes=tuple(derivatives),
            notes=(*finding.notes, *notes),
        ),
        [*derivatives.values(), features, regions.pack(found)],
    )


def _may_need_bytes(path: Path, picture: Picture | None) -> int:
    """Return the most memory that a decoder may take which does not say that it ran out."""
    if picture:
        return picture.may_need_bytes
    try:
        facts = inspect(path)
    except SuishoupaiError:
        return 0
    # These two are opened without memory for their pixels.
    if facts.content_type in {"image/jpeg", "image/png"}:
        return 0
    return facts.width * facts.height * BYTES_A_PIXEL


def _examination(base: Examination, finding: _Finding, blobs: Sequence[bytes]) -> Examination:
    derivatives = dict(zip(finding.derivative_sizes, blobs, strict=False))
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
        screen_grid=finding.screen_grid,
        bezel=finding.bezel,
        features=blobs[-2] if blobs else b"",
        regions=blobs[-1] if blobs else b"",
        regions_stored=finding.regions_stored,
        unreadable_reason=finding.unreadable_reason,
        notes=finding.notes if clean == derivatives else (*finding.notes, "derivative-not-clean"),
        detail=finding.detail,
    )


@cache
def _finding_adapter() -> TypeAdapter[tuple[_Finding]]:
    # A dataclass takes no configuration from outside; a tuple of one does, and hands it down.
    return TypeAdapter(
        tuple[_Finding], config=ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
    )


def _believed(outcome: Outcome) -> tuple[list[_Reading], ChildDied | None]:
    """Return what the child found of the photos up to its death; nonsense counts as one."""
    readings: list[_Reading] = []
    for answer in outcome.answers:
        try:
            readings.append(_reading(answer))
        except ChildDied as nonsense:
            return readings, nonsense
    return readings, outcome.death


def _reading(answer: Sequence[bytes]) -> _Reading:
    try:
        (finding,) = _finding_adapter().validate_json(answer[0] if answer else b"")
    except ValidationError as fault:
        raise ChildDied("decoder-crashed", f"answer not understood: {fault}"[:2_000]) from fault
    # The derivatives, the features and the regions follow, or nothing.
    blobs = len(finding.derivative_sizes) + 2 if finding.derivative_sizes else 0
    if len(answer) != 1 + blobs or not _possible(finding):
        raise ChildDied("decoder-crashed", "answer makes no sense")
    if blobs:
        _check_features(answer[-2], answer[-1], finding.regions_stored)
    return finding, list(answer[1:])


def _check_features(packed: bytes, packed_regions: bytes, stored: int) -> None:
    try:
        unpack(packed)
        found = regions.unpack(packed_regions)
    except ValueError as fault:
        raise ChildDied("decoder-crashed", f"features make no sense: {fault}") from fault
    if not 0 <= stored <= min(regions.STORED, len(found)):
        raise ChildDied("decoder-crashed", "more regions are to be stored than there are")


def _possible(finding: _Finding) -> bool:
    codes = {*finding.notes, *filter(None, [finding.unreadable_reason])}
    hashes = [pdq for one in finding.fingerprints for pdq in (one.pdq, *one.dihedral)]
    return (
        codes <= WORDS.keys()
        and finding.derivative_sizes in {(), pictures.LONG_EDGES}
        and all(len(pdq) == HASH_BYTES for pdq in hashes)
    )
