"""What each figure counts, against cases laid out by hand."""

from schemas.lifecycle import State


def test_a_report_is_received_accepted_and_followed_to_where_it_stands(city, at) -> None:
    first = city.case(at(0), rider=city.rider())
    city.verified(first, at(1))
    city.move(first, State.NOT_FILED, at(2))
    second = city.case(at(0), code="210112")
    city.move(second, State.VERIFYING, at(1))
    city.case(at(3))
    gone = city.case(at(3))
    city.move(gone, State.VERIFYING, at(4))
    city.move(gone, State.UNFOUNDED, at(5))
    found = city.count().totals
    assert found["received"] == found["accepted"] == 4
    assert found["received_done"] == 1
    assert found["received_under_way"] == 1
    assert found["received_waiting"] == 1
    assert found["received_other"] == 1
    assert (found["verified"], found["unfounded"], found["concluded"]) == (1, 1, 2)
    assert found["verification_rate"] == 5000
    assert found["active_riders"] == 1
    assert found["open"] == 2
    rows = city.count().tables["county"]
    assert (rows["210103"]["received"], rows["210112"]["received"]) == (3, 1)
