import json
from pathlib import Path
from typing import Any

import pytest

from draglab.checkpoints import save_generator
from draglab.generators.statistics import measure_statistics
from tests.tiny import tiny_generator

SHORT: dict[str, Any] = {"feature_resolution": 16, "max_steps": 2}


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of 32-pixel images, with statistics: measured again, they could differ in their last digits."""
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    generator = tiny_generator()
    generator.statistics = measure_statistics(generator)
    save_generator(generator, path)
    return path


def line(seed: int = 3, **changes: Any) -> str:
    """A line of a list for that model, of two steps."""
    return json.dumps({"seed": seed, "handles": [[10, 14]], "targets": [[16, 14]], "settings": SHORT, **changes})


def report(folder: Path) -> list[dict[str, Any]]:
    """The report of a batch by line, without times."""
    lines = [json.loads(each) for each in (folder / "report.jsonl").read_text().splitlines()]
    for each in lines:
        each.pop("seconds", None)
    return sorted(lines, key=lambda each: each["line"])
