"""The numbers behind the flags that photos raise: which photo, what is missing, how much.

Photos are told by their place on the page. What would tell a reporter's phone again in another
case, its model, is compared and never said.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from review_ui.casefile.reading import CaseFile, PhotoView
from review_ui.casefile.resemblances import LookAlike
from schemas.flags import SCREEN_GRID
from schemas.words import Words

Numbers = list[Words]
MOST_SAID = 3
DIGEST_SHOWN = 12
WITHHELD, DAMAGED, DISAGREE = "derivative-not-clean", "exif-unreadable", "exif-readers-disagree"

EXIF_FACTS: dict[str, Words] = {
    "latitude": Words("纬度", "latitude"),
    "longitude": Words("经度", "longitude"),
    "accuracy_m": Words("定位误差", "accuracy of the place"),
    "altitude_m": Words("海拔", "altitude"),
    "direction_deg": Words("朝向", "direction"),
    "map_datum": Words("坐标系", "datum"),
    "taken_local": Words("拍摄时间", "time of capture"),
    "taken_offset": Words("时区", "time zone"),
    "gps_at_utc": Words("卫星时间", "satellite time"),
    "make": Words("厂商", "maker"),
    "model": Words("型号", "model"),
    "software": Words("处理程序", "program"),
    "lens": Words("镜头", "lens"),
    "orientation": Words("方向", "orientation"),
}


def screens(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    """Say how strong the grain of a screen is in each photo that has one."""
    return [
        Words(
            f"第 {number} 张：规则纹理的强度 {photo.screen_grid:.1f}（{SCREEN_GRID} 起提示）。",
            f"Photo {number}: a grain of strength {photo.screen_grid:.1f} (shown from "
            f"{SCREEN_GRID}).",
        )
        for number, photo in enumerate(file.photos, start=1)
        if photo.screen_grid >= SCREEN_GRID
    ][:MOST_SAID]


def frames(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    """Say how much of each photo lies within a frame, and how far that is out of square."""
    return [
        Words(
            f"第 {number} 张：边框内占画面 {100 * photo.screen_share:.0f} %，"
            f"最斜的一边 {photo.screen_slant_deg:.1f}°。",
            f"Photo {number}: {100 * photo.screen_share:.0f} % lies within the frame, whose "
            f"steepest side slants by {photo.screen_slant_deg:.1f}°.",
        )
        for number, photo in enumerate(file.photos, start=1)
        if photo.screen_share
    ][:MOST_SAID]


def devices(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    """Say which photos of one reporter come from one device each; no device is named."""
    found = []
    for who, mine in _by_reporter(file):
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for number, photo in mine:
            if photo.device:
                groups[photo.device].append(number)
        if len(groups) > 1:
            zh = "；".join(f"第 {_listed(each)} 张" for each in groups.values())
            en = "; ".join(_listed(each) for each in groups.values())
            found.append(
                Words(
                    f"{who}：照片来自 {len(groups)} 种设备（{zh}）。",
                    f"{who}: the photos come from {len(groups)} devices ({en}).",
                )
            )
    if found:
        return found[:MOST_SAID]
    # What the reporter's other cases show is not told here.
    return [
        Words(
            "本案照片的设备与举报人其他举报的不同。",
            "The device of this case's photos differs from that of the reporter's other reports.",
        )
    ]


def no_exif(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    """Say for each reporter how many photos carry neither time nor place, and what they do."""
    said = {each.photo_id for each in file.places} | {each.photo_id for each in file.times}
    found = []
    for who, mine in _by_reporter(file):
        readable = [photo for _, photo in mine if photo.unreadable is None]
        if not readable or any(photo.photo_id in said for photo in readable):
            continue
        named = sum(photo.device is not None for photo in readable)
        found.append(
            Words(
                f"{who}：{len(readable)} 张都没有拍摄时间和定位，其中 {named} 张写有设备型号。",
                f"{who}: {len(readable)} without time and place; {named} of them name a device.",
            )
        )
    return found[:MOST_SAID]


def odd_exif(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    """Say which photos' camera data is damaged, and what two programs read differently."""
    found = []
    for number, photo in enumerate(file.photos, start=1):
        if DAMAGED in photo.codes:
            found.append(Words(f"第 {number} 张：读不出来。", f"Photo {number}: it can't be read."))
        if DISAGREE in photo.codes:
            names = [EXIF_FACTS[each] for each in photo.differences if each in EXIF_FACTS]
            found.append(
                Words(
                    f"第 {number} 张：两种程序读出的{'、'.join(each.zh for each in names)}不同。",
                    f"Photo {number}: two programs differ in {', '.join(e.en for e in names)}.",
                )
                if names
                else Words(
                    f"第 {number} 张：两种程序读出的结果不同。",
                    f"Photo {number}: two programs read it differently.",
                )
            )
    return found[:MOST_SAID]


def withheld(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    """Say which photos are not shown."""
    numbers = [at for at, photo in enumerate(file.photos, start=1) if WITHHELD in photo.codes]
    whole = len(file.photos)
    words = Words(
        f"{whole} 张中的第 {_listed(numbers)} 张。", f"Photo {_listed(numbers)} of {whole}."
    )
    return [words] if numbers else []


def altered_in_store(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    """Say how the digests of a stored original begin, at receipt and as it was found."""
    return [
        Words(
            f"第 {number} 张：收到时 {one[:DIGEST_SHOWN]}…，后来 {other[:DIGEST_SHOWN] or '–'}…。",
            f"Photo {number}: {one[:DIGEST_SHOWN]}… at receipt, {other[:DIGEST_SHOWN] or '–'}… "
            "as it was found.",
        )
        for number, photo in enumerate(file.photos, start=1)
        if photo.reason == "digest-mismatch"
        for one, other in [photo.sha256]
    ][:MOST_SAID]


def no_place(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    """Say for each reporter without any place how many photos were searched for one."""
    placed = {each.pseudonym for each in file.places if each.point is not None}
    return [
        Words(
            f"{who}：{len(mine)} 张照片里有定位的 0 张，手机定位和地图选点也没有。",
            f"{who}: 0 of {len(mine)} photos have a place, nor is there one from phone or map.",
        )
        for who, mine in _by_reporter(file)
        if who not in placed
    ][:MOST_SAID]


def _by_reporter(file: CaseFile) -> Iterator[tuple[str, list[tuple[int, PhotoView]]]]:
    """Yield each pseudonym with the photos that came with its reports, and their numbers."""
    found: defaultdict[str, list[tuple[int, PhotoView]]] = defaultdict(list)
    for number, photo in enumerate(file.photos, start=1):
        if not photo.of_supplement:
            found[photo.pseudonym].append((number, photo))
    yield from found.items()


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


SAYS = {
    "screen-photo": screens,
    "screen-frame": frames,
    "device-differs": devices,
    "no-exif": no_exif,
    "exif-odd": odd_exif,
    "photo-withheld": withheld,
    "digest-mismatch": altered_in_store,
    "no-place": no_place,
}
