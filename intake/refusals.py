"""What the door refuses in a form, in plain words; each function returns the error to raise."""

from schemas.errors import InvalidInput, TooLarge
from schemas.wire.faults import label
from schemas.words import Words

MEBIBYTE = 1024 * 1024


def not_a_form() -> InvalidInput:
    """The body is something else than a multipart form."""
    return InvalidInput(
        "content-type-unsupported",
        Words(
            "请用 multipart/form-data 格式发送表单和照片。",
            "Send the form and its photos as multipart/form-data.",
        ),
        field="Content-Type",
    )


def unreadable() -> InvalidInput:
    """The body is no multipart form."""
    return InvalidInput(
        "body-unreadable",
        Words(
            "表单的格式读不懂：请检查 multipart/form-data 的分隔符和各部分的头。",
            "The form can't be read: check the multipart/form-data boundary and part headers.",
        ),
    )


def incomplete() -> InvalidInput:
    """The body ended before its last boundary."""
    return InvalidInput(
        "body-incomplete",
        Words(
            "内容没有传完，可能是信号中断。请用同一个 Idempotency-Key 再发一次。",
            "The request ended before all of it was here. Send it again with the same "
            "Idempotency-Key.",
        ),
    )


def body_too_large(limit_bytes: int) -> TooLarge:
    """The body is longer than any form may be."""
    return TooLarge(
        "too-large",
        Words(
            f"内容太大：照片加起来不能超过 {limit_bytes // MEBIBYTE} MB。",
            f"The request is too large: {limit_bytes // MEBIBYTE} MB of photos at most.",
        ),
        limit_bytes=limit_bytes,
    )


def photos_too_large(limit_bytes: int) -> TooLarge:
    """The photos are too large together."""
    return TooLarge(
        "photos-too-large-together",
        Words(
            f"照片加起来不能超过 {limit_bytes // MEBIBYTE} MB，请少选几张，余下的可以稍后补充。",
            f"The photos may have {limit_bytes // MEBIBYTE} MB together: choose fewer, and "
            "add the others later as a supplement.",
        ),
        field="photos",
        limit_bytes=limit_bytes,
    )


def photo_too_large(limit_bytes: int) -> TooLarge:
    """One photo is too large."""
    return TooLarge(
        "photo-too-large",
        Words(
            f"每张照片不能超过 {limit_bytes // MEBIBYTE} MB。请把相机的照片尺寸调小后重新拍一张。",
            f"A photo may have at most {limit_bytes // MEBIBYTE} MB. Choose a smaller picture "
            "size in the camera and take it again.",
        ),
        field="photos",
        limit_bytes=limit_bytes,
    )


def too_many_photos(limit: int) -> TooLarge:
    """There are more photos than one form may bring."""
    return TooLarge(
        "photos-too-many",
        Words(
            f"一次最多 {limit} 张照片，余下的可以稍后补充。",
            f"At most {limit} photos at a time; add the others later as a supplement.",
        ),
        field="photos",
        limit=limit,
    )


def too_many_parts(limit: int) -> TooLarge:
    """There are more parts than a form has fields."""
    return TooLarge(
        "too-many-parts",
        Words("表单里的字段太多。", "The form has too many parts."),
        limit=limit,
    )


def unknown_field(name: str) -> InvalidInput:
    """There is a field that the form does not have."""
    # The name is said back only where it looks like a name: it could be anything else,
    # and refusals are logged with their field.
    shown = name if name.isascii() and name.replace("_", "").isalpha() and len(name) <= 40 else None
    return InvalidInput(
        "field-unknown",
        Words(
            f"表单里没有这个字段：{shown}。" if shown else "表单里有不认识的字段。",
            f"The form has no such field: {shown}." if shown else "The form has an unknown field.",
        ),
        field=shown,
    )


def duplicate_field(name: str) -> InvalidInput:
    """A field that has one value came twice."""
    return InvalidInput(
        "field-duplicate",
        Words(f"{label(name).zh}只能填写一次。", f"{name} may be given only once."),
        field=name,
    )


def bad_text(name: str) -> InvalidInput:
    """A text can not be stored."""
    return InvalidInput(
        "text-invalid",
        Words(
            f"{label(name).zh}里有无法保存的字符：请用 UTF-8 编码，不含空字符。",
            f"{name} holds characters that can't be stored: send UTF-8 without NUL.",
        ),
        field=name,
    )


def text_too_long(name: str, limit: int) -> InvalidInput:
    """A text is longer than its field."""
    return InvalidInput(
        "text-too-long",
        Words(
            f"{label(name).zh}太长，最多 {limit} 个字。",
            f"{name} is too long: {limit} characters at most.",
        ),
        field=name,
        limit=limit,
    )
