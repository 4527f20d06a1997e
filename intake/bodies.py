"""What a program sends to the JSON API and is answered: one document, validated at the door."""

from typing import TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError

from schemas.errors import InvalidInput
from schemas.wire.faults import explain
from schemas.words import Words

Model = TypeVar("Model", bound=BaseModel)
MAX_JSON_BYTES = 64 * 1024


def read_form(model: type[Model], *, files: str, max_bytes: int) -> Model:
    """Return a multipart form with its files, validated; raises as `read_body` does.

    `files` names the field of the model that takes the parts with a file name.
    """
    request.max_content_length = max_bytes
    if request.mimetype != "multipart/form-data":
        raise InvalidInput(
            "content-type-unsupported",
            Words("请用 multipart/form-data 发送。", "Send it as multipart/form-data."),
            field="Content-Type",
        )
    values: dict[str, object] = {
        name: found[0] if len(found) == 1 else found for name, found in request.form.lists()
    }
    sent = [file for file in request.files.getlist(files) if file.filename]
    # A file in a field that takes none is a field that is not known.
    values |= {name: "" for name in request.files if name != files}
    try:
        return model.model_validate({**values, files: tuple(sent)})
    except ValidationError as error:
        raise explain(error) from None


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


def as_json(model: BaseModel, status: int = 200, **headers: str) -> Response:
    """Return a model as the answer."""
    response = Response(
        model.model_dump_json(), status=status, content_type="application/json", headers=headers
    )
    response.vary.add("Accept-Language")
    return response
