"""Running and judging of fixed lists of drags.

The end of a drag is measured twice: by the tracker that steered it, and by a landmark detector that is independent of
the generator. Only the detector can tell a point that arrived from a tracker that lost it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from draglab.dragging import DragEdit, DragSettings, DragStep, StopReason, drag
from draglab.errors import DraglabError
from draglab.evaluation.measures import frozen_region, lpips_distance
from draglab.generators import Generator
from draglab.perception import LPIPS, MULTI_PIE, FaceDescriptor, LandmarkDetector, identity_distance

REACH = 0.05
"""Largest distance of a handle from the landmark that judges it, as a share of the image's width."""


@dataclass(frozen=True)
class FixedDrag:
    """One drag of a list.

    Attributes:
        seed: the image's seed. kind: name of the kind of drag. handle, target: (x, y) in pixels.
        landmark: index of the handle among the 68 landmarks of a face; None = it is none of them.
        truncation_psi: truncation of the seed's latent.
    """

    seed: int
    kind: str
    handle: tuple[float, float]
    target: tuple[float, float]
    landmark: int | None = None
    truncation_psi: float = 1.0


@dataclass(frozen=True)
class DragOutcome:
    """Result of one drag; distances are in pixels of the image.

    Attributes:
        stop_reason: why the drag ended.
        tracked: distance of the tracked handle to the target. arrived: whether it is within the stop distance.
        ended: (x, y) of the tracked handle. course: distance to the target and loss of every step; the loss of
            Gauss-Newton is the mismatch of the handle's patch.
        judged: distance to its target of the landmark that the judge finds in the edited image; None = not judged.
        judged_before: the same distance in the image before the edit.
        found: (x, y) of that landmark in the edited image; None = not judged.
        w_plus: latent of the edited image, [1, num_ws, w_dim].
        changed: mean absolute difference of the images, in steps of 255, outside a box around handle and target that is
            wider than them by an eighth of the image on every side.
        sharpness: energy of the Laplacian of the edited image relative to that of the image before; below 1, the edit
            blurred it.
        identity: distance of the descriptors of the faces before and after; None = not measured, or no face was found.
        lpips_outside: LPIPS of the two images, weighted by what is outside that box; None = not measured.
    """

    drag: FixedDrag
    steps: int
    seconds: float
    tracked: float
    arrived: bool
    judged: float | None
    judged_before: float | None
    changed: float
    sharpness: float
    identity: float | None
    lpips_outside: float | None
    before: np.ndarray
    after: np.ndarray
    w_plus: Tensor
    stop_reason: StopReason
    ended: tuple[float, float]
    course: tuple[tuple[float, float], ...]
    found: tuple[float, float] | None


def load_drags(path: str | Path, image_size: int | None = None) -> list[FixedDrag]:
    """Read a list, for instance benchmarks/drags_heads.json.

    Args:
        image_size: width of the images that will be dragged, to make sure that the list was made for them.

    Raises:
        DraglabError: the file is missing, not such a list, or for images of another size.
    """
    try:
        content = json.loads(Path(path).read_text())
        rows, made_for = content["drags"], int(content["image_size"])
        common = {"truncation_psi": float(content.get("truncation_psi", 1.0))}
        drags = [
            FixedDrag(**{**common, **row, "handle": tuple(row["handle"]), "target": tuple(row["target"])})
            for row in rows
        ]
    except OSError as error:
        raise DraglabError(f"cannot read the list of drags {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise DraglabError(
            f"{path} is not a list of drags: it needs image_size, and for each drag seed, kind, handle, target"
        ) from None
    if image_size not in (None, made_for):
        raise DraglabError(f"the drags of {path} are for images of {made_for} px, the model's have {image_size}")
    return drags


def thin_drags(drags: list[FixedDrag], every: int) -> list[FixedDrag]:
    """Choose one of every `every` drags of each kind, in the order of the list; always the same ones.

    The kinds take turns, so that they come from different images: of the 60 drags of benchmarks/drags_heads.json (20
    images, 3 kinds), `every=3` chooses one of each image, 7 noses, 7 chins and 6 mouth corners.

    Args:
        every: from 1, which chooses all; at least one drag of every kind is chosen.
    """
    chosen: list[int] = []
    for turn, kind in enumerate(dict.fromkeys(one.kind for one in drags)):
        own = [index for index, one in enumerate(drags) if one.kind == kind]
        chosen += own[min(turn % every, len(own) - 1) :: every]
    return [drags[index] for index in sorted(chosen)]


def run_drags(
    generator: Generator,
    judge: LandmarkDetector | None,
    drags: list[FixedDrag],
    settings: DragSettings,
    describe: FaceDescriptor | None = None,
    lpips: LPIPS | None = None,
) -> Iterator[DragOutcome]:
    """Run each drag from its seed's image; judge the result if there is a judge.

    A drag of a landmark that the judge knows is judged by that landmark, whose target is the drag's. Others are judged
    by the landmark nearest to the handle in the image before, if it is within REACH: it should move as far as the drag
    moves the handle. Where the judge finds nothing, the drag is not judged.
    """
    for one in drags:
        w_plus = generator.w_plus_from_seed(one.seed, one.truncation_psi)
        edit = DragEdit([one.handle], [one.target])
        course: list[tuple[float, float]] = []

        def note(step: DragStep, course: list[tuple[float, float]] = course) -> None:
            course.append((step.left, step.loss))

        result = drag(generator, w_plus, edit, settings, note)
        with torch.no_grad():
            images = generator.image(torch.cat([w_plus, result.w_plus])).clamp(-1, 1)
        exact = ((images.permute(0, 2, 3, 1) + 1) * 127.5).cpu().numpy()
        pixels = exact.round().astype(np.uint8)
        judged_before, judged, found = _judge(judge, pixels, one)
        tracked = float(result.distances[0])
        outside = frozen_region(generator.img_shape, np.array([one.handle]), np.array([one.target]), None)
        identity = None if describe is None else float(identity_distance(*describe(pixels)))
        yield DragOutcome(
            drag=one,
            steps=result.steps,
            seconds=result.seconds,
            tracked=tracked,
            arrived=tracked <= settings.resolved_stop_distance(1),
            judged=judged,
            judged_before=judged_before,
            changed=float("nan") if outside is None else float(np.abs(exact[1] - exact[0])[outside > 0].mean()),
            sharpness=laplacian_energy(exact[1]) / max(laplacian_energy(exact[0]), 1e-9),
            identity=identity if identity is not None and np.isfinite(identity) else None,
            lpips_outside=None
            if lpips is None or outside is None
            else lpips_distance(lpips, images[:1], images[1:], outside),
            before=pixels[0],
            after=pixels[1],
            w_plus=result.w_plus,
            stop_reason=result.stop_reason,
            ended=_point(result.handles[0]),
            course=tuple(course),
            found=found,
        )


def _point(place: np.ndarray) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def _judge(
    judge: LandmarkDetector | None, images: np.ndarray, one: FixedDrag
) -> tuple[float, float, tuple[float, float]] | tuple[None, None, None]:
    """Return the landmark's distances to its target in the images before and after the drag, uint8 [2, H, W, 3], and
    its place in the latter."""
    if judge is None:
        return None, None, None
    points, target = judge(images), np.array(one.target)
    index = one.landmark if judge.layout == MULTI_PIE else None
    if index is None:
        distances = np.linalg.norm(points[0] - np.array(one.handle), axis=1)
        index = int(np.argmin(distances))
        if not distances[index] <= REACH * images.shape[2]:  # NaN, too
            return None, None, None
        target = points[0, index] + target - np.array(one.handle)
    before, after = np.linalg.norm(points[:, index] - target, axis=1)
    if not np.isfinite([before, after]).all():
        return None, None, None
    return float(before), float(after), _point(points[1, index])


def laplacian_energy(image: np.ndarray) -> float:
    """Return the mean square of the five-point Laplacian of an image [H, W, C], after averaging its channels."""
    grey = image.mean(axis=2, dtype=np.float64)
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    return float((laplacian**2).mean())


def summarize(outcomes: list[DragOutcome], image_size: int) -> dict[str, float]:
    """Return means over a list of outcomes; judged distances, if there are any, in percent of the image's width.

    They are means over the drags that were judged, whose number is given where it is not that of all.
    """
    summary = {
        "drags": len(outcomes),
        "arrived_percent": 100 * float(np.mean([outcome.arrived for outcome in outcomes])),
        "steps": float(np.mean([outcome.steps for outcome in outcomes])),
        "seconds": float(np.mean([outcome.seconds for outcome in outcomes])),
        "tracked_px": float(np.mean([outcome.tracked for outcome in outcomes])),
    }
    judged = [outcome.judged for outcome in outcomes if outcome.judged is not None]
    if judged:
        percent = 100 / image_size
        before = [outcome.judged_before for outcome in outcomes if outcome.judged_before is not None]
        if len(judged) < len(outcomes):
            summary["judged"] = len(judged)
        summary |= {
            "judged_percent": percent * float(np.mean(judged)),
            "judged_median_percent": percent * float(np.median(judged)),
            "no_edit_percent": percent * float(np.mean(before)),
        }
    identities = [outcome.identity for outcome in outcomes if outcome.identity is not None]
    if identities:
        summary["identity_median"] = float(np.median(identities))
    distances = [outcome.lpips_outside for outcome in outcomes if outcome.lpips_outside is not None]
    if distances:
        summary["lpips_outside"] = float(np.mean(distances))
    return summary | {
        "seconds_median": float(np.median([outcome.seconds for outcome in outcomes])),
        "changed_outside": float(np.mean([outcome.changed for outcome in outcomes])),
        "sharpness": float(np.mean([outcome.sharpness for outcome in outcomes])),
    }
