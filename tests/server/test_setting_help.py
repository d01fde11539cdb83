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
    assert [info.title for info in panel_settings() if info.panel == "handles"] == ["What may follow (locality)"]
    main = [info.title for info in panel_settings() if info.panel == "main"]
    assert main[0] == "Stay realistic (mean regularisation)"


def test_the_panel_shows_what_is_marked_for_it():
    shown = {name: info for name, info in DragSettings.infos().items() if info.panel is not None}
    assert {info.name for info in panel_settings()} == set(shown)
    places = [info.panel for info in panel_settings()]
    assert places == [shown[info.name].panel for info in panel_settings()]
    assert places == sorted(places, key=("handles", "main", "more").index)


def test_a_default_is_in_the_middle_of_a_slider_that_has_one():
    (info,) = (each for each in panel_settings() if each.middle is not None)
    assert info.minimum is not None and info.middle is not None and info.maximum is not None
    assert info.minimum < info.middle < info.maximum
    assert isinstance(info.default, float) and info.middle / 4 <= info.default <= 4 * info.middle


def test_beyond_the_range_the_engine_refuses():
    with pytest.raises(DraglabError):
        DragSettings(anchor=1.1)
