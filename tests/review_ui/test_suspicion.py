"""What the page says behind each flag: the claims and numbers that it rests on, in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from review_ui.casefile.reading import (
    Addition,
    CaseFile,
    PhotoView,
    PlaceClaim,
    ReportView,
    TimeClaim,
)
from review_ui.casefile.resemblances import LookAlike
from review_ui.casefile.suspicion import SAYS, numbers_behind
from schemas.database import new_id
from schemas.flags import FLAGS
from schemas.lifecycle import State
from schemas.places import METRES_PER_DEGREE, Point
from schemas.tables import Case, RouteDecision, Unit
from schemas.words import Words

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)
WHO = "骑手-4M9"


def place(source, north_m=0.0, *, accuracy_m=None, who=WHO, known=True, later=False) -> PlaceClaim:
    """Return a claim so many metres north of one spot."""
    return PlaceClaim(
        pseudonym=who, source=source, photo_id=None, of_supplement=later,
        point=Point(41.8 + north_m / METRES_PER_DEGREE, 123.4) if known else None,
        datum="wgs84", accuracy_m=accuracy_m, address=None, distance_m=None,
    )  # fmt: skip


def time(source, **before) -> TimeClaim:
    """Return a claim so long before the receipt."""
    early = timedelta(**before)
    return TimeClaim(WHO, source, None, NOON - early, early, offset_assumed=False)


def photo(unreadable=None, *, later=False, who=WHO, **found) -> PhotoView:
    return PhotoView(
        new_id(), who, (320,), is_examined=True, unreadable=unreadable, of_supplement=later,
        is_masked=False, **found,
    )  # fmt: skip


def report(*, additions=0, withdrawn=False) -> ReportView:
    return ReportView(
        link_id=new_id(), report_id=new_id(), rank=1, kind="first", by_machine=True,
        pseudonym=WHO, received_at=NOON, categories=("PEST",), description="", premises_name="",
        premises_address="", platform="", withdrawn_at=NOON if withdrawn else None,
        additions=tuple(Addition(NOON, "又来了") for _ in range(additions)),
    )  # fmt: skip


def alike(
    kind,
    *,
    state=None,
    bits=None,
    far_m=None,
    same_case=False,
    spots=None,
    mirrored=False,
    unlike=None,
) -> LookAlike:
    """Return a resemblance to a report whose case, if it is theirs to see, is in a state."""
    return LookAlike(
        match_id=new_id(), kind=kind, photo=None, other_photo=None, turn=0,
        distance_bits=bits, distance_m=far_m, received_at=NOON,
        spots=spots, score=0.987 if spots else None, unlike=unlike, boxes=0, is_mirrored=mirrored,
        has_evidence=bool(spots and state), is_ours_left=True,
        case=Case(number="AJ20261101-7KQ4MX-3", state=state.value) if state else None,
        other_county="210103", is_within=False, is_same_case=same_case, is_suggestion=False,
        is_rejected=False,
    )  # fmt: skip


def behind(flag, *resembling, **found):
    """Return what is said behind one flag, as (Chinese, English)."""
    names = ("reports", "photos", "places", "times", "decisions")
    parts = {name: tuple(found.get(name, ())) for name in names}
    file = CaseFile(
        case=Case(flags=[flag]), unit=Unit(), assignee=None, clock=None, links=(),
        proposal=None, hold=None, places_apart_m=None, risks=(), **parts,
    )  # fmt: skip
    said = numbers_behind(file, resembling)
    return [(words.zh, words.en) for words in said.get(flag, [])]


def test_places_that_disagree_are_named_with_how_far_and_what_is_allowed() -> None:
    phone = place("device_gps", accuracy_m=12.0)
    places = [phone, place("exif_gps", 1500.0), place("map_pin", 240.0)]
    assert behind("claims-disagree-place", places=places) == [
        (
            "手机定位与照片定位相距 1.5 公里，允许 212 米。",
            "The phone's place and the photo's place are 1.5 km apart; 212 m are allowed.",
        ),
        (
            "照片定位与地图选点相距 1.3 公里，允许 200 米。",
            "The photo's place and the map pin are 1.3 km apart; 200 m are allowed.",
        ),
        (
            "手机定位与地图选点相距 240 米，允许 212 米。",
            "The phone's place and the map pin are 240 m apart; 212 m are allowed.",
        ),
    ]


@pytest.mark.parametrize(
    "other",
    [
        place("exif_gps", 200.0),
        place("exif_gps", 1500.0, who="骑手-0Q0"),
        place("exif_gps", 1500.0, later=True),
        place("shop_address", known=False),
    ],
    ids=["near enough", "another rider's", "of a supplement", "an address alone"],
)
def test_places_that_need_not_agree_are_not_compared(other) -> None:
    places = [place("device_gps", accuracy_m=12.0), other]
    assert behind("claims-disagree-place", places=places) == []


def test_a_coarse_place_is_said_with_its_accuracy_and_a_good_one_is_not() -> None:
    places = [
        place("device_gps", accuracy_m=1400.0),
        place("device_gps", accuracy_m=100.0),
        place("exif_gps", accuracy_m=900.0),
        place("device_gps"),
    ]
    assert behind("coarse-accuracy", places=places) == [
        ("骑手-4M9 的手机定位误差 ±1.4 公里。", "One phone's place is ±1.4 km.")
    ]


def test_a_late_clock_is_said_in_hours_and_from_three_days_on_in_days() -> None:
    times = [
        time("exif_time", hours=30),
        time("device_clock", days=12),
        time("exif_time", hours=24),
        time("exif_time", hours=-30),
    ]
    assert behind("clock-late", times=times) == [
        ("照片拍摄时间比收到时间早 30 小时。", "The photo's time is 30 hours before receipt."),
        ("手机时间比收到时间早 12 天。", "The phone's clock is 12 days before receipt."),
    ]


def test_a_clock_ahead_is_said_in_minutes_and_a_long_way_ahead_in_hours() -> None:
    times = [
        time("device_clock", minutes=-45),
        time("exif_time", hours=-30),
        time("exif_time", minutes=-10),
        time("exif_time", hours=30),
    ]
    assert behind("clock-ahead", times=times) == [
        ("手机时间比收到时间晚 45 分钟。", "The phone's clock is 45 minutes after receipt."),
        ("照片拍摄时间比收到时间晚 30 小时。", "The photo's time is 30 hours after receipt."),
    ]


def test_a_picture_elsewhere_names_an_open_case_and_one_out_of_the_area_without_number() -> None:
    known = alike("same_picture", state=State.VERIFYING, bits=6, far_m=3210.0)
    foreign = alike("same_bytes")
    ended = alike("same_picture", state=State.CLOSED, bits=8)
    linked = alike("same_picture", state=State.VERIFYING, same_case=True)
    incident = alike("same_incident", state=State.VERIFYING, far_m=20.0)
    assert behind("near-duplicate-elsewhere", known, foreign, ended, linked, incident) == [
        (
            "案件 AJ20261101-7KQ4MX-3，相距 3.2 公里，图像差 6/256。",
            "Case AJ20261101-7KQ4MX-3, 3.2 km away, pictures 6/256 apart.",
        ),
        ("辖区外的一个案件。", "A case outside your area."),
    ]


def test_a_picture_seen_before_names_the_ended_case() -> None:
    ended = alike("same_bytes", state=State.CLOSED, far_m=0.0)
    assert behind("picture-seen-before", ended, alike("same_bytes", state=State.FILED)) == [
        ("案件 AJ20261101-7KQ4MX-3，相距 0 米。", "Case AJ20261101-7KQ4MX-3, 0 m away.")
    ]


def test_an_editing_program_is_named_and_a_cameras_own_is_not() -> None:
    photos = [photo(), photo(software="HUAWEI 11.0"), photo(software="Adobe Photoshop 26.1")]
    assert behind("edited-software", photos=photos) == [
        (
            "第 3 张：照片信息写明的程序是“Adobe Photoshop 26.1”。",
            "Photo 3: the program that it names is “Adobe Photoshop 26.1”.",
        )
    ]


def test_a_photo_like_a_screens_says_how_strong_its_grain_is() -> None:
    assert behind("screen-photo", photos=[photo(screen_grid=4.21), photo(screen_grid=3.5)]) == [
        (
            "第 1 张：规则纹理的强度 4.2（3.6 起提示）。",
            "Photo 1: a grain of strength 4.2 (shown from 3.6).",
        )
    ]


def test_an_altered_copy_names_its_case_and_how_well_it_fits() -> None:
    known = alike("altered_picture", state=State.VERIFYING, spots=62)
    linked = alike("altered_picture", state=State.VERIFYING, spots=40, same_case=True)
    scene = alike("same_scene", state=State.VERIFYING, spots=20)
    outside = alike("altered_picture", spots=9, mirrored=True)
    on_a_screen = alike("altered_picture", state=State.VERIFYING, bits=10)
    assert behind("altered-copy", known, outside, linked, scene, on_a_screen) == [
        (
            "案件 AJ20261101-7KQ4MX-3：62 处重合，重合部分相似度 99 %。",
            "Case AJ20261101-7KQ4MX-3: 62 spots align, 99 % alike there.",
        ),
        (
            "辖区外的一个案件：左右翻转后 9 处重合，重合部分相似度 99 %。",
            "A case outside your area: mirrored, 9 spots align, 99 % alike there.",
        ),
        (
            "案件 AJ20261101-7KQ4MX-3：照片里屏幕上的画面，图像指纹相差 10/256 位。",
            (
                "Case AJ20261101-7KQ4MX-3: "
                "what the screen in the photo shows differs by 10 of 256 bits."
            ),
        ),
    ]


@pytest.mark.parametrize(
    ("unlike", "zh", "en"),
    [
        (0.114, "但细节有 11 % 不同", "11 % of the detail differs"),
        (0.0041, "但细节有 0.4 % 不同", "0.4 % of the detail differs"),
        (0.0, "但细节没能全部比对", "not all of their detail could be compared"),
    ],
)
def test_what_only_a_hash_takes_for_the_same_says_how_much_differs(unlike, zh, en) -> None:
    form = alike("altered_picture", state=State.VERIFYING, bits=24, unlike=unlike)
    spots = alike("altered_picture", state=State.VERIFYING, spots=93, unlike=unlike)
    ((zh_spots, en_spots),) = behind("altered-copy", spots)
    assert ("细节有" in zh_spots) == ("of the detail differs" in en_spots) == bool(unlike)
    assert behind("altered-copy", form) == [
        (
            f"案件 AJ20261101-7KQ4MX-3：整体几乎相同（图像差 24/256），{zh}。",
            f"Case AJ20261101-7KQ4MX-3: almost the same as a whole (24/256 apart), {en}.",
        )
    ]


def test_what_is_similar_near_by_is_counted_and_the_nearest_said() -> None:
    resembling = [
        alike("same_incident", far_m=48.2),
        # Staff ended this link: it stays what the machine found.
        alike("same_premises", state=State.ASSIGNED, far_m=12.4),
        alike("same_premises", state=State.ASSIGNED, far_m=1.0, same_case=True),
        alike("same_picture", far_m=2.0),
        alike("same_incident"),
    ]
    assert behind("similar-nearby", *resembling) == [
        ("有 2 份，最近的相距 12 米。", "2 of them; the nearest is 12 m away.")
    ]
    assert behind("similar-nearby", alike("same_incident")) == []


def test_photos_additions_and_withdrawals_are_counted() -> None:
    broken = photo(Words("打不开", "can't be read"))
    assert behind("photo-unreadable", photos=[photo(), broken, photo()]) == [
        ("3 张中有 1 张。", "1 of 3.")
    ]
    reports = [report(additions=2, withdrawn=True), report(additions=1)]
    assert behind("supplemented", reports=reports) == [("共 3 次。", "3 in all.")]
    assert behind("withdrawn", reports=reports) == [("2 份中有 1 份。", "1 of 2.")]
    assert behind("photo-unreadable", photos=[photo()]) == []
    assert behind("supplemented", reports=[report()]) == []
    assert behind("withdrawn", reports=[report()]) == []


def test_no_more_than_three_of_a_kind_are_said() -> None:
    resembling = [alike("same_bytes", state=State.CLOSED) for _ in range(5)]
    assert len(behind("picture-seen-before", *resembling)) == 3
    assert len(behind("clock-late", times=[time("exif_time", days=9)] * 5)) == 3
    places = [place("exif_gps", 900.0 * nth) for nth in range(5)]
    assert len(behind("claims-disagree-place", places=places)) == 3


def test_a_screens_frame_says_how_much_it_holds_and_how_it_slants() -> None:
    photos = [photo(), photo(screen_share=0.62, screen_slant_deg=2.13)]
    assert behind("screen-frame", photos=photos) == [
        (
            "第 2 张：边框内占画面 62 %，最斜的一边 2.1°。",
            "Photo 2: 62 % lies within the frame, whose steepest side slants by 2.1°.",
        )
    ]


def test_devices_are_told_apart_by_photo_and_never_named() -> None:
    kinds = ["huawei p60", None, "xiaomi 14", "huawei p60"]
    photos = [*(photo(device=device) for device in kinds), photo(device="oppo", later=True)]
    assert behind("device-differs", photos=photos) == [
        (
            f"{WHO}：照片来自 2 种设备（第 1, 4 张；第 3 张）。",
            f"{WHO}: the photos come from 2 devices (1, 4; 3).",
        )
    ]
    elsewhere = [photo(device="huawei p60"), photo(device="xiaomi 14", who="骑手-0Q0")]
    ((zh, en),) = behind("device-differs", photos=elsewhere)
    assert zh == "本案照片的设备与举报人其他举报的不同。"
    assert "p60" not in en


def test_photos_without_camera_data_are_counted_by_reporter() -> None:
    told, bare = photo(), [photo(who="骑手-0Q0", device="p60"), photo(who="骑手-0Q0")]
    said = replace(time("exif_time", days=1), photo_id=told.photo_id)
    assert behind("no-exif", photos=[told, photo(), *bare], times=[said]) == [
        (
            "骑手-0Q0：2 张都没有拍摄时间和定位，其中 1 张写有设备型号。",
            "骑手-0Q0: 2 without time and place; 1 of them name a device.",
        )
    ]


def test_odd_camera_data_says_which_facts_two_programs_read_differently() -> None:
    photos = [
        photo(codes=("exif-unreadable",)),
        photo(codes=("exif-readers-disagree",), differences=("latitude", "taken_local", "notes")),
        photo(codes=("exif-readers-disagree",)),
    ]
    assert behind("exif-odd", photos=photos) == [
        ("第 1 张：读不出来。", "Photo 1: it can't be read."),
        (
            "第 2 张：两种程序读出的纬度、拍摄时间不同。",
            "Photo 2: two programs differ in latitude, time of capture.",
        ),
        ("第 3 张：两种程序读出的结果不同。", "Photo 3: two programs read it differently."),
    ]


def test_withheld_and_altered_photos_are_named_by_their_place_on_the_page() -> None:
    withheld = photo(codes=("derivative-not-clean",))
    assert behind("photo-withheld", photos=[photo(), withheld]) == [
        ("2 张中的第 2 张。", "Photo 2 of 2.")
    ]
    altered = photo(reason="digest-mismatch", sha256=("0123456789abcdef", "fedcba98765432"))
    assert behind("digest-mismatch", photos=[altered]) == [
        (
            "第 1 张：收到时 0123456789ab…，后来 fedcba987654…。",
            "Photo 1: 0123456789ab… at receipt, fedcba987654… as it was found.",
        )
    ]


def test_a_place_abroad_says_how_far_and_none_says_where_was_looked() -> None:
    reasons = [
        {"code": "outside-china", "county": "大连市旅顺口区", "distance_m": 42_300.0},
        {"code": "outside-china", "beyond_m": 100_000},
        {"code": "outside-mainland", "county": "香港特别行政区"},
        {"code": "outside-china"},
    ]
    decisions = [RouteDecision(reasons=[each]) for each in reasons]
    assert behind("place-outside-china", decisions=[*decisions, decisions[0]]) == [
        ("距最近的大连市旅顺口区 42.3 公里。", "42.3 km from 大连市旅顺口区, the nearest."),
        ("周围 100.0 公里内没有内地区县。", "No county lies within 100.0 km."),
        ("定位在香港特别行政区。", "The place lies in 香港特别行政区."),
    ]
    placed = place("device_gps", who="骑手-0Q0")
    photos = [photo(), photo(), photo(who="骑手-0Q0")]
    assert behind("no-place", photos=photos, places=[placed]) == [
        (
            f"{WHO}：2 张照片里有定位的 0 张，手机定位和地图选点也没有。",
            f"{WHO}: 0 of 2 photos have a place, nor is there one from phone or map.",
        )
    ]


def test_a_pipeline_that_failed_says_how_often() -> None:
    failed = RouteDecision(reasons=[{"code": "pipeline-failed", "attempts": 5}])
    assert behind("pipeline-failed", decisions=[failed]) == [("试了 5 次。", "Tried 5 times.")]


def test_a_flag_without_numbers_says_none_and_each_that_speaks_is_a_flag() -> None:
    for code in FLAGS.keys() - {"device-differs"}:
        assert behind(code) == []
    assert SAYS.keys() <= FLAGS.keys()
