"""Problem details for HTTP APIs (RFC 9457): how every refusal looks over the wire."""

from pydantic import BaseModel, ConfigDict, Field

from schemas import errors

TYPE_PREFIX = "urn:suishoupai:problem:"
CONTENT_TYPE = "application/problem+json"


class Problem(BaseModel):
    """A refusal: `type` is stable, `detail` is a sentence for the user in their language."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[f"{TYPE_PREFIX}category-unknown"])
    title: str = Field(description="short English name of the problem")
    status: int
    detail: str = Field(description="a sentence for the user, zh-CN or en by Accept-Language")
    field: str | None = Field(default=None, description="the input at fault")
    request_id: str | None = Field(default=None, description="quote it when asking for help")


STATUS: dict[type[errors.SuishoupaiError], int] = {
    errors.InvalidInput: 422,
    errors.PhotoRefused: 422,
    errors.TooLarge: 413,
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
    errors.Unavailable: 503,
    errors.ConfigurationError: 500,
}

# A refusal whose code has a status of its own, where the class alone says too little.
STATUS_BY_CODE = {
    "idempotency-key-missing": 400,
    "idempotency-key-invalid": 400,
    "body-incomplete": 400,
    "body-unreadable": 400,
    "content-type-unsupported": 415,
    "method-not-allowed": 405,
    "idempotency-key-reused": 422,
    "too-large": 413,
    "refused": 400,
    # tus 1.0.0 names these, 460 among them.
    "upload-header-invalid": 400,
    "upload-cut": 400,
    "upload-length-fixed": 400,
    "checksum-algorithm-unsupported": 400,
    "upload-expired": 410,
    "upload-lost": 410,
    "upload-used": 410,
    "tus-version-unsupported": 412,
    "upload-taken-over": 423,
    "uploads-open-too-many": 429,
    "checksum-mismatch": 460,
    "upload-sum-mismatch": 460,
}


def status_of(error: errors.SuishoupaiError) -> int:
    """Return the HTTP status of a refusal."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def problem_of(error: errors.SuishoupaiError, *, locale: str, request_id: str | None) -> Problem:
    """Return the problem details of a refusal in the user's language."""
    return Problem(
        type=f"{TYPE_PREFIX}{error.code}",
        title=error.code.replace("-", " ").capitalize(),
        status=status_of(error),
        detail=error.words.say(locale),
        field=error.field,
        request_id=request_id,
        **error.facts,  # extra members, as RFC 9457 §3.2 allows
    )
