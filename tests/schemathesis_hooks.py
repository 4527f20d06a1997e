"""What schemathesis has to be told beside its configuration, for docs/api-trial.toml."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def as_bytes(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Send a piece of an upload (tus 1.0.0) as the bytes that it is."""
    return value if isinstance(value, bytes) else str(value).encode()
