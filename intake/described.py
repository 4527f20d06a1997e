"""From an app's routes to its OpenAPI document; both doors use it."""

import re
from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule

from schemas.wire.openapi import Described

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def described_routes(app: Flask) -> Iterator[tuple[str, str, Described]]:
    """Give (method, path, described) of each route that says what the document is to hold."""
    for rule in app.url_map.iter_rules():
        described = getattr(app.view_functions[rule.endpoint], "described", None)
        if isinstance(described, Described):
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
            for method in METHODS:
                if method in _own_methods(rule):
                    yield method, path, described


def _own_methods(rule: Rule) -> set[str]:
    """Return what a rule was declared for, without what the framework adds to it."""
    methods = set(rule.methods or ())
    if "GET" in methods:
        methods.discard("HEAD")
    # Flask notes here whether it answers OPTIONS by itself.
    if getattr(rule, "provide_automatic_options", True):
        methods.discard("OPTIONS")
    return methods
