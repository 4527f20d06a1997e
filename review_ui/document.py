"""The OpenAPI document of the inspectors' room, made from its routes."""

from typing import Any

from flask import current_app
from openapi_pydantic import SecurityScheme

from intake.described import described_routes
from schemas.wire.openapi import build_document

API_VERSION = "1.0.0"
DESCRIPTION = """Cases of food-safety reports, for the other systems of the staff.

A token sees and does what its holder sees and does on the pages. What is not theirs is
404. Every refusal is problem+json (RFC 9457) with a stable `type` and a sentence in
zh-CN or English by Accept-Language. A transition carries the `version` that was read:
when the case changed meanwhile the answer is 409 and says what changed.
"""


def document() -> dict[str, Any]:
    """Return the document of the present application's routes."""
    return build_document(
        title="随手拍 · Suishoupai, the inspectors' room",
        version=API_VERSION,
        description=DESCRIPTION,
        security_schemes={
            "staff": SecurityScheme(
                type="http", scheme="bearer", description="an API token of a staff member"
            )
        },
        routes=described_routes(current_app),
    )
