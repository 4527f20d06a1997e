"""What Pydantic finds wrong, as a refusal with a stable code and a sentence in plain words."""

from pydantic import ValidationError

from schemas.errors import InvalidInput
from schemas.words import Words

# The kind of fault → our code; its sentence stands in `_WORDS`.
_CODES = {
    "float_parsing": "number-invalid",
    "float_type": "number-invalid",
    "finite_number": "number-invalid",
    "greater_than_equal": "number-out-of-range",
    "less_than_equal": "number-out-of-range",
    "string_too_long": "text-too-long",
    "string_too_short": "field-missing",
    "string_type": "value-invalid",
    "missing": "field-missing",
    "too_short": "field-missing",
    "too_long": "too-many-values",
    "extra_forbidden": "field-unknown",
    "json_invalid": "body-unreadable",
}
_CODES_BY_FIELD = {
    ("category", "field-missing"): "category-missing",
    ("photos", "too-many-values"): "photos-too-many",
    ("photo_uploads", "too-many-values"): "photos-too-many",
}
_COORDINATES = frozenset({"latitude", "longitude", "pin_latitude", "pin_longitude"})


# What a field is called on the page, so that a refusal names it as its reader knows it.
_LABELS = {
    "accuracy_m": Words("定位精度", "accuracy_m"),
    "body": Words("内容", "body"),
    "captured_at": Words("拍摄时间", "captured_at"),
    "category": Words("隐患类别", "category"),
    "code": Words("验证码", "code"),
    "datum": Words("坐标系", "datum"),
    "description": Words("情况说明", "description"),
    "invitation": Words("邀请码", "invitation"),
    "latitude": Words("纬度", "latitude"),
    "longitude": Words("经度", "longitude"),
    "masks": Words("遮挡", "masks"),
    "name": Words("姓名", "name"),
    "phone": Words("手机号", "phone"),
    "photo_uploads": Words("已上传的照片", "photo_uploads"),
    "photos": Words("照片", "photos"),
    "pin_latitude": Words("选点的纬度", "pin_latitude"),
    "pin_longitude": Words("选点的经度", "pin_longitude"),
    "platform": Words("外卖平台", "platform"),
    "premises_address": Words("地址", "premises_address"),
    "premises_name": Words("店名", "premises_name"),
    "reason": Words("撤回理由", "reason"),
    "rider_token": Words("骑手凭证", "rider_token"),
}


def label(field: str | None) -> Words:
    """Return what a form's field is called: plainly in Chinese, as in the API in English."""
    return _LABELS.get(field or "", Words(field or "内容", field or "the request"))


def explain(error: ValidationError) -> InvalidInput:
    """Return the first thing Pydantic found wrong as a refusal in plain words.

    What was sent is never repeated, since it may be personal.
    """
    fault = error.errors(include_input=False, include_url=False)[0]
    field = str(fault["loc"][0]) if fault["loc"] else None
    code = _CODES.get(fault["type"], "value-invalid")
    code = _CODES_BY_FIELD.get((field or "", code), code)
    if field in _COORDINATES and code == "number-out-of-range":
        code = "coordinates-out-of-range"
    limit = fault.get("ctx", {}).get("max_length", "")
    words = _WORDS[code]
    return InvalidInput(
        code,
        Words(
            words.zh.format(field=label(field).zh, limit=limit),
            words.en.format(field=label(field).en, limit=limit),
        ),
        field=field if code != "field-unknown" else None,
    )


_WORDS = {
    "number-invalid": Words("{field}必须是数字。", "{field} must be a number."),
    "number-out-of-range": Words("{field}的数值不对。", "{field} can't have this value."),
    "coordinates-out-of-range": Words(
        "经纬度超出范围：纬度 -90 到 90，经度 -180 到 180。",
        "Coordinates are out of range: latitude -90 to 90, longitude -180 to 180.",
    ),
    "text-too-long": Words(
        "{field}太长，最多 {limit} 个字。", "{field} is too long: {limit} characters at most."
    ),
    "value-invalid": Words("{field}填写有误。", "{field} is not right."),
    "field-missing": Words("缺少{field}。", "{field} is missing."),
    "category-missing": Words("请选择发现了什么隐患。", "Choose what the hazard is (category)."),
    "photos-too-many": Words("照片最多 {limit} 张。", "At most {limit} photos."),
    "too-many-values": Words("{field}给得太多。", "{field} is given too many times."),
    "field-unknown": Words("有不认识的字段。", "There is a field that is not known here."),
    "body-unreadable": Words("请求的格式读不懂。", "The request can't be read."),
}
