"""Which copies of a photo are found again, which strangers are taken for copies, at what cost.

Takes any folder of photos; pictures in one sub-folder may show one scene, those of different
ones are taken as unrelated. Half of the folders, by the digest of their names, are for tuning,
the other half is measured (`--tuning` measures the first, `--whole` both). From each of
`--copies` photos the 33 kinds of copies of `benchmarks.copies` are made, the same for the same
seed. Run from the root of the repository: `python -m benchmarks.matching FOLDER`.

Global recall is by PDQ as the search over everything asks (whole, trimmed, panes and
photographed screens, in eight orientations), and by the close comparison of what shares
regions, asked among all photos of the half. Scoped recall adds the close comparison of a pair
that shares shop, rider, spot or moment. Recall counts a copy as found whatever kind the match
is of; «as a copy» leaves out those that were only suggested as another shot of the scene;
«linked» are those of one hash whose detail was compared, too, and is the same.
"""

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import UUID

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.among import Among
from benchmarks.copies import KINDS, Pixels, Source
from intake.photos import PhotoStore
from workers.closely.alignment import align, likeness
from workers.closely.comparing import kind_of
from workers.closely.confirming import Confirmer, Side
from workers.closely.features import Features, find_features
from workers.copies import JPEG_QUALITY
from workers.fingerprints import MAX_DISTANCE, PARTS, Fingerprint, fingerprints
from workers.match import ALTERED_PICTURE, SAME_PICTURE, Resemblance
from workers.policy import POLICY
from workers.regions.finding import Regions, find_regions

LONG_EDGE = 1280
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SEED = 20261122
SHOWN = 20

# A kind of copy, then shares of one.
Row = tuple[str, float, float, float, float]


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo as the machine keeps it."""

    path: Path
    prints: tuple[Fingerprint, ...]
    features: tuple[Features, ...]
    regions: tuple[Regions, int]


def files(folder: Path, *, tuning: bool | None, most: int, seed: int) -> list[Path]:
    """Return photos of one half of the sub-folders, or of both, in an order that the seed says."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and tuning in (None, hashlib.sha256(path.parent.name.encode()).digest()[0] % 2 == 0)
    ]
    random.Random(seed).shuffle(found)
    return found[:most]


def opened(path: Path) -> Pixels | None:
    """Return a photo upright, within 1,280 pixels; None if it is none."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if pixels is None else fitted(np.asarray(pixels, np.uint8))


def fitted(pixels: Pixels) -> Pixels:
    scale = LONG_EDGE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def looked_at(path: Path, pixels: Pixels) -> Seen:
    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1]))
    return Seen(path, fingerprints(image), find_features(image), find_regions(image))


def grey(pixels: Pixels) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def stored(seen: Seen) -> list[bytes]:
    return [each.pdq for each in seen.prints if each.matchable and each.variant not in PARTS]


def asked(seen: Seen) -> list[bytes]:
    return [pdq for each in seen.prints if each.matchable for pdq in each.dihedral]


def apart(ours: Sequence[bytes], theirs: Sequence[bytes]) -> int:
    """Return the fewest bits by which one of these hashes differs from one of those."""
    bits = [(int.from_bytes(a) ^ int.from_bytes(b)).bit_count() for a in ours for b in theirs]
    return min(bits, default=256)


def recall(seen: Sequence[Seen], among: Among, copies: int, seed: int) -> Iterator[Row]:
    """Yield for each kind the share found globally, in scope, as a copy, and linked."""
    photos = [fitted_photo(each.path) for each in seen[: copies + 3]]
    count = len(photos) - 3
    for kind, (name, make) in enumerate(KINDS.items()):
        found = np.zeros((count, 4))
        for at in range(count):
            dice = np.random.default_rng([seed, kind, at])
            copy = fitted(make(Source(photos[at], photos[at + 1 : at + 4], dice)))
            copied = looked_at(seen[at].path, copy)
            is_same, says = judged(copied, copy, seen[at], photos[at])
            led_to = among.ask(copied.regions[0])
            if not is_same and says is None and led_to.get(at):
                backwards = mirrored(copy)
                flipped = looked_at(seen[at].path, backwards)
                says = compared(flipped, backwards, seen[at], photos[at])
            is_led_to = says is not None and at in led_to
            found[at] = (
                is_same or is_led_to,
                is_same or says is not None,
                is_same or says == ALTERED_PICTURE,
                is_same and is_linked((copied, copy), (seen[at], photos[at])),
            )
        yield (name, *(float(share) for share in found.mean(axis=0)))


class Shown:
    """The pictures of two photos, as the store of photos gives them."""

    def __init__(self, *pictures: Pixels) -> None:
        self.keys = [UUID(int=at) for at in range(len(pictures))]
        self._data = dict(zip(self.keys, map(encoded, pictures), strict=True))

    def read_derivative(self, photo_id: UUID, _size: int) -> bytes:
        """Return the picture: there is one size only."""
        return self._data[photo_id]


def encoded(pixels: Pixels) -> bytes:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


def is_linked(one: tuple[Seen, Pixels], other: tuple[Seen, Pixels]) -> bool:
    """Tell whether two photos with one hash are the same picture in their detail, too."""
    shown = Shown(one[1], other[1])
    sides = {
        key: Side({each.variant: each.dihedral for each in seen.prints if each.matchable})
        for key, (seen, _) in zip(shown.keys, (one, other), strict=True)
    }
    pair = Resemblance(SAME_PICTURE, shown.keys[1], *shown.keys, distance_bits=0)
    return bool(Confirmer(cast("PhotoStore", shown), sides).is_same(pair))


def mirrored(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


def fitted_photo(path: Path) -> Pixels:
    pixels = opened(path)
    if pixels is None:
        raise ValueError(f"{path} was a photo before")
    return pixels


def judged(copy: Seen, copied: Pixels, original: Seen, photo: Pixels) -> tuple[bool, str | None]:
    """Return whether PDQ finds the copy, else what it is when it is compared closely."""
    if apart(asked(copy), stored(original)) <= MAX_DISTANCE:
        return True, None
    return False, compared(copy, copied, original, photo)


def compared(one: Seen, first: Pixels, other: Seen, second: Pixels) -> str | None:
    """Return what two photos are to one another when they are compared closely."""
    aligned = align(one.features, other.features)
    if aligned is None or aligned.spots < POLICY.fewest_spots:
        return None
    return kind_of(aligned, likeness(grey(first), grey(second), aligned))


def strangers(seen: Sequence[Seen]) -> tuple[int, list[tuple[int, Path, Path]]]:
    """Return how many pairs of different folders were compared by PDQ, and those within reach."""
    keys = [(at, pdq) for at, each in enumerate(seen) for pdq in stored(each)]
    owners = np.array([at for at, _ in keys])
    hashes = np.frombuffer(b"".join(pdq for _, pdq in keys), np.uint64).reshape(-1, 4)
    folders = np.array([hash(each.path.parent) for each in seen])
    pairs, close = 0, {}
    for at, each in enumerate(seen):
        later = (owners > at) & (folders[owners] != folders[at])
        pairs += len(np.unique(owners[later]))
        for pdq in asked(each):
            bits = np.bitwise_count(hashes[later] ^ np.frombuffer(pdq, np.uint64)).sum(axis=1)
            for place in np.flatnonzero(bits <= MAX_DISTANCE):
                key = at, int(owners[later][place])
                close[key] = min(int(bits[place]), close.get(key, 256))
    return pairs, sorted((bits, seen[a].path, seen[b].path) for (a, b), bits in close.items())


def strangers_closely(
    seen: Sequence[Seen], pairs: int, seed: int
) -> tuple[int, list[tuple[str, Path, Path]]]:
    """Return how many pairs of different folders were compared closely, and what was suggested."""
    dice, done, found = random.Random(seed), 0, []
    while done < pairs:
        one, other = dice.sample(seen, 2)
        if one.path.parent == other.path.parent:
            continue
        done += 1
        aligned = align(one.features, other.features)
        if aligned is None or aligned.spots < POLICY.fewest_spots:
            continue
        first, second = opened(one.path), opened(other.path)
        if first is not None and second is not None:
            kind = compared(one, first, other, second)
            if kind:
                found.append((kind, one.path, other.path))
    return done, found


def strangers_by_regions(
    seen: Sequence[Seen], among: Among
) -> tuple[int, int, list[tuple[str, Path, Path]]]:
    """Ask for each photo among all; return pairs, how many were compared, what was suggested.

    Each pair of different folders is asked twice, once from either side, and counted once.
    """
    folders = np.unique([str(each.path.parent) for each in seen], return_counts=True)[1]
    pairs = (len(seen) ** 2 - int((folders**2).sum())) // 2
    done, found = 0, []
    for at, each in enumerate(seen):
        for number, is_mirrored in among.ask(each.regions[0], but=at).items():
            other = seen[number]
            if other.path.parent == each.path.parent:
                continue
            done += 1
            pixels, one = fitted_photo(each.path), each
            if is_mirrored:
                pixels = mirrored(pixels)
                one = looked_at(each.path, pixels)
            kind = compared(one, pixels, other, fitted_photo(other.path))
            if kind:
                found.append((kind, each.path, other.path))
    return pairs, done, found


def timed(paths: Sequence[Path]) -> dict[str, float]:
    """Return milliseconds a photo: decoded and made small, then hashed, then its features."""
    spent = {"decode": 0.0, "hash": 0.0, "features": 0.0, "regions": 0.0}
    for path in paths:
        begun = time.process_time()
        pixels = opened(path)
        decoded = time.process_time()
        if pixels is None:
            continue
        image = Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1]))
        before = time.process_time()
        fingerprints(image)
        hashed = time.process_time()
        find_features(image)
        spent["decode"] += decoded - begun
        spent["hash"] += hashed - before
        cornered = time.process_time()
        find_regions(image)
        spent["features"] += cornered - hashed
        spent["regions"] += time.process_time() - cornered
    return {name: 1e3 * value / len(paths) for name, value in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall of copies and false matches of strangers.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=200, help="photos that are copied")
    parser.add_argument("--photos", type=int, default=10_000, help="photos compared by PDQ")
    parser.add_argument("--pairs", type=int, default=20_000, help="pairs compared closely")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--tuning", action="store_true", help="the half that is for tuning")
    parser.add_argument("--whole", action="store_true", help="both halves, for strangers' sake")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    half = None if given.whole else given.tuning
    paths = files(given.folder, tuning=half, most=given.photos, seed=given.seed)
    seen = [looked_at(path, pixels) for path in paths if (pixels := opened(path)) is not None]
    if len(seen) < 4:
        sys.exit("No photos there: at least four are needed.")
    among, rows = Among([each.regions for each in seen]), []
    print("| kind of copy | global | scoped | as a copy | linked |\n| --- |" + 4 * " ---: |")
    for row in recall(seen, among, given.copies, given.seed):
        rows.append(row)
        print(f"| {row[0]} |" + "".join(f" {share:.1%} |" for share in row[1:]), flush=True)
    report(seen, among, rows, given)


def report(
    seen: Sequence[Seen],
    among: Among,
    rows: Sequence[Row],
    given: argparse.Namespace,
) -> None:
    """Print what strangers were taken for copies, and the time a photo takes."""
    pairs, close = strangers(seen)
    by_path = {each.path: each for each in seen}
    linked = [
        (bits, one, other)
        for bits, one, other in close
        if is_linked(*((by_path[path], fitted_photo(path)) for path in (one, other)))
    ]
    print(
        f"\nPDQ: {len(close)} of {pairs:,} pairs of strangers, "
        f"{1e6 * len(close) / pairs:.3f} a million; {len(linked)} of them linked"
    )
    done, suggested = strangers_closely(seen, given.pairs, given.seed)
    copies = [each for each in suggested if each[0] == ALTERED_PICTURE]
    print(
        f"closely: {len(copies)} altered pictures and {len(suggested) - len(copies)} same scenes "
        f"of {done:,} pairs, {1e6 * len(copies) / done:.1f} altered a million"
    )
    reached, compared_closely, led_to = strangers_by_regions(seen, among)
    copies = [each for each in led_to if each[0] == ALTERED_PICTURE]
    print(
        f"among all: {len(copies)} altered pictures and {len(led_to) - len(copies)} same scenes "
        f"of {reached:,} pairs, {compared_closely:,} of them compared closely"
    )
    for said, one, other in [*close[:SHOWN], *suggested[:SHOWN], *led_to[:SHOWN]]:
        print(f"  look: {said} {one} {other}")
    spent = timed([each.path for each in seen[:100]])
    for name in ("hash", "features", "regions"):
        print(
            f"{name}: {spent[name]:.1f} ms a photo, {spent[name] / spent['decode']:.2f} of decoding"
        )
    if given.json:
        print(json.dumps({"recall": rows, "pairs": pairs, "close": len(close), "spent_ms": spent}))


if __name__ == "__main__":
    main()
