"""What can be wrong with a photo, in plain words, by the codes that an examination stores."""

from collections.abc import Iterable

from schemas.words import Words

# Why a picture was not read, or what to know of its small copies.
PICTURE_REASONS: dict[str, Words] = {
    "photo-format-unknown": Words(
        "这个文件不是 JPEG、HEIC、WebP、PNG 或 AVIF 照片，未能读取。",
        "This file is no JPEG, HEIC, WebP, PNG or AVIF photo, so it was not read.",
    ),
    "photo-unreadable": Words(
        "这张照片的数据已损坏或不完整，未能读取。如果现场还在，请重新拍一张。",
        "This photo's data is damaged or incomplete, so it was not read. "
        "If you are still there, please take it again.",
    ),
    "photo-too-many-pixels": Words(
        "这张照片的像素数超过上限，未能读取。请把相机的照片尺寸调小后重新拍一张。",
        "This photo has more pixels than are allowed, so it was not read. "
        "Please choose a smaller picture size in the camera and take it again.",
    ),
    "colour-profile-unreadable": Words(
        "照片的色彩描述已损坏，缩略图的颜色可能略有偏差，不影响内容。",
        "The photo's colour profile is damaged; the colours of the small copies may be "
        "slightly off. The content is not affected.",
    ),
    "derivative-not-clean": Words(
        "缩略图里的附加信息没有清除干净，为保护举报人不予显示。请联系运维人员。",
        "The small copies were not free of metadata, so they are not shown, to protect the "
        "reporter. Please tell the operator.",
    ),
}

# How the limited child ended without a result.
DEATHS: dict[str, Words] = {
    "decoder-out-of-memory": Words(
        "解开这张照片要用的内存超过了上限，未能读取。请以原始文件或其他照片为准。",
        "Opening this photo needs more memory than is allowed, so it was not read. "
        "Please rely on the original file or on the other photos.",
    ),
    "decoder-out-of-time": Words(
        "解开这张照片花的时间超过了上限，未能读取。请以原始文件或其他照片为准。",
        "Opening this photo takes longer than is allowed, so it was not read. "
        "Please rely on the original file or on the other photos.",
    ),
    "decoder-crashed": Words(
        "读取这张照片的程序中途出错，照片可能已损坏或被人做过手脚。请以其他照片为准，谨慎打开原始文件。",
        "The program that reads photos broke off on this one; the file may be damaged or "
        "crafted. Please rely on the other photos and open the original with care.",
    ),
}

# What to know of the camera's data.
NOTES: dict[str, Words] = {
    "exif-unreadable": Words(
        "照片里有拍摄信息（EXIF），但已损坏，读不出来。时间、地点请以其他来源为准。",
        "The photo carries camera data (EXIF) but it is damaged and can't be read. "
        "Please rely on other sources for place and time.",
    ),
    "exif-readers-disagree": Words(
        "两种程序读出的拍摄信息（EXIF）不一致，可能被改写过。采用其时间、地点前请核对。",
        "Two programs read the camera data (EXIF) differently; it may have been rewritten. "
        "Please check its place and time before relying on them.",
    ),
    "exif-place-unreadable": Words(
        "照片里写有定位，但数值无效，未采用。",
        "The photo carries a position whose numbers are not valid; it was not used.",
    ),
    "exif-place-incomplete": Words(
        "照片里的定位不完整（缺经纬度，或缺东西经、南北纬），未采用。",
        "The photo's position is incomplete (a coordinate or its hemisphere is missing); "
        "it was not used.",
    ),
    "exif-place-zero": Words(
        "照片里的定位是 0°，0°，说明手机当时还没有定上位，未采用。",
        "The photo's position is 0°, 0°, which means the phone had no fix yet; it was not used.",
    ),
    "exif-time-unreadable": Words(
        "照片里写有拍摄时间，但不是有效的日期时间，未采用。",
        "The photo carries a time of capture that is no valid date and time; it was not used.",
    ),
    "exif-offset-unreadable": Words(
        "照片里写有时区，但数值无效，已按北京时间理解拍摄时间。",
        "The photo carries a time zone that is not valid; the time was taken as China time.",
    ),
    "exif-time-of-edit": Words(
        "照片里没有拍摄时间，只有文件最后修改的时间，暂以它代替。",
        "The photo has no time of capture, only the time it was last saved, "
        "which is shown in its place.",
    ),
}

# What XMP and IPTC say beside it, by where it stood.
for _name, _called in (("xmp", "XMP"), ("iptc", "IPTC")):
    NOTES |= {
        f"{_name}-unreadable": Words(
            f"照片里有 {_called} 附加信息，但已损坏，读不出来。",
            f"The photo carries {_called} data, but it is damaged and can't be read.",
        ),
        f"place-from-{_name}": Words(
            f"相机没有写定位；定位取自 {_called}，通常由编辑软件写入，采用前请核对。",
            f"The camera wrote no position; it was taken from {_called}, which editing programs "
            "write. Please check it before relying on it.",
        ),
        f"place-differs-in-{_name}": Words(
            f"{_called} 里写的定位与相机写的相距 200 米以上，照片可能被改写过，请核对。",
            f"The position in {_called} is more than 200 m from the camera's; the photo may have "
            "been rewritten. Please check.",
        ),
        f"time-from-{_name}": Words(
            f"相机没有写拍摄时间；时间取自 {_called}，通常由编辑软件写入，采用前请核对。",
            f"The camera wrote no time of capture; it was taken from {_called}, which editing "
            "programs write. Please check it before relying on it.",
        ),
    }

# What the machine itself could not do with the original.
FAILURES: dict[str, Words] = {
    "digest-mismatch": Words(
        "存储的原件与收到时不一致，未采用。请联系运维人员。",
        "The stored original is not what was received, so it was not used. Tell the operator.",
    ),
    "examination-failed": Words(
        "多次尝试都没能检查这张照片，系统会再试。原件仍然保存。",
        "This photo could not be examined after several attempts and will be tried again. "
        "The original is kept.",
    ),
}

COLOURS = "colour-profile-unreadable"
AGAIN = Words(
    "可以重新拍一张，作为补充发来；其他照片照常处理。",
    "You may take it again and send it as a supplement; the other photos are used.",
)

# The same for who took the photo: what was wrong, and nothing of how it is examined.
FOR_RIDERS: dict[str, Words] = {
    "photo-format-unknown": Words(
        "这个文件不是能打开的照片，没有用上。", "This file is no photo that can be opened."
    ),
    "photo-unreadable": Words(
        "这张照片的数据损坏或不完整，打不开，没有用上。",
        "This photo's data is damaged or incomplete; it can't be opened and was not used.",
    ),
    "photo-too-many-pixels": Words(
        "这张照片的像素太多，没有用上。请把相机的照片尺寸调小。",
        "This photo has too many pixels and was not used. Choose a smaller picture size in the "
        "camera.",
    ),
    "decoder-out-of-memory": Words(
        "这张照片太大，打不开，没有用上。请把相机的照片尺寸调小。",
        "This photo is too large to be opened and was not used. Choose a smaller picture size in "
        "the camera.",
    ),
    "decoder-out-of-time": Words(
        "打开这张照片花的时间太长，没有用上。请用手机自带的相机拍，不要用编辑软件另存。",
        "Opening this photo took too long, so it was not used. Take it with the phone's own "
        "camera and don't save it from an editing program.",
    ),
    "decoder-crashed": Words(
        "这张照片打不开，可能已损坏，没有用上。",
        "This photo can't be opened, perhaps because it is damaged, and was not used.",
    ),
    "digest-mismatch": Words(
        "我们存的这张照片出了问题，没有用上。这不是您的错。",
        "Something went wrong with our copy of this photo, so it was not used. "
        "This is no fault of yours.",
    ),
}
WAITING = Words(
    "这张照片还没能检查，原件已经保存，系统会再试。您不用做什么。",
    "This photo could not be examined yet. It is kept and will be tried again; "
    "there is nothing you need to do.",
)

WORDS: dict[str, Words] = {**PICTURE_REASONS, **NOTES, **DEATHS, **FAILURES}


def unreadable_words(code: str) -> Words:
    """Return why a photo was not read; a code of another edition is told without its reason."""
    return WORDS.get(code, Words("这张照片未能读取。", "This photo was not read."))


def words_for_riders(code: str) -> Words:
    """Return why a photo was not used and what its sender may do."""
    if code == "examination-failed":
        return WAITING
    why = FOR_RIDERS.get(code, FOR_RIDERS["decoder-crashed"])
    return Words(why.zh + AGAIN.zh, f"{why.en} {AGAIN.en}")


def note_words(codes: Iterable[str]) -> tuple[Words, ...]:
    """Return what is to be known of a photo that was read; other codes say nothing here."""
    told = NOTES | {COLOURS: PICTURE_REASONS[COLOURS]}
    return tuple(told[code] for code in codes if code in told)
