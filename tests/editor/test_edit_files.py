"""An edit leaves as a file, a command or a program, and comes back to the same pixels."""

import ast
import json
import shlex
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

import draglab
from draglab import DraglabError, DragSettings, load_generator
from draglab.cli.main import main
from draglab.editor import Replay
from draglab.editor.branch import edit_file_of
from draglab.editor.descriptions import as_command, as_python
from draglab.editor.session import EditingSession
from draglab.editor.state import Point, StartSpec, StyleMix
from draglab.media.edit_file import EditFile, parse_edit_file, save_edit_file
from tests.editor.sessions import FAR, GENERATOR, dragged, generator_of, new_session, reopened, run
from tests.tiny import tiny_generator


def half() -> np.ndarray:
    mask = np.zeros((32, 32), bool)
    mask[:20] = True
    return mask


def replayed(edit: EditFile) -> np.ndarray:
    replay = Replay(parse_edit_file(edit.model_dump_json().encode()), GENERATOR)
    for _ in replay:
        pass
    return replay.image()


def one_round(session):
    dragged(session)


def several_rounds(session):
    dragged(session)
    session.set_mask(half(), feather=4)
    dragged(session, Point(1, (5, 5), (12, 5)), Point("x", (20, 9), (20, 16)))
    session.set_settings({"r1": 20.0})
    session.rounds.start()
    run(session)


def stopped(session):
    session.set_points([FAR])
    session.rounds.start()
    session.rounds.step()
    session.rounds.stop()


def branched(session):
    dragged(session)
    session.continue_from(session.view().cursor, 2)
    session.set_points([Point(1, (8, 9), (8, 20))])
    session.rounds.start()
    run(session)
    session.continue_from(session.view().cursor, 3)


def targets_moved(session):
    session.set_points([FAR])
    session.rounds.start()
    session.set_points([Point(1, (8, 9), (15, 9))])
    session.rounds.step()
    session.set_points([Point(1, (8, 9), (15, 20))], gesture_done=False)
    session.set_points([Point(1, (8, 9), (9, 20))], gesture_done=False)
    session.rounds.step()
    session.set_points([Point(1, (8, 9), (1, 20))])
    run(session)


def resumed_after_arrival(session):
    session.set_settings({"stop_distance": 5.5})
    session.set_points([FAR])
    session.rounds.start()
    session.set_points([Point(1, (8, 9), (14, 9))], gesture_done=False)
    while session.rounds.running:
        session.rounds.step()
    session.set_points([Point(1, (8, 9), (28, 9))])
    assert len(run(session)) > 0


def given_up(session):
    """The best step is kept, and all follows from it."""
    session.set_settings({"max_steps": 4})
    dragged(session)
    assert session.view().nodes[-1].kept < 4
    session.set_points([Point(1, (8, 9), (8, 20))])
    session.rounds.start()
    run(session)


def stopped_after_its_best(session):
    session.set_settings({"max_steps": 9})
    session.set_points([FAR])
    session.rounds.start()
    for _ in range(4):
        session.rounds.step()
    session.rounds.stop()
    assert session.view().nodes[-1].kept == 4


def mixed(session):
    session.set_start(StartSpec("tiny", 3, truncation_psi=0.7, mix=StyleMix(9, 5)))
    dragged(session)


def mixed_afterwards(session):
    dragged(session)
    session.set_start(StartSpec("tiny", 3, mix=StyleMix(9, 5)))
    session.rounds.start()
    run(session)


EDITS = [
    one_round,
    several_rounds,
    stopped,
    branched,
    given_up,
    stopped_after_its_best,
    targets_moved,
    resumed_after_arrival,
    mixed,
    mixed_afterwards,
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_file_replays_to_the_same_pixels(journal, edit):
    session = new_session(journal)
    edit(session)
    file = edit_file_of(session.document)
    assert any(one.moved for one in file.rounds) == (edit in (targets_moved, resumed_after_arrival))
    assert (replayed(file) == session.pictures.current()).all()
    again = EditingSession.from_edit_file(journal, generator_of, file)
    assert again.rounds.running and again.view().remaining == len(file.rounds)
    run(again)
    assert not again.rounds.running
    assert (again.pictures.current() == session.pictures.current()).all()
    assert edit_file_of(again.document) == file
    # All but the method, which the next drag chooses anew.
    assert again.view().settings == {**file.rounds[-1].settings, "descent": "auto"}


def test_going_on_where_a_file_ended(journal):
    session = new_session(journal)
    several_rounds(session)
    again = EditingSession.from_edit_file(journal, generator_of, edit_file_of(session.document))
    run(again)
    handles = [[point.handle for point in each.view().points] for each in (session, again)]
    assert handles[0] == handles[1]
    for each in (session, again):
        each.rounds.start()
        run(each)
    assert (again.pictures.current() == session.pictures.current()).all()


def test_stopping_a_replay_keeps_what_was_made(journal):
    session = new_session(journal)
    several_rounds(session)
    again = EditingSession.from_edit_file(journal, generator_of, edit_file_of(session.document))
    again.rounds.step()
    again.rounds.stop()
    assert not again.rounds.running and again.view().remaining == 0
    assert [node.end for node in again.view().nodes if node.kind == "round"] == ["stopped"]


def test_points_that_were_not_dragged_yet(journal):
    session = new_session(journal)
    with pytest.raises(DraglabError, match="drag something first"):
        edit_file_of(session.document)
    session.set_points([FAR])
    again = EditingSession.from_edit_file(journal, generator_of, edit_file_of(session.document))
    run(again)
    assert again.view().points == [FAR]
    assert (again.pictures.current() == session.pictures.current()).all()


def test_a_file_of_another_model_is_refused(journal):
    session = new_session(journal)
    dragged(session)
    with pytest.raises(DraglabError, match="made with another model"):
        EditingSession.from_edit_file(
            journal, lambda name: tiny_generator(channel_max=8), edit_file_of(session.document)
        )
    assert len(journal.sessions()) == 1


def test_a_round_stopped_after_its_best_step_is_said_by_its_file(journal):
    """A command would keep the best step."""
    session = new_session(journal)
    stopped_after_its_best(session)
    assert as_command(session.document).edit_file is not None and as_python(session.document).edit_file is not None
    session.continue_from(session.view().cursor, 3)
    assert as_python(session.document).edit_file is None and "max_steps=3" in as_python(session.document).text


OLD = {"back_off": None, "settle_steps": None, "mask_limit": None, "descent": "adam", "patience": 50}


def test_a_file_of_version_1_drags_as_it_did():
    content = {
        "format": "draglab-edit",
        "version": 1,
        "model": {"name": "tiny", "sha256": GENERATOR.sha256},
        "start": {"seed": 3},
        "rounds": [{"points": [{"handle": [8, 9], "target": [14, 9]}], "settings": {"max_steps": 2}}],
    }
    steps = list(Replay(parse_edit_file(json.dumps(content).encode()), GENERATOR))
    assert steps[0].settings == DragSettings(max_steps=2, **OLD)
    content["version"] = 2
    steps = list(Replay(parse_edit_file(json.dumps(content).encode()), GENERATOR))
    assert steps[0].settings == DragSettings(max_steps=2, descent="first-order")
    content["version"] = 3
    steps = list(Replay(parse_edit_file(json.dumps(content).encode()), GENERATOR))
    assert steps[0].settings == DragSettings(max_steps=2)


def test_a_round_of_a_journal_from_before_some_settings(journal):
    """Where a round's record lacks them, it is said and made again as it was run."""
    session = new_session(journal, **{**OLD, "max_steps": 3})
    dragged(session)
    session.undo()
    before = asdict(session.view())
    session.redo()
    rows = journal.file.connection.execute("SELECT rowid, body FROM entries WHERE kind = 'round'").fetchall()
    for row, text in rows:
        body = json.loads(text)
        for name in ("back_off", "settle_steps", "mask_limit"):
            del body["settings"][name]
        journal.file.connection.execute("UPDATE entries SET body = ? WHERE rowid = ?", (json.dumps(body), row))
    assert rows
    again = reopened(session)
    assert (replayed(edit_file_of(again.document)) == session.pictures.current()).all()
    program = as_python(again.document)
    assert program.edit_file is None and program.text == as_python(session.document).text
    assert "back_off=None" in program.text and "mask_limit=None" in program.text
    again.undo()
    assert asdict(again.view()) == before
    again.redo()
    again.rounds.start()
    assert run(again)


HEADS = Point(1, (93, 125), (118.5, 125))


def head_simple(session):
    session.set_settings({"max_steps": 2, "r1": 4.0})
    dragged(session, HEADS, Point(2, (74, 102), (74, 110.25)))


def head_stopped(session):
    session.set_points([HEADS])
    session.rounds.start()
    session.rounds.step()
    session.rounds.stop()


def head_of_a_truncated_seed(session):
    session.set_start(StartSpec("heads", 5, truncation_psi=-0.25))


def head_twice(session):
    session.set_settings({"max_steps": 1})
    dragged(session, HEADS)
    session.rounds.start()
    run(session)


def head_with_other_settings(session):
    session.set_settings({"max_steps": 1, "anchor": 0.5})
    dragged(session, HEADS)


def head_mixed(session):
    session.set_start(StartSpec("heads", 78, mix=StyleMix(9, 8)))
    session.set_settings({"max_steps": 1})
    dragged(session, HEADS)


def head_masked(session):
    session.set_settings({"max_steps": 1})
    mask = np.zeros((256, 256), bool)
    mask[:, 20:220] = True
    session.set_mask(mask, feather=2.5)
    dragged(session, HEADS)


def names_outside_the_api(program: str) -> list[str]:
    """What a program imports besides draglab, and what it takes from draglab that is not public."""
    found = []
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.ImportFrom):
            found.append(str(node.module))
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name != "draglab"]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "draglab":
            found += [node.attr] if node.attr not in draglab.__all__ else []
    return found


@pytest.mark.parametrize(
    ("edit", "command_is_enough", "program_is_enough"),
    [
        (head_simple, True, True),
        (head_stopped, True, True),
        (head_of_a_truncated_seed, True, True),
        (head_twice, False, True),
        (head_with_other_settings, True, True),
        (head_mixed, False, True),
        (head_masked, False, False),
    ],
)
def test_what_is_said_makes_the_same_image(
    journal, tmp_path, monkeypatch, capsys, edit, command_is_enough, program_is_enough
):
    heads = load_generator("heads", device="cpu")
    session = EditingSession.create(journal, lambda name: heads, StartSpec("heads", 78))
    edit(session)
    monkeypatch.chdir(tmp_path)

    command = as_command(session.document)
    assert (command.edit_file is None) == command_is_enough
    if command.edit_file is not None:
        save_edit_file("edit.json", command.edit_file)
    words = shlex.split(command.text)
    assert words[0] == "draglab" and words[-1] == "after.png"
    assert main([*words[1:], "--device=cpu"]) == 0, capsys.readouterr().err
    assert (np.asarray(Image.open("after.png")) == session.pictures.current()).all()

    program = as_python(session.document)
    assert (program.edit_file is None) == program_is_enough
    assert names_outside_the_api(program.text) == []
    names: dict = {}
    exec(program.text.replace("load_generator('heads'", "load_generator('heads', device='cpu'"), names)
    assert (names["image"] == session.pictures.current()).all()
