import ast
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

import intake
import schemas
from intake.problems import PROBLEMS

API = ("/api/",)
ROOMS = (Path(intake.__file__).parent, Path(schemas.__file__).parent / "wire")


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").get_json()
    return found


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    validate(document, cls=OpenAPIV31SpecValidator)
    assert document["openapi"].startswith("3.1")


def test_routes_and_document_hold_the_same(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or set()
        # What the framework adds by itself is nothing to tell.
        if not (method == "HEAD" and "GET" in (rule.methods or set()))
        if not (method == "OPTIONS" and rule.provide_automatic_options)
        if rule.rule.startswith(API)
    }
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert described == routes
    assert routes


def test_every_path_parameter_is_described(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            given = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert given == set(re.findall(r"{(\w+)}", path))


def test_what_is_answered_is_what_the_document_says(
    document: dict[str, Any], client: FlaskClient
) -> None:
    answer = client.get("/api/v1/categories").get_json()
    schema = document["components"]["schemas"]["CategoryInfo"]
    assert set(answer["categories"][0]) == set(schema["properties"])


def test_every_refusal_names_codes_of_the_table(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    for code in response["description"].split(", "):
                        assert code in PROBLEMS


def _raised_codes() -> set[str]:
    """Every constant first argument of an error class in the door's own sources."""
    codes = set()
    names = {"InvalidInput", "PhotoRefused", "TooLarge", "NotSignedIn", "NotFound", "Conflict"}
    names |= {"TooMany", "Unavailable"}
    for room in ROOMS:
        for path in room.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in names
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                ):
                    codes.add(str(node.args[0].value))
    return codes


# What is raised for the operator's command line or the worker, never over HTTP.
ELSEWHERE = re.compile(
    r"rider.*|row-too-long|sms-away|qr-format|station-(exists|unknown)|original-missing|"
    r"queue-away|disk-full|reason-missing|case-(not-)?held|legal-hold|number-unknown|"
    r"pages-not-bundled|subscriber-name-missing|channel-not-set-up|address-invalid"
)


def test_the_table_holds_every_problem_that_is_raised() -> None:
    missing = {code for code in _raised_codes() - set(PROBLEMS) if not ELSEWHERE.fullmatch(code)}
    assert missing == set()


def test_the_document_shows_the_table(document: dict[str, Any]) -> None:
    for code in PROBLEMS:
        assert f"`{code}`" in document["info"]["description"]
