"""Judges for tests, and the running of experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from draglab.evaluation.experiment import Experiment
from draglab.evaluation.instruments import Instruments
from draglab.evaluation.naturalness import LatentDistribution
from draglab.evaluation.run_folder import RunFolder, open_run
from draglab.evaluation.runner import run_cases
from draglab.generators import Generator
from draglab.perception import LPIPS, MULTI_PIE, Images

SESSION: dict[str, Any] = {"must match": {}}
_LPIPS = LPIPS()


class BrightestSpot:
    """Finds all 68 landmarks in a circle around the centre of mass of the picture's brightness; nothing in pictures for
    which `blind` is true."""

    layout = MULTI_PIE

    def __init__(self, blind: Any = lambda picture: False) -> None:
        self.blind = blind

    def __call__(self, images: Images) -> np.ndarray:
        found = []
        for picture in images:
            weight = picture.astype(np.float64).mean(2) ** 2
            rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
            centre = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
            turn = 2 * np.pi * np.arange(68) / 68
            points = centre + 5 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
            found.append(np.full((68, 2), np.nan) if self.blind(picture) else points)
        return np.array(found)


def tools(generator: Generator, judge: Any = None, name: str | None = None) -> Instruments:
    """Instruments with this judge."""
    return Instruments(LatentDistribution(generator), judge, name or ("spot" if judge else None), _LPIPS)


def run(experiment: Experiment, path: Path, retry: bool = False) -> RunFolder:
    """Run an experiment to the end."""
    with open_run(path, experiment.config, SESSION) as folder:
        run_cases(experiment, folder, retry=retry)
    return folder
