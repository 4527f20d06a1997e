"""The OpenAPI 3.1 document of a door, made from the models that validate and answer.

An operation is declared beside its route with `describes`; the document is built from
the routes that an app really has, so the two can't part.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from openapi_pydantic import (
    Components,
    Encoding,
    Header,
    Info,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
)
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from openapi_pydantic.v3.v3_1 import DataType
from pydantic import BaseModel

from schemas.wire.problems import CONTENT_TYPE as PROBLEM_TYPE
from schemas.wire.problems import Problem

View = TypeVar("View", bound=Callable[..., Any])
JSON = "application/json"
FORM = "multipart/form-data"
# The fields of forms that hold files, and what may lie in them.
FILE_FIELDS = {"photos": "image/*", "files": "image/*, application/pdf"}


@dataclass(frozen=True)
class Given:
    """Something a caller gives beside the body: in the path, the query or a header."""

    name: str
    place: Literal["path", "query", "header"]
    description: str
    required: bool = False
    format: str | None = None


@dataclass(frozen=True)
class Answered:
    """One good answer: its status, what it means, its model, and headers by name.

    `files` are the content types of an answer that is a file and has no model.
    """

    status: int
    description: str
    model: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Described:
    """What the document says of one route.

    `bytes_type` is the content type of a body that is plain bytes and has no model.
    `refusals` maps statuses to the problem codes that come with them; `security`
    names the schemes of which one is enough, an empty name for none at all.
    """

    summary: str
    answer: Answered
    body: type[BaseModel] | None = None
    body_type: str = JSON
    bytes_type: str = ""
    given: tuple[Given, ...] = ()
    refusals: Mapping[int, str] = field(default_factory=dict)
    security: tuple[str, ...] = ()


def describes(described: Described) -> Callable[[View], View]:
    """Declare beside a view what the document says of it."""

    def mark(view: View) -> View:
        view.described = described  # type: ignore[attr-defined]
        return view

    return mark


def build_document(
    *,
    title: str,
    version: str,
    description: str,
    security_schemes: Mapping[str, SecurityScheme],
    routes: Iterable[tuple[str, str, Described]],
) -> dict[str, Any]:
    """Return the document as plain data; `routes` are (method, path with {names}, described)."""
    paths: dict[str, PathItem] = {}
    for method, path, described in routes:
        item = paths.setdefault(path, PathItem())
        setattr(item, method.lower(), _operation(described))
    document = construct_open_api_with_schema_class(
        OpenAPI(
            info=Info(title=title, version=version, description=description),
            paths=dict(sorted(paths.items())),
            components=Components(securitySchemes=dict(security_schemes)),
        )
    )
    # A default that is spelt out is an error where the specification forbids the member.
    plain = document.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
    )
    return {"openapi": document.openapi, **plain}


def _operation(described: Described) -> Operation:
    return Operation(
        summary=described.summary,
        parameters=[_parameter(given) for given in described.given] or None,
        requestBody=_request_body(described),
        responses={
            str(described.answer.status): _answer(described.answer),
            **{
                str(status): _refusal(codes, retry=status in (429, 503))
                for status, codes in described.refusals.items()
            },
        },
        security=[{name: []} if name else {} for name in described.security] or None,
    )


def _parameter(given: Given) -> Parameter:
    schema = Schema(type=DataType.STRING, schema_format=given.format)
    if given.format and given.place == "query" and not given.required:
        # A form sends its empty fields too: they count as not given.
        schema = Schema(anyOf=[schema, Schema(type=DataType.STRING, maxLength=0)])
    return Parameter.model_validate(
        {
            "name": given.name,
            "in": given.place,
            "required": given.required or given.place == "path",
            "description": given.description,
            "schema": schema,
        }
    )


def _request_body(described: Described) -> RequestBody | None:
    if described.bytes_type:
        plain = Schema(type=DataType.STRING, schema_format="binary")
        return RequestBody(content={described.bytes_type: MediaType(media_type_schema=plain)})
    if described.body is None:
        return None
    media = MediaType(media_type_schema=PydanticSchema(schema_class=described.body))
    if described.body_type == FORM:
        media.encoding = {
            name: Encoding(contentType=kinds)
            for name, kinds in FILE_FIELDS.items()
            if name in described.body.model_fields
        } or None
    return RequestBody(content={described.body_type: media}, required=described.body_type == FORM)


def _answer(answer: Answered) -> Response:
    return Response(
        description=answer.description,
        headers={
            name: Header(description=text, param_schema=Schema(type=DataType.STRING))
            for name, text in answer.headers.items()
        }
        or None,
        content={JSON: MediaType(media_type_schema=PydanticSchema(schema_class=answer.model))}
        if answer.model
        else {each: MediaType() for each in answer.files} or None,
    )


def _refusal(codes: str, *, retry: bool) -> Response:
    headers = {
        "Retry-After": Header(
            description="seconds to wait", param_schema=Schema(type=DataType.INTEGER)
        )
    }
    return Response(
        description=codes,
        headers=headers if retry else None,
        content={PROBLEM_TYPE: MediaType(media_type_schema=PydanticSchema(schema_class=Problem))},
    )
