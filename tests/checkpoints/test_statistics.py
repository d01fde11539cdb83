"""Statistics of models that have none in their file are measured once."""

import pytest
import torch

from draglab.checkpoints import load_generator, save_generator
from draglab.checkpoints.statistics import add_statistics
from tests.tiny import tiny_generator


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A model without statistics, and a folder for them that does not exist yet."""
    monkeypatch.setenv("DRAGLAB_STATISTICS", str(tmp_path / "cache"))
    save_generator(tiny_generator(), tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def test_they_are_kept_for_the_next_time(path):
    first, shares = load_generator(path), []
    assert first.statistics is None
    add_statistics(first, shares.append)
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)
    second = load_generator(path)
    assert first.statistics is not None and second.statistics is not None
    assert torch.equal(first.statistics.covariance, second.statistics.covariance)
    # The metric does not depend on their scale; they are kept in half precision.
    pulls = [each / each.norm() for each in (first.statistics.pulls, second.statistics.pulls)]
    torch.testing.assert_close(pulls[0], pulls[1], rtol=2e-3, atol=1e-6)


def test_a_folder_that_cannot_be_made_is_done_without(path, tmp_path):
    (tmp_path / "cache").write_text("a file")
    generator = load_generator(path)
    add_statistics(generator)
    assert generator.statistics is not None and load_generator(path).statistics is None
