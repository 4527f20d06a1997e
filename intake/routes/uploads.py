"""tus 1.0.0 at /api/v1/uploads: a photo in as many pieces as the network needs."""

from flask import Blueprint, Flask, Response, g, request, url_for
from sqlalchemy.orm import Session

from intake import sending
from intake.door import Door, present_door
from intake.doorway import Entry, enters
from intake.gate.inspecting import MAX_BYTES
from intake.routes.api_v1 import RIDER_OR_NOBODY, reporter_of_request
from intake.silence import timeout_of
from intake.uploads import ledger, protocol, refusals, using
from intake.uploads.ledger import Turn
from intake.uploads.protocol import BYTES, OPTIONS, PATH, VERSION
from intake.uploads.receiving import Line, Progress, receive
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.tables import Upload
from schemas.wire.openapi import Answered, Described, Given, describes

uploads = Blueprint("uploads", __name__, url_prefix=PATH)
# To a phone that is told where to go on, its unsent bytes are of no use here.
ANSWERED_AT_ONCE = frozenset({409, 423})

RESUMABLE = Given("Tus-Resumable", "header", f"the protocol's version: {VERSION}", required=True)
TOKEN = Given("token", "path", "what the Location of the upload ends with; keep it secret")
LENGTH = Given("Upload-Length", "header", "bytes of the whole photo")
CHECKSUM = Given(
    "Upload-Checksum",
    "header",
    f"over this request's bytes: algorithm ({OPTIONS['Tus-Checksum-Algorithm']}) and base64",
)
SAYS_VERSION = {"Tus-Resumable": f"{VERSION}, in every answer"}
SAYS_EXPIRY = {"Upload-Expires": "until when the upload may stand still, RFC 9110 §5.6.7"}
REFUSALS = {
    401: "token-unknown, token-missing, session-ended",
    403: "cross-site",
    404: "upload-unknown",
    410: "upload-expired, upload-lost, upload-used",
    412: "tus-version-unsupported",
    503: "database-away, store-away",
}
BYTES_REFUSALS = {
    400: "upload-header-invalid, upload-length-fixed, checksum-algorithm-unsupported, upload-cut",
    413: "upload-too-large, upload-overflows",
    415: "content-type-unsupported",
    423: "upload-taken-over",
    460: "checksum-mismatch, upload-sum-mismatch",
}


def register(app: Flask) -> None:
    """Add the routes, and what every answer at their addresses has."""
    app.register_blueprint(uploads)
    app.wsgi_app = protocol.MethodOverride(app.wsgi_app)  # type: ignore[method-assign]

    @app.after_request
    def _as_tus(response: Response) -> Response:
        if request.path == PATH or request.path.startswith(f"{PATH}/"):
            _finish(response)
        return response


def _finish(response: Response) -> None:
    response.headers["Tus-Resumable"] = VERSION
    if response.status_code == 412:
        response.headers["Tus-Version"] = VERSION
    if response.status_code >= 400 and response.status_code not in ANSWERED_AT_ONCE:
        # A client that can't finish sending shows no answer at all.
        for _ in _line().pieces():
            pass
    if "HEAD" in (request.method, request.environ.get("suishoupai.method_sent")):
        # Under another method's name the server would announce a body that never comes.
        response.set_data(b"")


@uploads.before_request
def _check_version() -> None:
    if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
        raise refusals.version_unsupported(VERSION)


@uploads.route("", methods=["OPTIONS"], provide_automatic_options=False)
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="What of tus is offered here",
        answer=Answered(
            204,
            "Version, extensions, the largest photo in bytes, and the checksums",
            headers=SAYS_VERSION | dict.fromkeys(OPTIONS, "see tus 1.0.0"),
        ),
    )
)
def show_options() -> Response:
    """Tell what is offered."""
    return Response(status=204, headers=OPTIONS)


@uploads.route("", methods=["POST"], provide_automatic_options=False)
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="Begin the upload of one photo; bytes may come along",
        bytes_type=BYTES,
        given=(
            RESUMABLE,
            LENGTH,
            Given("Upload-Defer-Length", "header", "1 where the length is said later"),
            Given(
                "Upload-Metadata",
                "header",
                "filename, filetype, and sha256 (hex) of the whole photo as the phone sums it",
            ),
            CHECKSUM,
        ),
        answer=Answered(
            201,
            "The upload is begun; its address is a secret of whoever began it",
            headers=SAYS_VERSION | SAYS_EXPIRY | {"Location": "where to send the bytes"},
        ),
        refusals={status: codes for status, codes in REFUSALS.items() if status not in (404, 410)}
        | BYTES_REFUSALS
        | {429: "uploads-open-too-many"},
        security=RIDER_OR_NOBODY,
    )
)
def create_upload() -> Response:
    """Make room for a photo and take what comes along with the request."""
    door, reporter = present_door(), reporter_of_request()
    sending.require_welcome(door, reporter)
    length_bytes = protocol.read_length(
        request.headers.get("Upload-Length"), request.headers.get("Upload-Defer-Length")
    )
    metadata = protocol.read_metadata(request.headers.get("Upload-Metadata"))
    checksum = protocol.read_checksum(request.headers.get("Upload-Checksum"))
    if _brings_bytes():
        _check_body(0, length_bytes)
    upload, token = door.commit(
        lambda session: ledger.create(
            session,
            sealer=door.sealer,
            settings=door.settings,
            reporter=reporter,
            address=request.remote_addr or "",
            length_bytes=length_bytes,
            metadata=metadata,
            now=now_utc(),
        )
    )
    progress = Progress(0, upload.expires_at)
    if _brings_bytes():
        progress = _take_first_bytes(door, upload, checksum)
    location = url_for("uploads.append_bytes", token=token)
    return _told(201, progress, Location=location)


@uploads.route("/<token>", methods=["HEAD"], provide_automatic_options=False)
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="How much of an upload is here; whoever was sending it is taken to be gone",
        given=(RESUMABLE, TOKEN),
        answer=Answered(
            200,
            "How many bytes are durable",
            headers=SAYS_VERSION | SAYS_EXPIRY | {"Upload-Offset": "bytes that are durable"},
        ),
        refusals=REFUSALS,
        security=RIDER_OR_NOBODY,
    )
)
def show_upload(token: str) -> Response:
    """Tell where to go on."""
    door = present_door()

    def look(session: Session) -> tuple[Upload, Turn]:
        found = _find(session, token)
        return found, ledger.take_turn(session, upload=found, offset_bytes=None, length_bytes=None)

    upload, turn = door.commit(look)
    if not door.staging.holds(upload.id, turn.offset_bytes):
        raise refusals.lost()
    response = _told(200, Progress(turn.offset_bytes, turn.expires_at))
    if turn.length_bytes is None:
        response.headers["Upload-Defer-Length"] = "1"
    else:
        response.headers["Upload-Length"] = str(turn.length_bytes)
    metadata = using.metadata_of(door, upload)
    if metadata.raw:
        response.headers["Upload-Metadata"] = metadata.raw
    response.headers["Cache-Control"] = "no-store"
    return response


@uploads.route("/<token>", methods=["PATCH"], provide_automatic_options=False)
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="Send bytes of a photo from where it stands; what comes is kept if the line breaks",
        bytes_type=BYTES,
        given=(
            RESUMABLE,
            TOKEN,
            Given(
                "Upload-Offset", "header", "where these bytes begin: what HEAD says", required=True
            ),
            LENGTH,
            CHECKSUM,
        ),
        answer=Answered(
            204,
            "The bytes are durable",
            headers=SAYS_VERSION | SAYS_EXPIRY | {"Upload-Offset": "bytes that are durable now"},
        ),
        refusals=REFUSALS | BYTES_REFUSALS | {409: "upload-offset-differs"},
        security=RIDER_OR_NOBODY,
    )
)
def append_bytes(token: str) -> Response:
    """Take the bytes that follow."""
    door = present_door()
    offset_bytes = protocol.read_number("Upload-Offset", request.headers.get("Upload-Offset"))
    said = request.headers.get("Upload-Length")
    length_bytes = (
        None
        if said is None
        else protocol.checked_length(protocol.read_number("Upload-Length", said))
    )
    checksum = protocol.read_checksum(request.headers.get("Upload-Checksum"))

    def begin(session: Session) -> tuple[Upload, Turn]:
        found = _find(session, token)
        _check_body(offset_bytes, found.length_bytes if length_bytes is None else length_bytes)
        return found, ledger.take_turn(
            session, upload=found, offset_bytes=offset_bytes, length_bytes=length_bytes
        )

    upload, turn = door.commit(begin)
    progress = receive(door, turn=turn, line=_line(), checksum=checksum)
    if progress.offset_bytes == turn.length_bytes:
        using.check_sum(door, upload, length_bytes=progress.offset_bytes)
    return _told(204, progress)


@uploads.route("/<token>", methods=["DELETE"], provide_automatic_options=False)
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="End an upload that no report has used",
        given=(RESUMABLE, TOKEN),
        answer=Answered(204, "The upload is gone", headers=SAYS_VERSION),
        refusals=REFUSALS,
        security=RIDER_OR_NOBODY,
    )
)
def end_upload(token: str) -> Response:
    """Forget an upload and remove its bytes."""
    door = present_door()
    using.end(door, door.commit(lambda session: _find(session, token)).id)
    return Response(status=204)


def _find(session: Session, token: str) -> Upload:
    return ledger.find(session, token=token, reporter=reporter_of_request(), now=now_utc())


def _brings_bytes() -> bool:
    # A chunked body has no length; whether it brings anything is seen when it is read.
    return bool(request.content_length) or _is_chunked()


def _is_chunked() -> bool:
    return request.headers.get("Transfer-Encoding", "").lower() == "chunked"


def _check_body(offset_bytes: int, length_bytes: int | None) -> None:
    """Refuse a body of another type, or one that announces more than there is room for."""
    if request.mimetype != BYTES:
        raise refusals.not_bytes(BYTES)
    room = MAX_BYTES if length_bytes is None else length_bytes
    if request.content_length and offset_bytes + request.content_length > room:
        raise refusals.overflows(room)


def _take_first_bytes(door: Door, upload: Upload, checksum: protocol.Checksum | None) -> Progress:
    """Take what came with the creation; where that fails, nothing was created."""
    turn = door.commit(
        lambda session: ledger.take_turn(session, upload=upload, offset_bytes=0, length_bytes=None)
    )
    try:
        progress = receive(door, turn=turn, line=_line(), checksum=checksum)
        if progress.offset_bytes == upload.length_bytes:
            using.check_sum(door, upload, length_bytes=progress.offset_bytes)
    except SuishoupaiError:
        # Its address was never told to anybody.
        using.end(door, upload.id)
        raise
    return progress


def _line() -> Line:
    """Return the request's body; the same one each time, since it remembers that it broke."""
    if "line" in g:
        known: Line = g.line
        return known
    g.line = line = Line(request.stream.read, timeout_of(request.environ), is_chunked=_is_chunked())
    return line


def _told(status: int, progress: Progress, **headers: str) -> Response:
    """Return an answer that says how far the upload is and until when it may stand still."""
    return Response(
        status=status,
        headers={
            "Upload-Offset": str(progress.offset_bytes),
            "Upload-Expires": protocol.expires_header(progress.expires_at),
        }
        | headers,
    )
