"""Starting points of an adversarial stage: the run folder of the stage before, or an exported model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from draglab.checkpoints import read_generator, read_header
from draglab.errors import DraglabError
from recipes.networks import AveragedNetworks
from recipes.run_folder import read_checkpoint


def load_start(networks: AveragedNetworks, path: Path) -> list[int]:
    """Set the networks and their averages to the averages of a run folder or to the weights of a model file.

    Returns:
        the images that the model of a file was shown in each stage, as its card says; of a run folder none, because
        an export is given that folder too.

    Raises:
        SystemExit: nothing usable is there, it lacks a network (a file only holds the generator), or it is another
            recipe's.
    """
    if path.is_dir():
        if not (path / "checkpoint.pt").exists():
            raise SystemExit(f"no checkpoint in {path}: let stage 1 finish first, or give an exported model file")
        state, shown = read_checkpoint(path), []
    else:
        state, shown = _read_file(path)
    for pair in networks.PAIRS:
        for name in pair:
            if name not in state:
                raise SystemExit(
                    f"{path} holds no {name.replace('_', ' ')}, which this stage trains: give a run folder"
                )
    try:
        networks.load(state)
    except RuntimeError:
        raise SystemExit(f"the weights of {path} do not fit this recipe: give a model or a run folder of it") from None
    networks.start_from_averages()
    return shown


def _read_file(path: Path) -> tuple[dict[str, Any], list[int]]:
    """Weights of the generator under the names of a checkpoint, and the images shown in each stage."""
    try:
        tensors = read_generator(path).state_dict()
        card = read_header(path).card
    except DraglabError as error:
        raise SystemExit(str(error)) from None
    return {"generator": tensors, "average": tensors}, list(card.get("images_shown_by_stage", []))
