"""What the document of the rider's API promises is what the API does, whatever is sent to it."""

from typing import Any

import pytest


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_every_answer_is_in_the_document(
    app: Any, send: Any, token: str, try_document: Any
) -> None:
    number = send(token=token).json["number"]
    # It would prove little if nothing had ever been let in.
    assert try_document(app, token, number) >= {200, 404}
