"""Transfer of an edit to other images of its model: handles found by their features, ways scaled with the object.

docs/transfer.md says how, and how well it works.
"""

from __future__ import annotations

from collections.abc import Generator as Steps
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import Texture
from draglab.dragging.correspondence import CHUNK, ImageFeatures, Matches
from draglab.dragging.similarity import fit_similarity
from draglab.editor.branch import branch_rounds, edit_file_of
from draglab.editor.document import Document
from draglab.editor.pictures import render
from draglab.editor.replay import Replay, RoundReport
from draglab.editor.start_latent import file_start, spec_of_start, start_latent
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.geometry import MIN_TRAVEL
from draglab.media.edit_file import EditFile, ModelReference, Round, SeedStart, WPlusStart
from draglab.media.images import encode_mask

T = TypeVar("T")

# Chosen with seeds 500 to 539 of heads (docs/transfer.md). Lengths are shares of the image's width.
LEAST_SCORE = 0.3
"""Mean cosine from which on a place is like the handle."""
LEAST_MARGIN = 0.04
"""By how much it must be more like the handle than any other place."""
MOST_RETURN = 0.05
"""Farthest that the place's own match in the source's image may be from the handle."""
SURE_SCORE, SURE_MARGIN = 0.6, 0.2
"""From which on neither lowers the confidence."""
GRID = 12
"""Number of points along a side of the image among which anchors are chosen."""
PLAIN = 0.15
"""Square root of the texture, relative to that of the largest, below which a place is no anchor."""
ANCHORS = 6
"""Fewest anchors by which the object's size is judged."""
REACH = 0.25
"""Standard deviation of the weights of anchors around a handle."""
TOLERANCE = 0.03
"""Distance at which an anchor that does not fit has lost half its weight."""
SCALES = (0.4, 2.5)
"""Least and largest scale of a way."""
MET = 0.9
"""Share of a way from which on an image is where the edit would bring it."""
MET_LEAST = 0.02
"""Shortest way of which that can be said: features give places to about that."""


@dataclass(frozen=True)
class SourceEdit:
    """An edit that is transferred. It can be pickled.

    Attributes:
        edit: the edit; rounds that did nothing are left out.
        latents: [num_ws, w_dim] before each round.
    """

    edit: EditFile
    latents: tuple[NDArray[np.float32], ...]

    @classmethod
    def from_edit_file(cls, edit: EditFile, generator: Generator) -> SourceEdit:
        """Make one of an edit file; all rounds but the last are run.

        Raises:
            DraglabError: the generator is another model, or a round does not fit it or did nothing.
        """
        rounds = [one for one in edit.rounds if one.steps != 0]
        if not rounds:
            raise DraglabError("the edit has no round that did anything: there is nothing to transfer")
        edit = edit.model_copy(update={"rounds": rounds})
        replay = Replay(edit, generator)
        latents = [replay.w_plus]
        if len(rounds) > 1:
            for now in replay:
                while len(latents) <= now.round_index:
                    latents.append(replay.w_plus)
                if now.round_index == len(rounds) - 1:
                    break
        latents += [replay.w_plus] * (len(rounds) - len(latents))
        return cls(edit, tuple(each[0].float().cpu().numpy() for each in latents))

    @classmethod
    def from_document(cls, document: Document) -> SourceEdit:
        """Make one of the edit of a document's current image; nothing is run. Of a photo, the model is its own.

        Raises:
            DraglabError: nothing was dragged yet, or the model is missing.
        """
        runs = branch_rounds(document)
        if not runs:
            raise DraglabError("there is no edit yet: drag something first")
        spec, generator = document.history.start_of(runs[0].node), document.generator(runs[0].node)
        plain = replace(spec, seed=spec.seed or 0, mix=None, w_plus=None, photo=None)
        edit = edit_file_of(document).model_copy(update={"start": file_start(plain, None)})
        if spec.photo is not None:
            sha256 = document.generator_for(plain).sha256
            edit = edit.model_copy(update={"model": ModelReference(name=spec.model, sha256=sha256)})
        latents = [document.latent(document.latent_of(run.node, 0), generator) for run in runs]
        return cls(edit, tuple(each[0].float().cpu().numpy() for each in latents))


@dataclass(frozen=True)
class PlacedRound:
    """A round of an edit on another image.

    Attributes:
        round: None = there is nothing to do. problem: why the round cannot be placed; None = it can be.
        confidence: of the handle that is found worst, from 0 to 1. scale: of the ways; None = not known.
        met: number of handles that the image has at their targets already.
    """

    round: Round | None
    problem: str | None
    confidence: float
    scale: float | None = None
    met: int = 0


@dataclass(frozen=True)
class Transferred:
    """An edit on another image.

    Attributes:
        rounds: as they were placed. skipped: why nothing was done, or not all; None = all was done.
        edit: the edit file that makes the result again. w_plus: [1, num_ws, w_dim]. image: uint8 [H, W, 3]. All are
            None if it was skipped.
        reports: of the rounds that ran.
    """

    rounds: tuple[PlacedRound, ...]
    skipped: str | None
    edit: EditFile | None = None
    w_plus: Tensor | None = None
    image: NDArray[np.uint8] | None = None
    reports: tuple[RoundReport, ...] = ()

    @property
    def confidence(self) -> float:
        """Of the handle that was found worst, from 0 to 1."""
        return min(each.confidence for each in self.rounds)

    @property
    def scale(self) -> float | None:
        """Of the first round's ways; None = not known."""
        return self.rounds[0].scale


class EditTransfer:
    """Transfer of one edit to any number of images of its model.

        source = SourceEdit.from_edit_file(draglab.load_edit_file("edit.json"), generator)
        transfer = EditTransfer(source, generator)
        for seed in range(40):
            made = transfer.run(SeedStart(seed=seed))
            print(seed, made.skipped or made.confidence)

    Args:
        source: the edit. generator: its model.
        skip_met: whether handles are left out that the image has at their targets already: so far along the edit's
            way, relative to the rest of the image.
        own: the model of the edit's own image, if that was tuned to a photo; None = `generator`.
    """

    def __init__(
        self, source: SourceEdit, generator: Generator, skip_met: bool = True, own: Generator | None = None
    ) -> None:
        self.source, self.generator, self.skip_met = source, generator, skip_met
        self._own = generator if own is None else own
        # Kept for the images to come.
        self._features = lru_cache(maxsize=8)(self._read)

    def start(self, seed: int) -> SeedStart:
        """Return the start of a seed, with the source's truncation and class."""
        start = self.source.edit.start
        return start.model_copy(update={"seed": seed}) if isinstance(start, SeedStart) else SeedStart(seed=seed)

    def run(self, start: SeedStart | WPlusStart) -> Transferred:
        """Place and run the rounds on another image, one after the other.

        Raises:
            DraglabError: the start does not fit the model, or a drag diverged.
        """
        made = drained(self.steps(start))
        return made if made.w_plus is None else replace(made, image=render(self.generator, made.w_plus))

    def steps(self, start: SeedStart | WPlusStart) -> Steps[None, None, Transferred]:
        """Do what :meth:`run` does in short steps: iterate to the end, whose value is the result without its image."""
        edit = self.source.edit.model_copy(update={"start": start})
        w_plus = start_latent(spec_of_start(start, edit.model.name), self.generator)
        placed: list[PlacedRound] = []
        recorded: list[Round] = []
        reports: list[RoundReport] = []
        for index in range(len(edit.rounds)):
            placed.append((yield from self._placing(index, w_plus)))
            one = placed[-1]
            if one.problem is not None:
                title = f"round {index + 1}: " if len(edit.rounds) > 1 else ""
                return Transferred(tuple(placed), title + one.problem)
            if one.round is None:
                continue
            here = start if not recorded else WPlusStart.from_array(w_plus[0].cpu().numpy())
            replay = Replay(edit.model_copy(update={"start": here, "rounds": [one.round]}), self.generator)
            for _ in replay:
                yield
            w_plus = replay.w_plus
            recorded += replay.recorded().rounds
            reports += replay.reports
        if not recorded:
            return Transferred(tuple(placed), "the image is where the edit would bring it already")
        made = edit.model_copy(update={"rounds": recorded})
        return Transferred(tuple(placed), None, made, w_plus, reports=tuple(reports))

    def place(self, index: int, w_plus: Tensor) -> PlacedRound:
        """Place a round on another image, by its latent [1, num_ws, w_dim]."""
        return drained(self._placing(index, w_plus))

    def _placing(self, index: int, w_plus: Tensor) -> Steps[None, None, PlacedRound]:
        one = self.source.edit.rounds[index]
        handles = one.handles()
        targets = np.array(one.moved[-1].targets) if one.moved else one.targets()
        own, anchors = self._features(index)
        yield
        other = ImageFeatures(self.generator, w_plus)
        yield
        points, parts = np.concatenate([handles, anchors]), []
        for first in range(0, len(points), CHUNK):
            parts.append(own.match(points[first : first + CHUNK], other))
            yield
        matches = Matches.joined(parts)
        found, around = _part(matches, slice(len(handles))), _part(matches, slice(len(handles), None))
        width = self.generator.img_shape[1]
        pins = np.linalg.norm(targets - handles, axis=1) < MIN_TRAVEL
        problems = [_problem(found, each, width) for each in range(len(handles))]
        confidence = _confidence(found, width)
        for each in np.flatnonzero(~pins):
            if problems[each] is not None:
                name = "the handle" if len(handles) == 1 else f"handle {each + 1}"
                return PlacedRound(None, f"{name} is not found: {problems[each]}", float(confidence[each]))
        held = around.returns < MOST_RETURN * width
        origins, places = anchors[held], around.places[held]
        ways, met, scale = self._ways(handles, targets, found.places, origins, places)
        met &= ~pins
        keep = ~(met & self.skip_met) & np.array([problem is None for problem in problems])
        sure = float(confidence[~pins].min())
        if not (keep & ~pins).any():
            return PlacedRound(None, None, sure, scale, int(met.sum()))
        starts = found.places[keep]
        apart = np.linalg.norm(starts[:, None] - starts, axis=-1) + np.eye(len(starts)) * width
        if apart.min() < 1:
            return PlacedRound(None, "two handles are found at the same place", 0.0, scale)
        limit = np.array(self.generator.img_shape)[::-1] - 1
        ends = np.where(pins[keep, None], starts, np.clip(starts + ways[keep], 0, limit))
        if (np.linalg.norm(ends - starts, axis=1)[~pins[keep]] < MIN_TRAVEL).all():
            return PlacedRound(None, "the handles are at the image's border already", sure, scale)
        mask, feather = self._mask(one, origins, places)
        placed = Round.from_arrays(starts, ends, None, dict(one.settings))
        placed = placed.model_copy(update={"mask": mask, "feather": feather})
        return PlacedRound(placed, None, sure, scale, int(met.sum()))

    def _read(self, index: int) -> tuple[ImageFeatures, NDArray[np.float64]]:
        """Return the features of the source's image before a round, and anchors in it, [m, 2]."""
        latent = torch.from_numpy(self.source.latents[index])[None].to(self._own.device, self._own.dtype)
        height, width = self._own.img_shape
        xs, ys = ((np.arange(GRID) + 0.5) * side / GRID - 0.5 for side in (width, height))
        points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        strength = np.sqrt(Texture(self._own, latent)(points))
        return ImageFeatures(self._own, latent), points[strength > PLAIN * np.quantile(strength, 0.9)]

    def _ways(
        self,
        handles: NDArray[np.float64],
        targets: NDArray[np.float64],
        found: NDArray[np.float64],
        origins: NDArray[np.float64],
        places: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], float | None]:
        """Return the ways [n, 2] of handles that are found at [n, 2], which are made already [n], and their scale.

        Args:
            origins, places: [m, 2] anchors in the source's image and in the other one.
        """
        ways = targets - handles
        if len(origins) < ANCHORS:
            return ways, np.zeros(len(ways), np.bool_), None
        width = self.generator.img_shape[1]
        whole = fit_similarity(origins, places, np.ones(len(origins)), TOLERANCE * width)
        scales, met, scaled = [], [], []
        for handle, way, place in zip(handles, ways, found, strict=True):
            away = np.linalg.norm(origins - handle, axis=1) / (REACH * width)
            weights = np.exp(-0.5 * away**2) + 1e-3
            near = fit_similarity(origins, places, weights, TOLERANCE * width)
            scale = float(np.clip(near.scale, *SCALES))
            scales.append(scale)
            scaled.append(near.matrix @ way * (scale / max(near.scale, 1e-6)))
            # How far the handle is beyond where it would be if the other image were as the source's.
            length = float(np.linalg.norm(scaled[-1]))
            ahead = float((place - whole(handle)) @ scaled[-1]) / max(length, 1e-9)
            met.append(length > MET_LEAST * width and ahead >= MET * length)
        return np.array(scaled), np.array(met, np.bool_), round(float(np.mean(scales)), 3)

    def _mask(self, one: Round, origins: NDArray[np.float64], places: NDArray[np.float64]) -> tuple[str | None, float]:
        """Return the mask of a round as it lies on the other image, and its softness."""
        if one.mask is None or len(origins) < ANCHORS:
            return one.mask, one.feather
        height, width = self.generator.img_shape
        back = fit_similarity(places, origins, np.ones(len(places)), TOLERANCE * width)
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
        at = np.rint(np.clip(back(grid), 0, [width - 1, height - 1])).astype(np.int64)
        movable = one.model_copy(update={"feather": 0}).movable((height, width))
        assert movable is not None
        moved = np.asarray(movable)[at[..., 1], at[..., 0]] > 0.5
        if moved.all() or not moved.any():
            return one.mask, one.feather
        return encode_mask(moved), one.feather / max(back.scale, 1e-6)


def drained(steps: Steps[object, None, T]) -> T:
    """Iterate to the end and return its value."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _part(matches: Matches, which: slice) -> Matches:
    return Matches(matches.places[which], matches.scores[which], matches.margins[which], matches.returns[which])


def _problem(found: Matches, index: int, width: int) -> str | None:
    """Return why a point counts as not found; None = it is found."""
    score, margin, back = found.scores[index], found.margins[index], found.returns[index]
    if score < LEAST_SCORE:
        return f"nothing in the image is like it (likeness {score:.2f})"
    if margin < LEAST_MARGIN:
        return f"several places are like it (margin {margin:.3f})"
    if back > MOST_RETURN * width:
        return f"what is like it is more like a place {back:.0f} px beside it"
    return None


def _confidence(found: Matches, width: int) -> NDArray[np.float64]:
    """Return how surely points are found, [n], from 0 to 1."""
    like = np.clip(found.scores / SURE_SCORE, 0, 1)
    clear = np.clip(found.margins / SURE_MARGIN, 0, 1)
    return np.round(like * clear * np.clip(1 - found.returns / (2 * MOST_RETURN * width), 0, 1), 3)
