"""Changes of points over the websocket, and what the state acknowledges."""

from dataclasses import replace

from draglab.server.limits import Limits
from tests.server.running_server import Running

POINT = {"id": 1, "handle": [8, 9], "target": [14, 9]}


def test_the_state_says_which_changes_it_takes_in(server: Running):
    with server.client() as client:
        client.begin(model="tiny", seed=3)
        for number in (1, 2, 3):
            client.send("add_point", point={**POINT, "id": number}, id=10 + number)
        state = client.until("state", lambda state: state["acknowledged"] == 13)
        assert [point["id"] for point in state["points"]] == [1, 2, 3]
        client.send("move_point", point=2, target=[1, 2], id=14)
        client.send("remove_points", points=[3], id=15)
        state = client.until("state", lambda state: state["acknowledged"] == 15)
        assert [point["target"] for point in state["points"]] == [[14, 9], [1, 2]]
        client.send("remove_points", points=None, id=16)
        assert client.until("state", lambda state: state["acknowledged"] == 16)["points"] == []


def test_another_tab_is_not_told_of_these_numbers(server: Running):
    with server.client() as one, server.client() as other:
        other.send("open_session", session=one.begin(model="tiny", seed=1), id=3)
        other.picture("current")
        one.send("add_point", point=POINT, id=44)
        assert other.until("state", lambda state: bool(state["points"]))["acknowledged"] == 3
        # Both change the same points: nothing is lost.
        other.send("add_point", point={**POINT, "id": 2}, id=4)
        state = one.until("state", lambda state: len(state["points"]) == 2)
        assert state["acknowledged"] == 44


def test_a_change_that_cannot_be_made_is_answered_by_its_number(start):
    server = start(limits=replace(Limits(), points=2))
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        for number in (1, 2, 3):
            client.send("add_point", point={**POINT, "id": number}, id=number)
        error = client.until_error()
        assert (error["id"], error["message"]) == (3, "there are 2 handles already (limit 'points'): delete one first")
        # One that is there is replaced.
        client.send("add_point", point={**POINT, "id": 2, "target": [3, 3]}, id=5)
        state = client.until("state", lambda state: state["acknowledged"] == 5)
        assert state["points"][1]["target"] == [3, 3]
        client.send("remove_points", points=[1, 2, 3], id=6)
        assert client.until_error()["id"] == 6
        client.send("move_point", point=9, target=[3, 3], id=7)
        assert "no longer there" in client.until_error()["message"]


def test_a_new_handle_ends_the_round_and_shows_where_it_is(server: Running):
    with server.client() as client:
        client.begin(model="tiny", seed=3)
        client.drag_without_end()
        client.send("add_point", point={**POINT, "id": 2}, id=5)
        state = client.until("state", lambda state: state["acknowledged"] == 5)
        assert state["state"] == "idle" and len(state["points"]) == 2
        client.picture("current")
