"""The node that repeats an edit of the editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from draglab.editor.replay import Replay
from draglab.errors import DraglabError
from draglab.media.edit_file import load_edit_file

from .models import FILE_TIP, open_generator
from .progress import progress_bar
from .tensors import as_image, as_latent

PATH_TIP = "The path of an edit file, .json, as the editor exports it (Export, Edit) or draglab drag --save writes it."


class DraglabEditFile:
    """Repeats the edit of a file: all its rounds, with their masks and settings."""

    DESCRIPTION = "Repeats an edit that was made in draglab's editor, from its edit file."
    CATEGORY = "draglab"
    FUNCTION = "replay"
    RETURN_TYPES = ("IMAGE", "DRAGLAB_LATENT")
    RETURN_NAMES = ("image", "latent")
    OUTPUT_TOOLTIPS = ("The edited picture.", "Its latent, w+, for a further drag.")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        """Describe the inputs, as ComfyUI asks for them."""
        return {
            "required": {"edit_file": ("STRING", {"default": "edit.json", "tooltip": PATH_TIP})},
            "optional": {"model_file": ("STRING", {"default": "", "tooltip": FILE_TIP})},
        }

    @classmethod
    def IS_CHANGED(cls, edit_file: str, model_file: str = "") -> str:
        """Change with the file's content, so that the node runs again for a new edit under the same name."""
        path = Path(edit_file).expanduser()
        return f"{path.stat().st_mtime_ns} {path.stat().st_size}" if path.is_file() else "missing"

    @classmethod
    def VALIDATE_INPUTS(cls, edit_file: str) -> bool | str:
        """Say what is wrong with the file before anything is run; True = nothing."""
        try:
            load_edit_file(Path(edit_file).expanduser())
        except DraglabError as error:
            return str(error)
        return True

    def replay(self, edit_file: str, model_file: str = "") -> tuple[Tensor, dict[str, Any]]:
        """Repeat the edit, and return what RETURN_TYPES says.

        Raises:
            DraglabError: the file or its model cannot be used.
        """
        edit = load_edit_file(Path(edit_file).expanduser())
        name = model_file.strip() or edit.model.name
        replay = Replay(edit, open_generator(name))
        rounds = len(edit.rounds)
        bar = progress_bar(rounds)
        for step in replay:
            bar.update_absolute(step.round_index, rounds)
        bar.update_absolute(rounds, rounds)
        return as_image(replay.image()), as_latent(replay.w_plus, name)
