"""Settings of every test, and of the processes that tests start."""

import os

import pytest

# The networks in tests are tiny: a second thread gains nothing, and waiting for it beside another busy process costs
# fifty times the step.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Files of tests are not signed, and no key is made for it, unless a test asks for it (tests/media/provenance).
os.environ["DRAGLAB_SIGN"] = "off"

# Statistics that one test measures are not known to the next: a folder below a file can be neither read nor written.
os.environ["DRAGLAB_STATISTICS"] = os.path.join(os.path.abspath(__file__), "none")


@pytest.fixture(scope="session")
def _signing_data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("signing") / "data")


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch, _signing_data: str) -> None:
    """Sign exported files where c2pa is installed, with one self-made certificate for all tests."""
    monkeypatch.setenv("DRAGLAB_SIGN", "on")
    monkeypatch.setenv("DRAGLAB_DATA", _signing_data)


@pytest.fixture
def signed(signing: None) -> None:
    """Sign exported files, or skip the test."""
    pytest.importorskip("c2pa", reason="c2pa-python is not installed")
