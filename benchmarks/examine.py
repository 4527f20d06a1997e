"""Photos a second and core through the examination, against bare decoding and resizing.

The floor opens the same files with Pillow, asks for a small decode by hand and resizes to
1,280 and 320 pixels; it hashes, checks, encodes and protects nothing. Run from the root of
the repository: `python -m benchmarks.examine`.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pi_heif
import psutil
from PIL import Image
from PIL.Image import Resampling

SIZE = (4032, 3024)
SEED = 20261121
JPEGS = 6
PHOTOS_A_TIP = (1, 3)
ROUNDS = 5
BEGAN = time.monotonic()


def photo_like(seed: int) -> Image.Image:
    """Return a 12-megapixel picture with the spectrum of a photo: soft shapes, edges, grain."""
    import cv2  # noqa: PLC0415  the floor's process holds nothing but Pillow
    import numpy as np  # noqa: PLC0415  as above

    rng = np.random.default_rng(seed)
    picture = np.full((SIZE[1], SIZE[0], 3), 128, np.float32)
    for cells in (6, 24, 96, 384, 1536):
        grid = rng.standard_normal((cells * 3 // 4, cells, 3), np.float32)
        picture += cv2.resize(grid * (60 / cells**0.5), SIZE, interpolation=cv2.INTER_CUBIC)
    for _ in range(60):
        left, top = rng.integers(0, SIZE[0] - 300), rng.integers(0, SIZE[1] - 300)
        width, height = rng.integers(60, 900, 2)
        shade = rng.normal(0, 30, 3).astype(np.float32)
        picture[top : top + height, left : left + width] += shade
    picture += 3.5 * rng.standard_normal(picture.shape[:2], np.float32)[:, :, None]
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def make_photos(folder: Path) -> None:
    """Write the JPEGs and one HEIC; called in a process of its own, since it needs much memory."""
    # The HEIC takes longest, so that it begins.
    _make(folder, [JPEGS, *range(JPEGS)])


def make_jpegs(folder: Path) -> None:
    """Write the JPEGs alone, which takes a fifth of the time."""
    _make(folder, range(JPEGS))


def _make(folder: Path, numbers: Iterable[int]) -> None:
    with ProcessPoolExecutor(max_workers=2) as processes:
        list(processes.map(partial(_make_photo, folder), numbers))


def _make_photo(folder: Path, number: int) -> None:
    photo = photo_like(SEED + number)
    if number == JPEGS:
        import pillow_heif  # noqa: PLC0415  writes HEIC; what is measured only reads it

        pillow_heif.from_pillow(photo).save(folder / "phone.heic", quality=60)
        return
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Benchmark", "12 MP", 6
    exif.get_ifd(0x8825).update({1: "N", 2: (41.0, 47.0, 37.0), 3: "E", 4: (123.0, 27.0, 10.4)})
    photo.save(folder / f"{number}.jpg", quality=92, exif=exif)


def floor(paths: Sequence[Path]) -> None:
    for path in paths:
        with Image.open(path) as image:
            image.draft("RGB", (1280, 1280))
            scale = 1280 / max(image.size)
            middle = image.resize(
                (round(image.width * scale), round(image.height * scale)), Resampling.HAMMING
            )
            middle.reduce(4)


def fork_server_pid() -> int | None:
    # The floor's process never imports it.
    module = sys.modules.get("workers.forkserver")
    return module.shared_fork_server().pid if module else None


def ours(paths: Sequence[Path], photos_a_tip: int) -> None:
    from workers.examine import Limits, examine_photos  # noqa: PLC0415  as above
    from workers.forkserver import shared_fork_server  # noqa: PLC0415  as above

    for start in range(0, len(paths), photos_a_tip):
        for found in examine_photos(
            paths[start : start + photos_a_tip],
            limits=Limits(),
            do_in_child=shared_fork_server(),
        ):
            assert found.derivatives, found


def processor_s() -> float:
    """Return the processor seconds of this process, its ended children and its fork server."""
    own_s = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    pid = fork_server_pid()
    return own_s + (sum(psutil.Process(pid).cpu_times()[:4]) if pid else 0.0)


def apart(what: str, path: Path) -> str:
    """Run one of COMMANDS in a process of its own and return what it printed."""
    command = [sys.executable, "-m", "benchmarks.examine", what, str(path)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def progress(what: str) -> None:
    """Say on stderr how far the run is; what is printed on stdout is its result alone."""
    print(f"[{time.monotonic() - BEGAN:5.0f} s] {what}", file=sys.stderr, flush=True)


def compare(paths: Sequence[Path], *, photos_a_tip: int) -> dict[str, float]:
    """Return medians over interleaved rounds, in photos a second and core, and their ratio."""
    rates: dict[str, list[float]] = {"floor": [], "ours": []}
    for number in range(ROUNDS + 1):
        progress(f"{paths[0].suffix}, {photos_a_tip} a tip: round {number} of {ROUNDS}")
        for name, rate in rates.items():
            before_s = processor_s()
            floor(paths) if name == "floor" else ours(paths, photos_a_tip)
            if number:  # The first round warms caches.
                rate.append(len(paths) / (processor_s() - before_s))
    medians = {name: round(statistics.median(rate), 2) for name, rate in rates.items()}
    return {**medians, "ratio": round(medians["ours"] / medians["floor"], 3)}


def main() -> dict[str, dict[str, float]]:
    """Make the photos, measure, and return the figures by kind of work."""
    pi_heif.register_heif_opener(decode_threads=1)
    with tempfile.TemporaryDirectory() as folder:
        progress("making the photos")
        apart("make", Path(folder))
        jpegs, heic = sorted(Path(folder).glob("*.jpg")), Path(folder, "phone.heic")
        result = {
            f"JPEG 12 MP, {photos} a tip": compare(jpegs, photos_a_tip=photos)
            for photos in PHOTOS_A_TIP
        }
        result["HEIC 12 MP, 1 a tip"] = compare([heic], photos_a_tip=1)
        progress("measuring memory")
        for name, path in (("JPEG 12 MP", jpegs[0]), ("HEIC 12 MP", heic)):
            peaks = {which: float(apart(which, path)) for which in ("floor", "ours")}
            result[f"{name}, peak MB"] = {
                **peaks,
                "ratio": round(peaks["ours"] / peaks["floor"], 2),
                "file_mb": round(path.stat().st_size / 1e6, 1),
            }
    return result


def print_peak() -> None:
    """Print the most memory that this process or a child of it held resident, in MB."""
    # The kernel hands a process's ru_maxrss on through exec, so its own is read elsewhere.
    status = Path("/proc/self/status").read_text()
    own_kb = int(status.partition("VmHWM:")[2].split()[0])
    children_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(round(max(own_kb, children_kb) / 1024, 1))


def peak_of_floor(path: Path) -> None:
    if path.suffix == ".heic":
        pi_heif.register_heif_opener(decode_threads=1)
    floor([path])
    print_peak()


def peak_of_ours(path: Path) -> None:
    from workers.forkserver import shared_fork_server  # noqa: PLC0415  as above

    ours([path], 1)
    # Ended and waited for, the server and its children count as children of this process.
    shared_fork_server().stop()
    print_peak()


COMMANDS = {"make": make_photos, "jpegs": make_jpegs, "floor": peak_of_floor, "ours": peak_of_ours}

if __name__ == "__main__":
    if len(sys.argv) == 3:
        COMMANDS[sys.argv[1]](Path(sys.argv[2]))
    else:
        print(json.dumps(main(), indent=1))
