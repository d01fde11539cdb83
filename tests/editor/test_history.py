"""Whatever a person does, nothing of the history is lost, and what is on disk is what is shown."""

import tempfile

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.state import Point, StartSpec, StyleMix
from draglab.errors import DraglabError
from tests.tiny import tiny_generator

GENERATOR = tiny_generator(img_resolution=16)
places = st.tuples(st.integers(0, 15), st.integers(0, 15)).map(lambda xy: (float(xy[0]), float(xy[1])))
point_lists = st.lists(st.tuples(places, st.none() | places), max_size=2).map(
    lambda pairs: [Point(number, handle, target) for number, (handle, target) in enumerate(pairs)]
)


class History(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(self.folder.name)
        self.session = EditingSession.create(self.journal, lambda name: GENERATOR, StartSpec("tiny", 1))
        self.session.set_settings({"max_steps": 3})
        self.seen = {}

    def teardown(self):
        self.journal.file.close()
        self.folder.cleanup()

    def nodes(self):
        return self.session.view().nodes

    @rule(points=point_lists, done=st.booleans())
    def points(self, points, done):
        try:
            self.session.set_points(points, done)
        except DraglabError as error:
            assert "only targets move" in str(error)

    @rule(rows=st.integers(0, 16), feather=st.integers(0, 3))
    def mask(self, rows, feather):
        mask = np.zeros((16, 16), bool)
        mask[:rows] = True
        self.session.set_mask(None if rows == 0 else mask, feather)

    @rule(seed=st.integers(1, 2), layer=st.none() | st.integers(1, 5))
    def start(self, seed, layer):
        self.session.set_start(StartSpec("tiny", seed, mix=None if layer is None else StyleMix(3, layer)))

    @rule(points=point_lists)
    def drag(self, points):
        try:
            self.session.set_points(points)
            self.session.rounds.start()
        except DraglabError:
            return
        self.session.rounds.step()

    @precondition(lambda self: self.session.rounds.running)
    @rule()
    def step(self):
        self.session.rounds.step()

    @precondition(lambda self: self.session.view().can_undo)
    @rule()
    def undo(self):
        before = self.session.view().cursor
        self.session.undo()
        after = self.session.view()
        assert next(node.parent for node in after.nodes if node.id == before) == after.cursor
        self.session.redo()
        assert self.session.view().cursor == before
        self.session.undo()

    @precondition(lambda self: self.session.view().can_redo)
    @rule()
    def redo(self):
        self.session.redo()

    @rule(data=st.data())
    def goto(self, data):
        node = data.draw(st.sampled_from([node.id for node in self.nodes()]))
        self.session.goto(node)
        assert self.session.view().cursor == node

    @precondition(lambda self: any(node.frames for node in self.nodes()))
    @rule(data=st.data())
    def branch(self, data):
        node = data.draw(st.sampled_from([node for node in self.nodes() if node.frames]))
        self.session.continue_from(node.id, data.draw(st.integers(0, node.frames)))

    @rule(radius=st.floats(1, 9))
    def change_settings(self, radius):
        self.session.set_settings({"r1": radius})

    @rule()
    def stop(self):
        self.session.rounds.stop()

    @invariant()
    def nothing_is_lost(self):
        nodes = {node.id: node for node in self.nodes()}
        for id_, old in self.seen.items():
            new = nodes[id_]
            assert (new.parent, new.kind) == (old.parent, old.kind)
            assert new.frames >= old.frames
            # A drag that arrived may go on when its target is pulled further; no other ends twice.
            assert old.end in (None, new.end, "arrived")
        self.seen = nodes

    @invariant()
    def the_view_is_consistent(self):
        view = self.session.view()
        shown = next(node for node in view.nodes if node.id == view.cursor)
        assert view.can_undo == (shown.parent is not None)
        assert any(node.parent == view.cursor for node in view.nodes) or not view.can_redo
        assert view.state == ("running" if self.session.rounds.running else "idle")
        assert [node.id for node in view.nodes if node.end is None and node.kind == "round"] == (
            [view.cursor] if self.session.rounds.running else []
        )
        self.session.pictures.frame(
            view.cursor, shown.frames
        ) if shown.kind == "round" else self.session.pictures.current()

    @precondition(lambda self: not self.session.rounds.running)
    @invariant()
    def the_disk_says_the_same(self):
        self.session.set_points(self.session.view().points)
        again = EditingSession.open(self.journal, lambda name: GENERATOR, self.session.document.id)
        assert again.view() == self.session.view()
        assert (again.pictures.current() == self.session.pictures.current()).all()


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=6, stateful_step_count=15, deadline=None)
