"""Edit files that people and programs send."""

from __future__ import annotations

from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile, parse_edit_file
from draglab.server.limits import Limits
from draglab.server.pictures import check_mask_size


def read_edit(body: bytes, limits: Limits) -> EditFile:
    """Parse an uploaded edit file and check its sizes; masks are not decoded yet."""
    edit = parse_edit_file(body, "this file", limits.values)
    if len(edit.rounds) > limits.rounds:
        raise DraglabError(
            f"the edit has {len(edit.rounds)} rounds: at most {limits.rounds} are taken (limit 'rounds')"
        )
    masks = {(one.mask, one.feather) for one in edit.rounds if one.mask is not None}
    pixels = sum(check_mask_size(mask, limits.mask_pixels) for mask, _ in masks)
    if pixels > limits.edit_mask_pixels:
        most = limits.edit_mask_pixels
        raise DraglabError(
            f"the edit's masks have {pixels} pixels: at most {most} are taken (limit 'edit_mask_pixels')"
        )
    points = max(len(one.points) for one in edit.rounds)
    if points > limits.points:
        raise DraglabError(f"the edit has {points} points: at most {limits.points} are taken (limit 'points')")
    return edit
