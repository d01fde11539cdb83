from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from draglab.server.turns import REMEMBERED, Turns
from tests.reference.slow_turns import taken_one_by_one

adding = st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=40)


def test_persons_have_turns():
    turns = Turns()
    for owner, name in (("anna", "a1"), ("anna", "a2"), ("anna", "a3"), ("bert", "b1"), ("carl", "c1")):
        turns.add(owner, name)
    assert [turns.take() for _ in range(2)] == ["a1", "b1"]
    turns.add("dora", "d1")
    # Who never had a turn comes first, then the one whose turn is longest ago.
    assert [turns.take() for _ in range(5)] == ["c1", "d1", "a2", "a3", None]
    assert len(turns) == 0


def test_who_may_not_begin_keeps_the_turn():
    turns = Turns()
    for owner, name in (("anna", "a1"), ("bert", "b1"), ("bert", "b2")):
        turns.add(owner, name)
    assert turns.take(lambda owner: owner != "anna") == "b1"
    assert [turns.take() for _ in range(2)] == ["a1", "b2"]


def test_what_is_removed_is_not_taken():
    turns = Turns()
    turns.add("anna", "a1")
    turns.add("anna", "a2")
    assert turns.remove("anna", "a1") and not turns.remove("anna", "a1") and not turns.remove("bert", "a2")
    assert (turns.count("anna"), turns.position("anna", "a1"), turns.position("anna", "a2")) == (1, None, 1)
    assert turns.take() == "a2" and turns.count("anna") == 0


@given(adding)
def test_positions_are_those_of_taking_one_by_one(steps):
    turns = Turns()
    queues: dict[str, list[str]] = {}
    last: OrderedDict[str, None] = OrderedDict()
    for number, (owner, takes) in enumerate(steps):
        turns.add(owner, f"{owner}{number}")
        queues.setdefault(owner, []).append(f"{owner}{number}")
        if takes:
            (name, *_) = taken_one_by_one(queues, last)
            assert turns.take() == name
            queues[name[0]].remove(name)
            last[name[0]] = None
            last.move_to_end(name[0])
    order = taken_one_by_one(queues, last)
    assert len(turns) == len(order)
    assert [turns.position(name[0], name) for name in order] == [*range(1, len(order) + 1)]


def test_persons_without_work_are_forgotten_in_time():
    turns = Turns()
    for number in range(2 * REMEMBERED):
        turns.add(f"person {number}", "drag")
        turns.take()
    assert len(turns._last) <= REMEMBERED + 1
