"""The image that an edit starts from: seeds, values, style mixing."""

import numpy as np
import pytest
import torch

from draglab import DraglabError
from draglab.editor.session import EditingSession
from draglab.editor.state import StartSpec, StyleMix
from tests.editor.sessions import FAR, GENERATOR, dragged, generator_of, new_session, reopened


def test_another_image_has_no_points_and_undo_brings_them_back(journal):
    session = new_session(journal)
    session.set_mask(np.arange(32 * 32).reshape(32, 32) < 640)
    dragged(session)
    before = session.view()
    session.set_start(StartSpec("tiny", 8, truncation_psi=0.5))
    view = session.view()
    assert (view.points, view.mask, view.start.seed, view.start.truncation_psi) == ([], None, 8, 0.5)
    assert (session.pictures.current() == session.pictures.of_seed(8, 0.5)).all()
    session.undo()
    assert session.view().points == before.points
    assert session.view().original == before.original


def test_another_appearance_keeps_what_was_dragged(journal):
    session = new_session(journal, num_layers=4)
    dragged(session)
    shape = session.document.latent(session.document.history.node.latent_id, GENERATOR)
    session.set_start(StartSpec("tiny", 3, mix=StyleMix(9, 5)))
    mixed = session.document.latent(session.document.history.node.latent_id, GENERATOR)
    assert torch.equal(mixed[:, :5], shape[:, :5])
    assert torch.equal(mixed[:, 5:], GENERATOR.w_plus_from_seed(9)[:, 5:])
    assert session.view().points[0].handle != FAR.handle
    session.set_start(StartSpec("tiny", 3, mix=StyleMix(9, 6)))
    session.set_start(StartSpec("tiny", 3))
    back = session.document.latent(session.document.history.node.latent_id, GENERATOR)
    assert torch.equal(back, shape)


def test_starts_by_values_can_be_mixed_and_unmixed(journal):
    values = GENERATOR.w_plus_from_seed(4)[0].numpy()
    session = EditingSession.create(journal, generator_of, StartSpec("tiny", w_plus=values))
    plain = session.pictures.current()
    session.set_start(StartSpec("tiny", mix=StyleMix(9, 5)))
    assert (session.pictures.current() != plain).any()
    session = reopened(session)
    session.set_start(StartSpec("tiny"))
    assert (session.pictures.current() == plain).all()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (StartSpec("tiny"), "give a seed"),
        (StartSpec("tiny", -1), "out of range"),
        (StartSpec("tiny", 1, class_index=2), "no classes"),
        (StartSpec("tiny", 1, mix=StyleMix(1, 8)), "take 1 to 7"),
        (StartSpec("tiny", w_plus=np.zeros((3, 16), np.float32)), r"needs \[8, 16\]"),
        (StartSpec("tiny", w_plus=np.full((8, 16), np.nan, np.float32)), "finite"),
    ],
)
def test_starts_that_do_not_fit(journal, start, message):
    with pytest.raises(DraglabError, match=message):
        EditingSession.create(journal, generator_of, start)
    assert journal.sessions() == []
