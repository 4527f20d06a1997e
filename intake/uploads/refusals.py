"""What uploads are refused for, in plain words; each function returns the error to raise."""

from intake.refusals import photo_too_large
from schemas.errors import Conflict, InvalidInput, NotFound, TooLarge, TooMany
from schemas.words import Words

RETRY_AFTER_S = 60


def version_unsupported(version: str) -> InvalidInput:
    """The client speaks another version of tus, or does not say which."""
    return InvalidInput(
        "tus-version-unsupported",
        Words(
            f"请在请求头写明 Tus-Resumable: {version}。",
            f"Send the header Tus-Resumable: {version}.",
        ),
        field="Tus-Resumable",
    )


def bad_header(name: str, rule: Words) -> InvalidInput:
    """A header of the protocol does not follow its rule."""
    return InvalidInput(
        "upload-header-invalid", Words(f"{name}：{rule.zh}", f"{name}: {rule.en}"), field=name
    )


def not_bytes(content_type: str) -> InvalidInput:
    """The body is not what a PATCH may bring."""
    return InvalidInput(
        "content-type-unsupported",
        Words(
            f"照片的字节请用 {content_type} 发送。", f"Send the photo's bytes as {content_type}."
        ),
        field="Content-Type",
    )


def unknown() -> NotFound:
    """There is no such upload, or it is somebody else's; which of the two is not told."""
    return NotFound(
        "upload-unknown",
        Words(
            "没有找到这次上传：请重新上传这张照片，手机里的照片还在。",
            "There is no such upload: begin anew with this photo, which is still on the phone.",
        ),
    )


def expired() -> NotFound:
    """It stood still for too long."""
    return NotFound(
        "upload-expired",
        Words(
            "这次上传放得太久，已经过期：请重新上传这张照片，手机里的照片还在。",
            "This upload stood still for too long: begin anew with this photo, which is still "
            "on the phone.",
        ),
    )


def lost() -> NotFound:
    """Its bytes are not where this door looks for them."""
    return NotFound(
        "upload-lost",
        Words(
            "已传的部分找不到了：请重新上传这张照片，手机里的照片还在。",
            "What was uploaded can't be found any more: begin anew with this photo, which is "
            "still on the phone.",
        ),
    )


def used() -> NotFound:
    """It is part of a report already."""
    return NotFound(
        "upload-used",
        Words(
            "这张照片已经随一条举报发出，不用再传；另一条举报请重新上传。",
            "This photo went with a report already and need not be sent again; for another "
            "report, upload it anew.",
        ),
    )


def unfinished(place: int, received_bytes: int, length_bytes: int | None) -> Conflict:
    """A report wants a photo that is not wholly here."""
    return Conflict(
        "upload-unfinished",
        Words(
            f"第 {place} 张照片还没有传完：请先传完，再用同一个 Idempotency-Key 发送举报。",
            f"Photo {place} is not wholly here: finish its upload, then send the report again "
            "with the same Idempotency-Key.",
        ),
        field="photo_uploads",
        photo=place,
        received_bytes=received_bytes,
        length_bytes=length_bytes,
    )


def twice(place: int) -> InvalidInput:
    """One upload is named twice in a report."""
    return InvalidInput(
        "upload-named-twice",
        Words(
            f"第 {place} 张照片和前面的是同一次上传：每张照片只写一次。",
            f"Photo {place} is the same upload as an earlier one: name each photo once.",
        ),
        field="photo_uploads",
        photo=place,
    )


def offset_differs(offset_bytes: int) -> Conflict:
    """The bytes sent don't begin where those that are here end."""
    return Conflict(
        "upload-offset-differs",
        Words(
            f"这张照片已收到 {offset_bytes} 字节：请从那里继续传。",
            f"{offset_bytes} bytes of this photo are here: go on from there.",
        ),
        field="Upload-Offset",
        offset_bytes=offset_bytes,
    )


def taken_over() -> Conflict:
    """A newer connection goes on with this upload."""
    return Conflict(
        "upload-taken-over",
        Words(
            "另一个连接正在传这张照片：请先查询已收到多少，再继续。",
            "Another connection goes on with this photo: ask how much is here, then go on.",
        ),
    )


def too_long(limit_bytes: int) -> TooLarge:
    """The whole upload is larger than a photo may be."""
    return TooLarge(
        "upload-too-large",
        photo_too_large(limit_bytes).words,
        field="Upload-Length",
        limit_bytes=limit_bytes,
    )


def overflows(length_bytes: int) -> TooLarge:
    """There are more bytes than the upload was said to have."""
    return TooLarge(
        "upload-overflows",
        Words(
            f"发来的字节比说好的 {length_bytes} 字节多：请重新上传这张照片。",
            f"More bytes came than the {length_bytes} that were announced: begin anew with this "
            "photo.",
        ),
        length_bytes=length_bytes,
    )


def length_fixed(length_bytes: int) -> InvalidInput:
    """The length was said before and can't change, or lies before what is here."""
    return InvalidInput(
        "upload-length-fixed",
        Words(
            f"这次上传的长度不能再改（{length_bytes} 字节）。",
            f"The length of this upload can't change any more ({length_bytes} bytes).",
        ),
        field="Upload-Length",
        length_bytes=length_bytes,
    )


def cut() -> InvalidInput:
    """The connection broke before all that was announced had come."""
    return InvalidInput(
        "upload-cut",
        Words(
            "信号中断，已收到的部分留着：请查询已收到多少，再继续。",
            "The line broke; what came is kept: ask how much is here, then go on.",
        ),
    )


def algorithm_unsupported(known: str) -> InvalidInput:
    """The checksum is of a kind that is not offered."""
    return InvalidInput(
        "checksum-algorithm-unsupported",
        Words(f"校验算法只支持：{known}。", f"The checksum may be one of: {known}."),
        field="Upload-Checksum",
        known=known,
    )


def checksum_mismatch() -> InvalidInput:
    """The bytes of this request are not those that were summed."""
    return InvalidInput(
        "checksum-mismatch",
        Words(
            "这一段在路上出了错，没有保留：请把这一段再发一次。",
            "These bytes were damaged on the way and not kept: send them again.",
        ),
        field="Upload-Checksum",
    )


def sum_mismatch() -> InvalidInput:
    """The whole photo is not the one that the phone summed."""
    return InvalidInput(
        "upload-sum-mismatch",
        Words(
            "收到的照片和手机里的不一样，没有保留：请重新上传这张照片，手机里的照片还在。",
            "The photo that came is not the one on the phone and was not kept: begin anew with "
            "this photo, which is still on the phone.",
        ),
        field="Upload-Metadata",
    )


def too_many_open() -> TooMany:
    """There are more uploads, or bytes of them, than one may leave open."""
    return TooMany(
        "uploads-open-too-many",
        Words(
            "没有用完的上传太多：请先把已传好的照片随举报发出，或取消不要的，再继续。"
            "照片先留在手机里，不会丢。",
            "Too many uploads are open: send the reports they belong to, or end those that are "
            "not needed. Keep the photos on the phone; nothing is lost.",
        ),
        retry_after_s=RETRY_AFTER_S,
    )
