"""What the document of the room's API promises is what the API does, whatever is sent to it."""

from typing import Any

import pytest

from schemas.access import Role

SHENHE = "210103"


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_every_answer_is_in_the_document(app: Any, world: Any, try_document: Any) -> None:
    roles = (
        Role.BUREAU_HEAD,
        Role.INSPECTOR,
        Role.DISPATCHER,
        Role.AUDITOR,
        Role.ADMINISTRATOR,
        Role.REWARD_OFFICER,
    )
    person = world.person("hanna", *((role, SHENHE) for role in roles))
    # It would prove little if nothing had ever been let in.
    assert try_document(app, world.token(person), world.case().number) >= {200, 404, 422}
