"""What the document of the rider's API promises is what the API does, whatever is sent to it."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from schemathesis.specs.openapi import checks

PROMISES = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
HARD_TRY = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_every_answer_is_in_the_document(app: Any, send: Any, token: str) -> None:
    number = send(token=token).json["number"]
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    schema.config.update(headers={"Authorization": f"Bearer {token}"})
    seen = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @HARD_TRY
        @given(case=operation.as_strategy(), real=booleans())
        def try_it(case: schemathesis.Case, real: bool) -> None:
            # Half of the questions are about a report that there is.
            if real and "number" in case.path_parameters:
                case.path_parameters["number"] = number
            response = case.call_and_validate(checks=PROMISES)
            seen.add((case.operation.label, response.status_code))

        try_it()
    # It would prove little if nothing had ever been let in.
    assert {code for _, code in seen} >= {200, 404}
