import pytest

from draglab.generators import Generator
from tests.dragging.spots import make_spots


@pytest.fixture(scope="module")
def spots() -> Generator:
    """See tests/dragging/spots.py."""
    return make_spots()
