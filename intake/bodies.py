"""Reads what a program sends to the JSON API: one document, validated at the door."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from schemas.errors import InvalidInput
from schemas.wire.faults import explain
from schemas.words import Words

Model = TypeVar("Model", bound=BaseModel)
MAX_JSON_BYTES = 64 * 1024


def read_body(model: type[Model]) -> Model:
    """Return the JSON body, validated; raises InvalidInput naming what is wrong with it."""
    request.max_content_length = MAX_JSON_BYTES
    body = request.get_data()
    if request.mimetype != "application/json":
        raise InvalidInput(
            "content-type-unsupported",
            Words("请用 application/json 发送。", "Send it as application/json."),
            field="Content-Type",
        )
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise explain(error) from None
