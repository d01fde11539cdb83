"""The choice of a judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from draglab.errors import DraglabError
from draglab.evaluation import instruments
from draglab.evaluation.instruments import open_judge
from draglab.perception import HeadLandmarks
from draglab.perception.heads import HEADS_JUDGE
from tests.tiny import tiny_generator


def missing() -> HeadLandmarks:
    raise DraglabError("dlib is not there: install it")


def test_a_judge_is_named_or_suits_the_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    generator = tiny_generator()
    assert open_judge(None, generator) == (None, None)
    assert open_judge("none", generator) == (None, None)
    judge, name = open_judge("heads", generator)
    assert isinstance(judge, HeadLandmarks) and name == "heads"
    judge, name = open_judge(str(HEADS_JUDGE), generator)
    assert isinstance(judge, HeadLandmarks) and name == HEADS_JUDGE.name
    with pytest.raises(DraglabError, match="there is no judge 'x': choose of heads, dlib"):
        open_judge("x", generator)
    generator.name = "heads"
    assert open_judge(None, generator)[1] == "heads"
    monkeypatch.setitem(instruments.JUDGES, "dlib", missing)
    generator.name = "ffhq-1024-mobile"
    with pytest.raises(
        DraglabError, match="install it; or choose another judge for ffhq-1024-mobile, such as --judge none"
    ):
        open_judge(None, generator)
    with pytest.raises(DraglabError, match="install it$"):
        open_judge("dlib", generator)
