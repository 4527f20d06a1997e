"""Why a case looks suspicious or lies in dispatch: codes, with words for people.

A flag is shown and never decides anything (domain.md §10); a reason says why the
machine did not route a report by itself. Both are stored as codes, the reasons with
the facts that their sentences name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from schemas.taxonomy import DEPARTMENT_NAMES, Department
from schemas.words import Locale, Words


class Level(StrEnum):
    """How loudly a flag is shown."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"


@dataclass(frozen=True)
class Flag:
    """One flag: a label for the list, a sentence for the case page, and how loud it is."""

    words: Words
    why: Words
    level: Level


_I, _N, _W = Level.INFO, Level.NOTICE, Level.WARNING

# By how many deviations the strongest peak of a photo's spectrum stands out (workers.screens).
SCREEN_GRID = 3.6

# In the order in which they are shown: the loudest first.
FLAGS: dict[str, Flag] = {
    "digest-mismatch": Flag(
        Words("照片校验不符", "Photo altered in store"),
        Words(
            "照片库里的原件与收到时的 SHA-256 不一致，未作任何处理。请立即联系运维人员。",
            "A stored original no longer has the SHA-256 it was received with; it was not "
            "used. Tell the operator at once.",
        ),
        _W,
    ),
    "claims-disagree-place": Flag(
        Words("定位不一致", "Places disagree"),
        Words(
            "手机定位、地图选点和照片定位相差超过各自误差加 200 米，请核对实际地点。",
            "Phone, map pin and photo name places farther apart than their accuracies "
            "plus 200 m; check where the shop really is.",
        ),
        _W,
    ),
    "near-duplicate-elsewhere": Flag(
        Words("同图异地", "Same picture elsewhere"),
        Words(
            "另一条举报用了同一张或几乎相同的照片，但地点对不上，请核对是哪一家店。",
            "Another report has the same or nearly the same picture, but its place does not "
            "fit; check which shop it shows.",
        ),
        _W,
    ),
    "picture-seen-before": Flag(
        Words("照片曾出现", "Picture seen before"),
        Words(
            "14 天以前的举报里出现过同一张或几乎相同的照片，那个案件已经结束。",
            "The same or nearly the same picture came in a report more than 14 days ago "
            "whose case has ended.",
        ),
        _W,
    ),
    "altered-copy": Flag(
        Words("疑似改图再报", "Altered copy"),
        Words(
            "照片与另一条举报的照片局部相同：可能是裁剪、截屏、翻拍或加了文字的同一张照片。"
            "请看比对图后判断。",
            "The picture is the same in part as one of another report: it may be cropped, a "
            "screenshot, photographed from a screen or written upon. Look at the comparison "
            "and judge.",
        ),
        _W,
    ),
    "place-outside-china": Flag(
        Words("定位在境外", "Place outside the mainland"),
        Words(
            "所用的定位不在任何内地区县的边界内。",
            "The place used lies in no county of the mainland.",
        ),
        _W,
    ),
    "edited-software": Flag(
        Words("经软件处理", "Edited"),
        Words(
            "照片信息显示它由图片处理软件保存过。",
            "The photo says that it was last saved by an editing program.",
        ),
        _N,
    ),
    "clock-ahead": Flag(
        Words("拍摄时间超前", "Clock ahead"),
        Words(
            "写明的拍摄时间比收到的时间还晚 10 分钟以上，手机时钟可能不准。",
            "The stated time of capture is more than 10 minutes after receipt; the phone's "
            "clock may be wrong.",
        ),
        _N,
    ),
    "clock-late": Flag(
        Words("拍摄较早", "Taken long before"),
        Words(
            "写明的拍摄时间比收到的时间早 24 小时以上。",
            "The stated time of capture is more than 24 hours before receipt.",
        ),
        _N,
    ),
    "clock-wrong": Flag(
        Words("手机时钟不准", "Clock wrong"),
        Words(
            "举报发出时，手机的时钟与系统相差 10 分钟以上：手机说的拍摄时间靠不住，"
            "以收到的时间为准。",
            "When the report was sent, the phone's clock was more than 10 minutes off: its time "
            "of capture can't be relied on, the time of receipt rules.",
        ),
        _N,
    ),
    "screen-photo": Flag(
        Words("像是翻拍屏幕", "Perhaps a screen"),
        Words(
            "照片里有规则的细密纹理，翻拍屏幕时常见；布料、纱窗和格栅也会有。仅供参考。",
            "The photo has a fine regular grain, as photographs of screens do; fabrics, nets and "
            "gratings have one, too. A hint only.",
        ),
        _I,
    ),
    "screen-frame": Flag(
        Words("像是拍到屏幕边框", "Perhaps a screen's frame"),
        Words(
            "照片里有一圈深色或浅色的直边框，略有倾斜，框里才是画面，翻拍屏幕时常见；窗框、相框、装框的证照也会有。仅供参考。",
            "The photo shows a picture within a straight dark or light frame, a little out of "
            "square, as photographs of screens do; windows, pictures and certificates have one, "
            "too. A hint only.",
        ),
        _I,
    ),
    "device-differs": Flag(
        Words("拍摄设备不同", "Another device"),
        Words(
            "照片写明的拍摄设备不止一种，或与这位举报人其他举报的不同。换手机、他人转发都会这样。仅供参考。",
            "The photos name more than one device, or another one than this reporter's other "
            "reports do. A new phone or a forwarded photo does that, too. A hint only.",
        ),
        _I,
    ),
    "exif-odd": Flag(
        Words("拍摄信息异常", "Odd camera data"),
        Words(
            "照片的拍摄信息（EXIF）已损坏，或两种程序读出的结果不同。",
            "The photo's camera data (EXIF) is damaged, or two programs read it differently.",
        ),
        _N,
    ),
    "coarse-accuracy": Flag(
        Words("定位粗略", "Coarse place"),
        Words(
            "手机定位的误差超过 100 米。",
            "The phone's place is accurate to no better than 100 m.",
        ),
        _N,
    ),
    "no-place": Flag(
        Words("没有定位", "No place"),
        Words(
            "没有手机定位、地图选点，照片里也没有定位。",
            "No place from the phone, the map or the photo.",
        ),
        _N,
    ),
    "photo-unreadable": Flag(
        Words("照片打不开", "Photo unreadable"),
        Words(
            "至少有一张照片无法读取，原因见照片处。",
            "At least one photo could not be read; the reason stands beside it.",
        ),
        _N,
    ),
    "photo-withheld": Flag(
        Words("照片不予显示", "Photo withheld"),
        Words(
            "有照片的附加信息没有清除干净，为保护举报人不显示缩略图。请联系运维人员。",
            "A photo's metadata could not be stripped for certain, so no picture is shown, to "
            "protect the reporter. Tell the operator.",
        ),
        _N,
    ),
    "pipeline-failed": Flag(
        Words("自动处理未完成", "Not processed"),
        Words(
            "系统多次处理都没有完成，照片未经检查，请人工办理。",
            "The pipeline failed on this report several times; its photos are unexamined and "
            "a person has to take it.",
        ),
        _N,
    ),
    "reporter-unusual": Flag(
        Words("举报情况异常", "Unusual reporting"),
        Words(
            "这位举报人近期的举报有异常，原因见下。只提醒多核对：不影响受理，也不说明这条不实。",
            "Something is unusual about this reporter's recent reports, as said below. Check "
            "more closely: the report is taken like any other and may well be true.",
        ),
        _N,
    ),
    "similar-nearby": Flag(
        Words("附近有同类", "Similar nearby"),
        Words(
            "60 米内 14 天里有同类举报，可能是同一家店，请判断是否合并。",
            "A report of the same category within 60 m and 14 days may concern the same shop; "
            "decide whether to link them.",
        ),
        _I,
    ),
    "rematched": Flag(
        Words("重新比对有新发现", "New resemblance"),
        Words(
            "按现行阈值重新比对后，发现了以前没有的相似照片或线索，请判断是否合并。",
            "Compared anew by today's thresholds, a report resembles another one that it did not "
            "before; decide whether to link them.",
        ),
        _I,
    ),
    "link-doubted": Flag(
        Words("并案依据待核", "Link to be checked"),
        Words(
            "系统当初并入一份举报的依据，按现行阈值已不成立。并案没有改动，请核对是否移出。",
            "What a report was linked by no longer holds by today's thresholds. Nothing was "
            "changed; check whether it belongs here.",
        ),
        _W,
    ),
    "withdrawn": Flag(
        Words("举报人已撤回", "Withdrawn"),
        Words(
            "有举报人撤回了举报。隐患可能仍然存在，是否继续由您判断。",
            "A reporter took their report back. The hazard may be real all the same: you "
            "decide whether to go on.",
        ),
        _I,
    ),
    "supplemented": Flag(
        Words("有补充材料", "Supplemented"),
        Words("举报人后来补充了材料。", "A reporter has sent more since."),
        _I,
    ),
    "no-exif": Flag(
        Words("无拍摄信息", "No camera data"),
        Words(
            "有举报的照片里没有拍摄时间和定位。聊天软件和手机浏览器会去掉它们，属正常情况。",
            "A report's photos carry neither time nor place of capture. Messengers and mobile "
            "browsers strip them: this is normal.",
        ),
        _I,
    ),
}

# `{…}` are the facts stored beside the code; distances are in whole metres.
ROUTE_REASONS: dict[str, Words] = {
    "no-place": Words(
        "没有任何可用的定位，无法判断属地。", "There is no usable place, so no territory."
    ),
    "no-readable-photo": Words("没有一张照片能读取。", "None of the photos could be read."),
    "claims-disagree": Words(
        "{first}与{second}相距 {distance_m} 米，超过允许的 {allowed_m} 米。",
        "{first} and {second} are {distance_m} m apart, more than the {allowed_m} m allowed.",
    ),
    "outside-china": Words(
        "定位不在任何区县边界内，附近也没有区县。",
        "The place lies in no county, and none is near.",
    ),
    "no-polygon": Words(
        "定位不在任何区县边界内，最近的是{county}（{distance_m} 米）。",
        "The place lies in no county; the nearest is {county} ({distance_m} m).",
    ),
    "outside-mainland": Words(
        "定位在{county}，不由内地市场监管部门管辖。",
        "The place lies in {county}, outside the mainland's market regulation.",
    ),
    "outer-border-near": Words(
        "距区县的外侧边界 {distance_m} 米，小于判定所需的 {margin_m} 米，另一侧是海域或境外。",
        "The outer border is {distance_m} m away, nearer than the {margin_m} m needed; on the "
        "other side is the sea or another country.",
    ),
    "border-near": Words(
        "距区县边界 {distance_m} 米，小于判定所需的 {margin_m} 米，另一侧是{county}。",
        "The county border is {distance_m} m away, nearer than the {margin_m} m needed; "
        "{county} is on the other side.",
    ),
    "boundary-outdated": Words(
        "{county}的边界数据尚未反映新设区县，不能确定属地。",
        "The boundary of {county} does not yet show a newer county, so the territory is uncertain.",
    ),
    "accuracy-too-coarse": Words(
        "定位误差达 {accuracy_m} 米，无法判断属地。",
        "The place is accurate to {accuracy_m} m only, which names no territory.",
    ),
    "no-unit": Words(
        "{county}没有登记{department}部门的承办机构，请移送或指定。",
        "No {department} unit is registered for {county}: transfer or assign the case.",
    ),
    "category-other": Words(
        "类别是“其他”，由分派员判断由哪个部门办理。",
        "The category is “something else”; a dispatcher decides which department has it.",
    ),
    "pipeline-failed": Words(
        "系统处理了 {attempts} 次都没有完成，转由人工分派。",
        "The pipeline failed {attempts} times, so a person decides.",
    ),
}

SOURCE_NAMES: dict[str, Words] = {
    "device_gps": Words("手机定位", "The phone's place"),
    "map_pin": Words("地图选点", "the map pin"),
    "exif_gps": Words("照片定位", "the photo's place"),
    "shop_address": Words("店铺地址", "the shop's address"),
    "device_clock": Words("手机时间", "the phone's clock"),
    "sending_clock": Words("发出时的手机时钟", "the phone's clock when sending"),
    "exif_time": Words("照片拍摄时间", "the photo's time"),
    "gps_time": Words("照片的卫星时间", "the photo's satellite time"),
    "server_receipt": Words("收到时间", "the time of receipt"),
}


def say_reason(reason: Mapping[str, Any], locale: Locale) -> str:
    """Return the sentence of one stored reason, its facts filled in.

    A code of an older edition that is no longer in the table is shown as it is.
    """
    words = ROUTE_REASONS.get(str(reason.get("code")))
    if words is None:
        return str(reason.get("code", ""))
    facts = {name: _fact(name, value, locale) for name, value in reason.items()}
    return words.say(locale).format_map(_Facts(facts))


def in_order(codes: set[str]) -> list[str]:
    """Return flag codes, each once, in the order in which they are shown."""
    return [code for code in FLAGS if code in codes]


class _Facts(dict[str, str]):
    """Facts by name; one that was not stored reads as an ellipsis."""

    def __missing__(self, _name: str) -> str:
        return "…"


def _fact(name: str, value: object, locale: Locale) -> str:
    if isinstance(value, float):
        # Two claims of one place may be a country apart.
        return f"{value:,.0f}"
    text = str(value)
    if name == "department" and text in set(Department):
        return DEPARTMENT_NAMES[Department(text)].say(locale)
    return SOURCE_NAMES[text].say(locale) if text in SOURCE_NAMES else text
