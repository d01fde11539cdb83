from dataclasses import asdict

import pytest

from draglab.dragging import DragSettings
from draglab.errors import DraglabError
from draglab.server.setting_help import panel_settings


@pytest.mark.parametrize("info", panel_settings(), ids=lambda info: info.name)
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
    names = {info.name for info in panel_settings()}
    issue = (
        "latent_space step_size mask_weight r1 r2 feature_resolution stop_distance max_steps regularize_mean precision"
    )
    assert set(issue.split()) <= names
    main = [info.title for info in panel_settings() if not info.advanced]
    assert main[:2] == ["Only what is pulled (locality)", "Stay realistic (mean regularisation)"]


def test_the_panel_shows_what_is_marked_for_it():
    shown = {name: info for name, info in DragSettings.infos().items() if info.panel is not None}
    assert {info.name for info in panel_settings()} == set(shown)
    assert all(info.advanced == (shown[info.name].panel == "more") for info in panel_settings())


def test_beyond_the_range_the_engine_refuses():
    with pytest.raises(DraglabError):
        DragSettings(anchor=1.1)
