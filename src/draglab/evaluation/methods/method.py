"""A method as a row of a table: a preset with changes, a tracker, and the run that it starts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from torch import Tensor

from draglab.dragging import DragEdit, DragResult, DragRun, DragSettings, FirstOrderRun, start_run
from draglab.dragging.algorithm import result_of
from draglab.editor.settings import parse_settings
from draglab.errors import DraglabError
from draglab.evaluation.methods.freedrag import FreeDragRun
from draglab.evaluation.methods.latent_transformer import LatentTransformer, LatentTransformerRun, load_transformer
from draglab.evaluation.methods.stabledrag import StableDragRun
from draglab.evaluation.trackers import TRACKERS
from draglab.generators import Generator
from draglab.media.edit_file import SettingValue

MOST_METHODS = 200
MOST_CHARACTERS = 500
PAPER_STEPS: dict[str, float] = {"heads": 0.02}
"""Model -> step size of `paper` in units of its spread of w, where another than the paper's own suits it better."""


def _paper(generator: Generator, **changes: Any) -> DragSettings:
    steps = {"step_size": PAPER_STEPS[generator.name]} if generator.name in PAPER_STEPS else {}
    return DragSettings.paper(**{**steps, **changes})


def _freedrag(generator: Generator, **changes: Any) -> DragSettings:
    # Adam with the paper's step size, too; its features are not resized.
    return _paper(generator, **{"mask_weight": 10.0, "subpixel": True, **changes})


def _first_order(generator: Generator, **changes: Any) -> DragSettings:
    return DragSettings.for_model(generator, **{"descent": "first-order", **changes})


def _start_transformer(
    generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings, weights: str
) -> DragRun:
    return LatentTransformerRun(generator, w_plus, edit, settings, _transformer(weights, generator))


@lru_cache(maxsize=4)
def _transformer(weights: str, generator: Generator) -> LatentTransformer:
    return load_transformer(weights, generator)


@dataclass(frozen=True)
class Kind:
    """What a method's name stands for.

    Attributes:
        settings: settings for a model, with changes. start: begins a run; called with the weights, too, if it has any.
        trackers: whether it can have another tracker. weights: whether it needs a file of weights.
    """

    settings: Callable[..., DragSettings]
    start: Callable[..., DragRun] = start_run
    trackers: bool = True
    weights: bool = False


METHODS: dict[str, Kind] = {
    "default": Kind(DragSettings.for_model),
    "first-order": Kind(_first_order),
    "paper": Kind(_paper),
    "freedrag": Kind(_freedrag, FreeDragRun, trackers=False),
    "stabledrag": Kind(_paper, StableDragRun, trackers=False),
    "user-controllable-lt": Kind(_paper, _start_transformer, trackers=False, weights=True),
}
"""Name -> kind of method."""


@dataclass(frozen=True)
class Method:
    """A method: name, changes of its settings, tracker and weights.

    Attributes:
        spec: how it is written, such as "paper:r1=6,tracker=flow". name: of METHODS. tracker: of TRACKERS.
        changes: settings that are changed. limit: most steps, unless the changes say otherwise.
        weights: file of a method that is a network.
    """

    spec: str
    name: str
    changes: Mapping[str, SettingValue]
    tracker: str = "nearest"
    limit: int = 300
    weights: str | None = None

    def settings(self, generator: Generator) -> DragSettings:
        """Return the settings for a model."""
        return METHODS[self.name].settings(generator, **{"max_steps": self.limit, **self.changes})

    def described(self, generator: Generator) -> dict[str, Any]:
        """Return tracker and settings as plain values."""
        return {"tracker": self.tracker, "weights": self.weights, **asdict(self.settings(generator))}

    def prepare(self, generator: Generator) -> None:
        """Load what the method needs for a model, so that no drag waits for it.

        Raises:
            DraglabError: the weights are missing, or for another model.
        """
        if self.weights is not None:
            _transformer(self.weights, generator)

    def start(self, generator: Generator, w_plus: Tensor, edit: DragEdit) -> DragRun:
        """Begin a drag; see :func:`draglab.dragging.start_run`."""
        settings = self.settings(generator)
        if self.tracker == "nearest":
            weights = () if self.weights is None else (self.weights,)
            return METHODS[self.name].start(generator, w_plus, edit, settings, *weights)
        run = FirstOrderRun(generator, w_plus, edit, settings)
        run.tracker = TRACKERS[self.tracker](run)
        return run

    def drag(self, generator: Generator, w_plus: Tensor, edit: DragEdit) -> DragResult:
        """Drag to the end; see :func:`draglab.drag`.

        Raises:
            DraglabError: the edit does not fit the model, or the drag diverged.
        """
        begun = time.perf_counter()
        run = self.start(generator, w_plus, edit)
        while run.stop_reason is None:
            run.step()
        return result_of(generator, w_plus, edit, run.last, run.best, time.perf_counter() - begun)


def parse_method(text: str, limit: int, common: Sequence[str] = ()) -> Method:
    """Read a method such as "default", "paper:step_size=0.03" or "paper:tracker=flow,r1=6".

    Args:
        limit: most steps of a drag. common: changes of settings that all methods have, as "name=value".

    Raises:
        DraglabError: an unknown method, setting or tracker, or a value that is not allowed.
    """
    if len(text) > MOST_CHARACTERS:
        raise DraglabError(f"a method of {len(text)} characters is refused: {text[:40]!a}...")
    name, colon, rest = text.partition(":")
    if name not in METHODS or (colon and not rest):
        raise DraglabError(
            f"unknown method {text!a:.80}: choose of {', '.join(METHODS)}, with changes as in paper:r1=6"
        )
    pairs = [part.strip() for part in rest.split(",") if part.strip()]
    named = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in pairs)}
    tracker, weights = named.get("tracker", "nearest"), named.get("weights")
    if tracker not in TRACKERS:
        raise DraglabError(f"unknown tracker {tracker!a:.80}: choose of {', '.join(TRACKERS)}")
    if tracker != "nearest" and not METHODS[name].trackers:
        raise DraglabError(f"{name} has a tracker of its own: leave tracker={tracker} out")
    if METHODS[name].weights != (weights is not None):
        problem = (
            f"{name} needs its weights: write {name}:weights=FILE" if METHODS[name].weights else f"{name} has none"
        )
        raise DraglabError(f"{problem}; docs/evaluation.md says how they are made")
    own = [part for part in pairs if part.partition("=")[0].strip() not in ("tracker", "weights")]
    changes = parse_settings([*common, *own])
    DragSettings(**changes)  # pyright: ignore[reportArgumentType]  (checked by it)
    return Method(text, name, changes, tracker, limit, weights)


def vary(specs: Sequence[str], variations: Sequence[str]) -> list[str]:
    """Return methods with every combination of varied settings: "r1=1,3" makes two of each.

    Raises:
        DraglabError: a variation is not name=value,value, or there are too many combinations.
    """
    choices = []
    for text in variations:
        name, sign, values = text.partition("=")
        if not sign or not name.strip() or not all(value.strip() for value in values.split(",")):
            raise DraglabError(f"{text!a:.80} is not a variation: write name=value,value, for instance r1=1,3,6")
        choices.append([f"{name.strip()}={value.strip()}" for value in values.split(",")])
    count = len(specs)
    for choice in choices:
        count *= len(choice)
    if count > MOST_METHODS:
        raise DraglabError(f"{count} methods are more than {MOST_METHODS}: vary less at once")
    if not choices:
        return list(specs)
    return [
        spec + ("," if ":" in spec else ":") + ",".join(changes)
        for spec in specs
        for changes in itertools.product(*choices)
    ]
