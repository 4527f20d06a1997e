"""The doors for hostile bytes, each with the rules that must hold whatever is sent."""

import json
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from fuzz import carriers, hostile
from fuzz.engine import Broken, Target
from fuzz.mutating import mutated
from intake.gate.inspecting import MAX_PIXELS_ONE_PASS, inspect
from schemas.errors import PhotoRefused, TooLarge
from workers.copies import has_metadata
from workers.examine import Examination, Limits, examine_photos, warm_up
from workers.metadata import Metadata, completed, from_exif, read_metadata
from workers.packets import MAX_TEXT, read_iptc, read_xmp

MB = 1 << 20


class Gate:
    """The door's inspection: taken with its facts or refused in words, at once."""

    name = "gate"
    change = staticmethod(mutated)
    # Of the processor; the largest sound photo takes a thirtieth of it.
    most_s = 1.0

    def __init__(self) -> None:
        self._path = Path(tempfile.mkdtemp()) / "photo"

    def corpus(self) -> dict[str, bytes]:
        """Return small photos, and the hostile ones that are small."""
        made = {each.name: each.make() for each in hostile.at_the_door()}
        return carriers.corpus() | {name: content for name, content in made.items() if content}

    def try_all(self, contents: Sequence[bytes]) -> list[Exception | None]:
        """Inspect each file."""
        return [self._try(content) for content in contents]

    def _try(self, content: bytes) -> Exception | None:
        self._path.write_bytes(content)
        began_s = time.process_time()
        try:
            facts = inspect(self._path)
            if not 0 < facts.width * facts.height <= MAX_PIXELS_ONE_PASS:
                return Broken("a photo of impossible size is taken")
        except (PhotoRefused, TooLarge) as refusal:
            if not (refusal.words.zh and refusal.words.en):
                return Broken(f"{refusal.code} has no words")
        except Exception as fault:  # noqa: BLE001  every one of them is a finding
            return fault
        if time.process_time() - began_s > self.most_s:
            return Broken("the door thinks too long")
        return None


class MetadataReader:
    """The reader of metadata: never raises, and tells nothing that can't be."""

    name = "metadata"
    change = staticmethod(mutated)

    def corpus(self) -> dict[str, bytes]:
        """Return EXIF blocks, and small photos whose containers are read, too."""
        # The long ones would take most of the time and teach nothing that short ones don't.
        short = hostile.EXIF_BLOCKS.keys() - {"chain", "crowded"}
        blocks = {f"{name}.exif": hostile.EXIF_BLOCKS[name]() for name in sorted(short)}
        blocks["chain.exif"] = hostile.long_chain(20)
        blocks["crowded.exif"] = hostile.crowded_directory(50)
        blocks["phone.exif"] = carriers.phone_exif().tobytes()
        blocks |= {"phone.xmp": carriers.XMP, "phone.iptc": carriers.iptc_block()[26:]}
        return blocks | {
            name: content for name, content in carriers.corpus().items() if "photo" in name
        }

    def try_all(self, contents: Sequence[bytes]) -> list[Exception | None]:
        """Read each file, or each bare block."""
        return [self._try(content) for content in contents]

    def _try(self, content: bytes) -> Exception | None:
        try:
            found = from_exif(content)
            check_possible(found)
            for name, read in (("xmp", read_xmp), ("iptc", read_iptc)):
                packet = read(content)
                if packet is not None:
                    check_possible(completed(found, packet, name))
            if content.startswith((b"\xff\xd8\xff", b"\x89PNG")):
                kind = "image/jpeg" if content[:1] == b"\xff" else "image/png"
                check_possible(read_metadata(content, kind))
        except PhotoRefused:
            return None
        except Exception as fault:  # noqa: BLE001  every one of them is a finding
            return fault
        return None


def check_possible(found: Metadata) -> None:
    """Raise Broken for a fact that no photo can have."""
    ranges = {
        "latitude": (-90, 90),
        "longitude": (-180, 180),
        "altitude_m": (-100_000, 100_000),
        "direction_deg": (0, 360),
        "orientation": (1, 8),
    }
    for name, (low, high) in ranges.items():
        value = getattr(found, name)
        if value is not None and not low <= value <= high:
            raise Broken(f"{name} out of range")
    if (found.latitude is None) != (found.longitude is None):
        raise Broken("half a place")
    for name, value in asdict(found).items():
        if isinstance(value, str) and (len(value) > MAX_TEXT or not value.isprintable()):
            raise Broken(f"{name} is no line of text")
    if found.taken_at_utc is not None:
        json.dumps(found.taken_at_utc.isoformat())


class WholeExamination:
    """The examination in its sandbox: facts or a refusal; nothing raised, no memory overrun."""

    name = "examination"
    change = staticmethod(mutated)
    limits = Limits(memory_bytes=512 * MB, cpu_s=20, wall_s=60.0, total_s=600.0)
    # The decoders' code counts, too, where a child is the first to read it.
    code_bytes = 16 * MB

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp())
        warm_up()

    def corpus(self) -> dict[str, bytes]:
        """Return small photos, and the hostile ones that are small."""
        small = [each for each in hostile.taken() if not each.name.startswith(("big", "long"))]
        return carriers.corpus() | {each.name: each.make() for each in small}

    def try_all(self, contents: Sequence[bytes]) -> list[Exception | None]:
        """Examine the files as the photos of one tip."""
        paths = [self._folder / str(number) for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        own_bytes = int(Path("/proc/self/statm").read_bytes().split()[1]) * resource.getpagesize()
        try:
            found = examine_photos(paths, limits=self.limits)
        except Exception as fault:  # noqa: BLE001  every one of them is a finding
            return [fault] * len(contents)
        peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 - own_bytes
        if peak_bytes > self.limits.memory_bytes + self.code_bytes:
            return [Broken("a child took more memory than it may")] * len(contents)
        return [self._judge(each) for each in found]

    def _judge(self, found: Examination) -> Exception | None:
        try:
            if found.unreadable_reason is None:
                if not found.derivatives or any(map(has_metadata, found.derivatives.values())):
                    return Broken("taken, and not served clean")
                if found.metadata is None:
                    return Broken("taken without a look at its metadata")
                check_possible(found.metadata)
            elif found.unreadable_reason in {"decoder-crashed", "decoder-out-of-time"}:
                # Reported as the photo's refusal, as it must be; kept to be looked at.
                return Broken(f"{found.unreadable_reason}: {found.detail[:80]}")
        except Broken as fault:
            return fault
        return None


def _doors() -> Target:
    # The whole web application, which the other targets' processes have no use for.
    from fuzz.doors import Doors  # noqa: PLC0415

    return Doors()


TARGETS: dict[str, Callable[[], Target]] = {
    "gate": Gate,
    "metadata": MetadataReader,
    "examination": WholeExamination,
    "doors": _doors,
}
