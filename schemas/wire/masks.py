"""What a rider hides in photos, over the wire: a form's field that holds JSON."""

from typing import Annotated, Any

from annotated_types import MaxLen
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from schemas.errors import InvalidInput
from schemas.masks import MAX_POINTS, MAX_STROKES, Mask, Stroke, rounded
from schemas.words import Words

# Five thousand points with every digit that a float has.
MAX_MASKS_CHARS = 250_000
_Fraction = Annotated[float, Field(ge=0, le=1)]


class _SentStroke(BaseModel):
    """A stroke as it is sent: fractions of the photo as it is seen upright."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    width: Annotated[float, Field(gt=0, le=1)]
    points: Annotated[list[tuple[_Fraction, _Fraction]], Field(min_length=1)]


def _read_masks(value: Any) -> Any:
    # A form without JavaScript sends an empty text for what was left out.
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        return ()
    try:
        sent = _SENT_MASKS.validate_json(text)
    except ValidationError:
        raise InvalidInput(
            "masks-invalid",
            Words(
                "遮挡的数据读不懂：每张照片一组笔画，坐标从 0 到 1；也可以不填。",
                "masks can't be read: a list of strokes for each photo, points from 0 to 1 and "
                "a width; or leave it out.",
            ),
            field="masks",
        ) from None
    strokes = [stroke for mask in sent for stroke in mask]
    if len(strokes) > MAX_STROKES or sum(len(each.points) for each in strokes) > MAX_POINTS:
        raise InvalidInput(
            "masks-too-many",
            Words(
                f"涂的笔画太多：所有照片合计最多 {MAX_STROKES} 笔、{MAX_POINTS} 个点，"
                "请撤销几笔再发。",
                f"There is too much in masks: {MAX_STROKES} strokes and {MAX_POINTS} points at "
                "most for all photos together.",
            ),
            field="masks",
        )
    masks = [rounded(tuple(Stroke(s.width, tuple(s.points)) for s in mask)) for mask in sent]
    return tuple(masks) if strokes else ()


_SENT_MASKS = TypeAdapter(list[list[_SentStroke]])
Masks = Annotated[
    tuple[Mask, ...],
    MaxLen(MAX_MASKS_CHARS),
    BeforeValidator(_read_masks),
    WithJsonSchema(
        {
            "type": "string",
            "contentMediaType": "application/json",
            "default": "",
            "description": "JSON: for each photo, in order, the strokes by which parts of it are "
            "to be hidden in every copy, such as "
            '[[], [{"width": 0.05, "points": [[0.2, 0.3], [0.4, 0.3]]}]]. Points are fractions '
            "of the upright photo's width and height, `width` one of its longer edge; "
            f"{MAX_STROKES} strokes and {MAX_POINTS} points in all. The original stays as it is.",
        }
    ),
]
