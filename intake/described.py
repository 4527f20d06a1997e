"""From an app's routes to its OpenAPI document; both doors use it."""

import re
from collections.abc import Iterator

from flask import Flask

from schemas.wire.openapi import Described

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def described_routes(app: Flask) -> Iterator[tuple[str, str, Described]]:
    """Give (method, path, described) of each route that says what the document is to hold."""
    for rule in app.url_map.iter_rules():
        described = getattr(app.view_functions[rule.endpoint], "described", None)
        if isinstance(described, Described):
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
            for method in METHODS:
                if rule.methods and method in rule.methods:
                    yield method, path, described
