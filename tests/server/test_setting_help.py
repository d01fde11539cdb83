from dataclasses import asdict

import pytest

from draglab.drag import DragSettings
from draglab.errors import DraglabError
from draglab.server.setting_help import settings_info


@pytest.mark.parametrize("info", settings_info(), ids=lambda info: info.name)
def test_what_the_panel_offers_is_taken(info):
    assert info.default == asdict(DragSettings())[info.name]
    ends = info.choices if info.kind == "choice" else (info.minimum, info.maximum)
    for value in ends:
        assert value is not None
        DragSettings(**{info.name: value})
    if info.default is not None and info.kind in ("number", "integer"):
        assert info.minimum <= info.default <= info.maximum
    assert info.help.endswith(".")


def test_settings_of_the_issue_are_there():
    names = {info.name for info in settings_info()}
    issue = (
        "latent_space step_size mask_weight r1 r2 feature_resolution stop_distance max_steps regularize_mean precision"
    )
    assert set(issue.split()) <= names
    assert next(info.title for info in settings_info() if not info.advanced) == "Stay realistic (mean regularisation)"


def test_beyond_the_range_the_engine_refuses():
    with pytest.raises(DraglabError):
        DragSettings(anchor=1.1)
