"""What is recorded of pulls: few steps of many, files that repeat them, and what is left of damaged ones."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from draglab.editor import pull as pulls
from draglab.editor.branch import edit_file_of
from draglab.editor.export import export
from draglab.editor.pull import MAX_KEPT, KeptStep, KeptSteps
from draglab.editor.session import EditingSession
from draglab.editor.state import Point
from tests.editor.pulls import generator_in, kinds, let_go, pull, same_pixels, session_of, way
from tests.editor.sessions import GENERATOR, reopened, run


def test_its_file_repeats_it_bit_by_bit(session):
    draw = random.Random(4)
    handle = (8.0, 9.0)
    for gesture in range(1, 4):
        places = [(handle[0] + draw.uniform(-4, 6), handle[1] + draw.uniform(-3, 6)) for _ in range(30)]
        pull(session, way(*places, point=gesture, handle=handle), gesture, steps=draw.choice([1, 2]))
        let_go(session, Point(gesture, handle, places[-1]), gesture)
        handle = (draw.uniform(6, 20), draw.uniform(6, 20))
    assert kinds(session) == ["start", "round", "round", "round"]
    file = edit_file_of(session.document)
    assert all(one.moved and one.steps for one in file.rounds)
    assert same_pixels(session, generator_in(session))
    journal = session.document.journal
    generator = generator_in(session)
    again = EditingSession.from_edit_file(journal, lambda name: generator, file)
    run(again)
    assert (again.pictures.current() == session.pictures.current()).all()
    # Opened again it takes no more room than when it was made.
    for first, second in zip(session.view().nodes, again_rounds(again), strict=False):
        assert second.frames <= max(MAX_KEPT + 1, first.frames)


def test_a_hand_that_rests_far_away_and_goes_on_is_repeated_too(session):
    """With stalls, arrivals and limits of steps on the way, after which the next move goes on."""
    session.set_settings({"patience": 2, "max_steps": 3, "stop_distance": 0.5})
    pull(session, way((10, 9), (31, 31), (9, 9), (9.2, 9), (0, 31)), steps=12)
    assert session.rounds.pulling
    let_go(session, Point(1, (8, 9), (10, 11)))
    assert session.view().nodes[-1].end is not None
    assert same_pixels(session, generator_in(session))


def test_killed_on_the_way_it_is_as_if_nobody_had_pulled(session):
    pull(session, way((10, 9), (12, 9)))
    again = reopened(session)
    assert kinds(again) == ["start"] and again.view().points == []


@pytest.mark.parametrize(
    ("kind", "damage", "left"),
    [
        ("moves", lambda body: {**body, "moves": [{**body["moves"][0], "targets": []}]}, 0),
        ("moves", lambda body: {**body, "moves": [{"after": 1, "targets": [[1, 1], [2, 2]]}, *body["moves"]]}, 0),
        ("moves", lambda body: {**body, "moves": []}, 0),
        ("frame", lambda body: {**body, "step": 0}, 0),
        ("end", lambda body: {**body, "kept": 99}, None),
    ],
)
def test_of_a_damaged_pull_the_sound_beginning_is_kept(journal, kind, damage, left):
    session = session_of(journal)
    pull(session, way((10, 9), (12, 9)))
    let_go(session, Point(1, (8, 9), (12, 10)))
    frames = session.view().nodes[-1].frames
    run_ = journal.file.connection.execute
    row, body = run_("SELECT rowid, body FROM entries WHERE kind = ? ORDER BY number LIMIT 1", (kind,)).fetchone()
    run_("UPDATE entries SET body = ? WHERE rowid = ?", (json.dumps(damage(json.loads(body))), row))
    again = reopened(session)
    node = again.view().nodes[-1]
    assert (node.kind, node.end, node.frames) == ("round", "interrupted", frames if left is None else left)
    assert "ends at an earlier step" in journal.file.notices[0]
    again.pictures.current()


def test_frames_out_of_order_are_damage(journal):
    session = session_of(journal)
    pull(session, way((10, 9), (12, 9), (11, 9)))
    let_go(session, Point(1, (8, 9), (12, 10)))
    journal.file.connection.execute(
        "UPDATE entries SET body = json_set(body, '$.step', 1) WHERE kind = 'frame' AND number = "
        "(SELECT number FROM entries WHERE kind = 'frame' ORDER BY number LIMIT 1 OFFSET 1)"
    )
    assert reopened(session).view().nodes[-1].frames == 1


def test_of_any_number_of_steps_some_are_kept():
    kept = KeptSteps(most=6)
    for index in range(1, 100):
        kept.add(KeptStep(index, [], 0.0, b""))
        found = [step.index for step in kept]
        assert found == sorted(set(found)) and found[-1] == index
        assert len(found) <= 7
        assert len(found) >= min(index, 3)
        spread = [step for step in found if step % kept.every == 0]
        assert spread == list(range(kept.every, index + 1, kept.every))
    assert kept.every == 16


def test_the_steps_that_are_kept_are_few_and_evenly_spread(session, tmp_path):
    draw = random.Random(1)
    session.set_settings({"max_steps": 20})
    moves = 80
    pull(session, way(*((8 + draw.uniform(-2, 6), 9 + draw.uniform(-2, 6)) for _ in range(moves))))
    let_go(session, Point(1, (8, 9), (11, 10)))
    record = session.document.history.node.round
    assert record is not None
    pulled = [frame.step for frame in record.frames if frame.step <= moves]
    assert MAX_KEPT // 2 <= len(pulled) <= MAX_KEPT + 1
    assert max(np.diff([0, *pulled])) <= 2 * moves / (MAX_KEPT // 2)
    assert len(edit_file_of(session.document).rounds[0].moved) <= moves + 1
    assert same_pixels(session, generator_in(session))
    # Looked at, gone on with from there, and made a video of.
    node = session.document.history.node
    middle = session.view().nodes[-1].frames // 2
    shown = session.pictures.frame(node.id, middle)
    session.continue_from(node.id, middle)
    assert session.view().nodes[-1].label == f"From step {record.frames[middle - 1].step}"
    assert (session.pictures.current() == shown).all()
    assert same_pixels(session, generator_in(session))
    for _ in export(session.document, "mp4", "round", tmp_path / "pull.mp4"):
        pass
    again = reopened(session)
    assert again.view() == session.view()


def test_twenty_pulls_stay_small(journal):
    session = session_of(journal)
    size = 4 * GENERATOR.num_ws * GENERATOR.w_dim
    for gesture in range(20):
        pull(session, way(*((9 + step % 5, 9) for step in range(40))), gesture)
        session.pull([Point(1, (8, 9), (10, 9))], gesture, done=True)
        session.rounds.stop()
    (count,) = journal.file.connection.execute("SELECT COUNT(data) FROM entries").fetchone()
    assert count <= 20 * (MAX_KEPT + 2)
    (info,) = journal.sessions()
    assert info.rounds == 20
    assert info.bytes < 20 * ((MAX_KEPT + 2) * (size + 200) + 40 * 100 + 2000)


def test_longer_than_a_file_can_hold_it_is_two(session, monkeypatch):
    monkeypatch.setattr(pulls, "MAX_MOVES", 10)
    pull(session, way(*((9 + step % 7, 9 + step % 3) for step in range(25))))
    let_go(session, Point(1, (8, 9), (10, 9)))
    rounds = edit_file_of(session.document).rounds
    assert len(rounds) == 3 and max(len(one.moved) for one in rounds) <= 10
    assert same_pixels(session, generator_in(session))


def again_rounds(session: EditingSession):
    return [node for node in session.view().nodes if node.kind in ("start", "round")]
