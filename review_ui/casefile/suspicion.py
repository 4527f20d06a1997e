"""The numbers behind each flag of a case: which claims, how far apart, how much earlier.

The flags themselves were raised by the pipeline (domain §10); this only says, from the
rows that the page shows anyhow, what they rest on.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

from review_ui.casefile import photo_signs
from review_ui.casefile.reading import CaseFile
from review_ui.casefile.resemblances import LookAlike
from schemas.editors import EDITORS
from schemas.flags import SOURCE_NAMES
from schemas.lifecycle import OPEN_STATES, State
from schemas.places import allowed_apart_m, distance_m
from schemas.risks import say_reasons
from schemas.words import Words

COARSE_M = 100.0
LATE_H, AHEAD_H = 24.0, 10 / 60
PICTURES = frozenset({"same_bytes", "same_picture"})
ALTERED = "altered_picture"
# What the machine found near; it also found the premises where staff have since ended a link.
NEARBY = frozenset({"same_incident", "same_premises"})

Numbers = list[Words]


def numbers_behind(file: CaseFile, alike: Sequence[LookAlike]) -> dict[str, Numbers]:
    """Return, by flag, the sentences with the numbers that it rests on; none for some."""
    return {code: SAYS[code](file, alike) for code in file.case.flags if code in SAYS}


def _places_apart(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    found = []
    for one, other in combinations(file.places, 2):
        if one.point is None or other.point is None or one.of_supplement or other.of_supplement:
            continue
        apart = distance_m(one.point, other.point)
        allowed = allowed_apart_m(one.accuracy_m, other.accuracy_m)
        # Reports of different riders may stand at different doors.
        if one.pseudonym == other.pseudonym and apart > allowed:
            found.append((apart, allowed, SOURCE_NAMES[one.source], SOURCE_NAMES[other.source]))
    return [
        Words(
            f"{a.zh}与{b.zh}相距 {_far(apart).zh}，允许 {_far(allowed).zh}。",
            f"{_begin(a.en)} and {_go_on(b.en)} are {_far(apart).en} apart; "
            f"{_far(allowed).en} are allowed.",
        )
        for apart, allowed, a, b in sorted(found, key=lambda each: -each[0])[:3]
    ]


def _coarse(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    return [
        Words(
            f"{each.pseudonym} 的手机定位误差 ±{_far(each.accuracy_m).zh}。",
            f"One phone's place is ±{_far(each.accuracy_m).en}.",
        )
        for each in file.places
        if each.source == "device_gps" and each.accuracy_m and each.accuracy_m > COARSE_M
    ]


def _times(file: CaseFile, *, ahead: bool) -> Numbers:
    found = []
    for each in file.times:
        if each.source == "sending_clock":
            continue
        hours = each.before_receipt.total_seconds() / 3600
        name, long = SOURCE_NAMES[each.source], _long(abs(hours))
        en = _begin(name.en)
        if not ahead and hours > LATE_H:
            found.append(
                Words(f"{name.zh}比收到时间早 {long.zh}。", f"{en} is {long.en} before receipt.")
            )
        if ahead and -hours > AHEAD_H:
            found.append(
                Words(f"{name.zh}比收到时间晚 {long.zh}。", f"{en} is {long.en} after receipt.")
            )
    return found[:3]


def _clock_wrong(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    found = []
    for each in file.times:
        minutes = each.before_receipt.total_seconds() / 60
        if each.source != "sending_clock" or abs(minutes) <= AHEAD_H * 60:
            continue
        long, slow = abs(minutes), minutes > 0
        far = Words(f"{long:.0f} 分钟", f"{long:.0f} minutes")
        if long >= 48 * 60:
            far = Words(f"{long / 1440:.0f} 天", f"{long / 1440:.0f} days")
        found.append(
            Words(
                f"手机时钟{'慢' if slow else '快'}了 {far.zh}。",
                f"The phone's clock was {far.en} {'slow' if slow else 'fast'}.",
            )
        )
    return found[:3]


def _pictures(alike: Sequence[LookAlike], *, ended: bool) -> Numbers:
    found = []
    for each in alike:
        is_ended = each.case is not None and State(each.case.state) not in OPEN_STATES
        if each.kind not in PICTURES or each.is_same_case or is_ended is not ended:
            continue
        number = each.case.number if each.case else None
        far = _far(each.distance_m) if each.distance_m is not None else None
        found.append(
            Words(
                f"{f'案件 {number}' if number else '辖区外的一个案件'}"
                f"{f'，相距 {far.zh}' if far else ''}"
                f"{f'，图像差 {each.distance_bits}/256' if each.distance_bits else ''}。",
                f"{f'Case {number}' if number else 'A case outside your area'}"
                f"{f', {far.en} away' if far else ''}"
                f"{f', pictures {each.distance_bits}/256 apart' if each.distance_bits else ''}.",
            )
        )
    return found[:3]


def _altered(_file: CaseFile, alike: Sequence[LookAlike]) -> Numbers:
    found = []
    for each in alike:
        if each.kind != ALTERED or each.is_same_case or each.is_rejected:
            continue
        if each.score is None and each.distance_bits is None:
            continue
        number = each.case.number if each.case else None
        zh = f"案件 {number}" if number else "辖区外的一个案件"
        en = f"Case {number}" if number else "A case outside your area"
        how = _aligned(each)
        found.append(Words(f"{zh}：{how.zh}", f"{en}: {how.en}"))
    return found[:3]


def _aligned(one: LookAlike) -> Words:
    if one.score is None and one.unlike is not None:
        zh, en = "但细节没能全部比对", "not all of their detail could be compared"
        if one.unlike:
            zh = f"但细节有 {one.unlike_percent} % 不同"
            en = f"{one.unlike_percent} % of the detail differs"
        return Words(
            f"整体几乎相同（图像差 {one.distance_bits}/256），{zh}。",
            f"almost the same as a whole ({one.distance_bits}/256 apart), {en}.",
        )
    if one.score is None:
        return Words(
            f"照片里屏幕上的画面，图像指纹相差 {one.distance_bits}/256 位。",
            f"what the screen in the photo shows differs by {one.distance_bits} of 256 bits.",
        )
    percent = f"{100 * one.score:.0f} %"
    zh, en = ("左右翻转后 ", "mirrored, ") if one.is_mirrored else ("", "")
    zh_differs, en_differs = "", ""
    if one.unlike:
        zh_differs = f"，细节有 {one.unlike_percent} % 不同"
        en_differs = f"; {one.unlike_percent} % of the detail differs"
    return Words(
        f"{zh}{one.spots} 处重合，重合部分相似度 {percent}{zh_differs}。",
        f"{en}{one.spots} spots align, {percent} alike there{en_differs}.",
    )


def _similar(_file: CaseFile, alike: Sequence[LookAlike]) -> Numbers:
    near = [
        each.distance_m
        for each in alike
        if each.kind in NEARBY and each.distance_m is not None and not each.is_same_case
    ]
    if not near:
        return []
    nearest = _far(min(near))
    return [
        Words(
            f"有 {len(near)} 份，最近的相距 {nearest.zh}。",
            f"{len(near)} of them; the nearest is {nearest.en} away.",
        )
    ]


def _unreadable(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    count = sum(photo.unreadable is not None for photo in file.photos)
    whole = len(file.photos)
    return [Words(f"{whole} 张中有 {count} 张。", f"{count} of {whole}.")] if count else []


def _edited(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    return [
        Words(
            f"第 {number} 张：照片信息写明的程序是“{photo.software}”。",
            f"Photo {number}: the program that it names is “{photo.software}”.",
        )
        for number, photo in enumerate(file.photos, start=1)
        if EDITORS.search(photo.software or "")
    ][:3]


def _outside(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    found = []
    for reason in (each for decision in file.decisions for each in decision.reasons):
        county, far = reason.get("county"), reason.get("distance_m")
        if reason.get("code") == "outside-mainland":
            found.append(Words(f"定位在{county}。", f"The place lies in {county}."))
        elif reason.get("code") == "outside-china" and far is not None:
            found.append(
                Words(
                    f"距最近的{county} {_far(far).zh}。",
                    f"{_far(far).en} from {county}, the nearest.",
                )
            )
        elif reason.get("code") == "outside-china" and "beyond_m" in reason:
            near = _far(reason["beyond_m"])
            found.append(
                Words(f"周围 {near.zh}内没有内地区县。", f"No county lies within {near.en}.")
            )
    return list(dict.fromkeys(found))[:3]


def _failed(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    reasons = (each for decision in file.decisions for each in decision.reasons)
    attempts = [each["attempts"] for each in reasons if each.get("code") == "pipeline-failed"]
    return (
        [Words(f"试了 {max(attempts)} 次。", f"Tried {max(attempts)} times.")] if attempts else []
    )


def _additions(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    count = sum(len(report.additions) for report in file.reports)
    return [Words(f"共 {count} 次。", f"{count} in all.")] if count else []


def _withdrawals(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    count = sum(report.withdrawn_at is not None for report in file.reports)
    whole = len(file.reports)
    return [Words(f"{whole} 份中有 {count} 份。", f"{count} of {whole}.")] if count else []


def _unusual(file: CaseFile, _alike: Sequence[LookAlike]) -> Numbers:
    return [
        Words(f"{each.pseudonym}：{words.zh}", f"{each.pseudonym}: {words.en}")
        for each in file.risks
        for words in say_reasons(each.reasons)
    ]


SAYS: dict[str, Callable[[CaseFile, Sequence[LookAlike]], Numbers]] = {
    "claims-disagree-place": _places_apart,
    "near-duplicate-elsewhere": lambda _file, alike: _pictures(alike, ended=False),
    "picture-seen-before": lambda _file, alike: _pictures(alike, ended=True),
    "altered-copy": _altered,
    "clock-ahead": lambda file, _alike: _times(file, ahead=True),
    "clock-late": lambda file, _alike: _times(file, ahead=False),
    "clock-wrong": _clock_wrong,
    "coarse-accuracy": _coarse,
    "edited-software": _edited,
    "place-outside-china": _outside,
    "pipeline-failed": _failed,
    "photo-unreadable": _unreadable,
    "reporter-unusual": _unusual,
    "similar-nearby": _similar,
    "withdrawn": _withdrawals,
    "supplemented": _additions,
    **photo_signs.SAYS,
}


def _begin(text: str) -> str:
    return text[:1].upper() + text[1:]


def _go_on(text: str) -> str:
    return text[:1].lower() + text[1:]


def _long(hours: float) -> Words:
    if hours < 2:
        return Words(f"{hours * 60:.0f} 分钟", f"{hours * 60:.0f} minutes")
    if hours < 72:
        return Words(f"{hours:.0f} 小时", f"{hours:.0f} hours")
    return Words(f"{hours / 24:.0f} 天", f"{hours / 24:.0f} days")


def _far(value_m: float | None) -> Words:
    metres = value_m or 0.0
    if metres < 1000:
        return Words(f"{metres:.0f} 米", f"{metres:.0f} m")
    return Words(f"{metres / 1000:,.1f} 公里", f"{metres / 1000:,.1f} km")
