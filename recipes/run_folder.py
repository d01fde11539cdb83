"""A run's folder: checkpoint, log, sheets; nothing in it is ever half-written."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from draglab.generators import to_uint8

KEPT_SHEETS = 16


def read_checkpoint(run: str | Path) -> dict[str, Any]:
    """What a run folder's checkpoint holds, on the CPU; a run on one device can go on on another."""
    return torch.load(Path(run) / "checkpoint.pt", map_location="cpu", weights_only=True)


class RunFolder:
    """What a training run leaves behind, and when it should save or stop.

    Ctrl-C and TERM do not break a step: they set `stopping`, and the loop saves and leaves.
    """

    def __init__(self, path: str | Path, save_minutes: float = 2.0):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.save_minutes = save_minutes
        self.stopping = False
        self.began = self._saved = self._logged = time.monotonic()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    @property
    def minutes(self) -> float:
        """Since the run was started or resumed."""
        return (time.monotonic() - self.began) / 60

    def due(self, seconds: float = 30) -> bool:
        """Whether a line should be logged."""
        return self.since_log > seconds

    @property
    def since_log(self) -> float:
        """Seconds since the last line."""
        return time.monotonic() - self._logged

    def due_to_save(self) -> bool:
        """Whether the checkpoint is older than save_minutes."""
        return time.monotonic() - self._saved > 60 * self.save_minutes

    def load(self) -> dict[str, Any] | None:
        """The checkpoint, if there is one, on the CPU."""
        return read_checkpoint(self.path) if (self.path / "checkpoint.pt").exists() else None

    def save(self, state: dict[str, Any]) -> None:
        """Write the checkpoint under a temporary name, then rename it."""
        torch.save(state, self.path / "checkpoint.tmp")
        os.replace(self.path / "checkpoint.tmp", self.path / "checkpoint.pt")
        self._saved = time.monotonic()

    def log(self, row: dict[str, Any]) -> None:
        """Append a line to log.jsonl and print it."""
        row = {name: round(value, 5) if isinstance(value, float) else value for name, value in row.items()}
        with (self.path / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)
        self._logged = time.monotonic()

    def sheet(self, rows: list[Tensor], shown: int) -> None:
        """Rows of images [N, 3, H, W] as sheet_SHOWN.png; old sheets go, but the first of a run stays."""
        pixels = np.concatenate([np.concatenate(list(to_uint8(row)), axis=1) for row in rows])
        temporary = self.path / "sheet.tmp"
        Image.fromarray(pixels).save(temporary, format="PNG")
        os.replace(temporary, self.path / f"sheet_{shown:07d}.png")
        for old in sorted(self.path.glob("sheet_*.png"))[1:-KEPT_SHEETS]:
            old.unlink()
