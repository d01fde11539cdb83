"""Places in the first image, for whatever size the bundled model has."""

from tests.server.browser.editor_page import XY


def nose(side: int) -> XY:
    """Where `draglab demo` takes hold, in an image of side x side pixels."""
    return round(93 / 256 * side), round(125 / 256 * side)


def beside_nose(side: int) -> XY:
    """Where `draglab demo` pulls it."""
    return round(118 / 256 * side), round(125 / 256 * side)


def out_of_reach(side: int) -> XY:
    """A target that takes a round as long as it may."""
    return side - 2.0, side - 2.0
