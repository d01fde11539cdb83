"""The node that drags."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from draglab.dragging import DragSettings, DragStep, drag
from draglab.editor.round_runner import end_text
from draglab.errors import DraglabError

from .models import DEFAULT, FILE_TIP, model_names, open_generator, picture_of
from .points import POINTS_TIP, read_points
from .progress import progress_bar
from .tensors import MASK_TIP, as_image, as_latent, as_movable


class DraglabDrag:
    """Drags points of a GAN's image to where they should be."""

    DESCRIPTION = (
        "Takes hold of points in a picture of a GAN and pulls them where they should be; the rest follows. Connect the "
        "latent of another of these nodes to go on from its picture."
    )
    CATEGORY = "draglab"
    FUNCTION = "drag"
    RETURN_TYPES = ("IMAGE", "DRAGLAB_LATENT", "IMAGE", "STRING")
    RETURN_NAMES = ("image", "latent", "before", "report")
    OUTPUT_TOOLTIPS = (
        "The picture after the drag.",
        "Its latent, w+, for a further round in another of these nodes.",
        "The picture before the drag.",
        "How the drag ended.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        """Describe the inputs, as ComfyUI asks for them."""
        seed = {"default": 64, "min": 0, "max": 2**32 - 1, "tooltip": "The number of the picture.",
                "control_after_generate": False}  # fmt: skip
        psi = {
            "default": 0.7,
            "min": 0.0,
            "max": 1.5,
            "step": 0.05,
            "tooltip": "Truncation: lower = more usual pictures.",
        }
        steps = {"default": 100, "min": 1, "max": 1000, "tooltip": "Most steps of the drag; it ends when it arrives."}
        return {
            "required": {
                "model": (model_names(), {"default": DEFAULT, "tooltip": "A model that comes with draglab."}),
                "seed": ("INT", seed),
                "truncation_psi": ("FLOAT", psi),
                "points": ("STRING", {"default": "93,125:118,125", "multiline": True, "tooltip": POINTS_TIP}),
                "max_steps": ("INT", steps),
            },
            "optional": {
                "mask": ("MASK", {"tooltip": MASK_TIP}),
                "latent": ("DRAGLAB_LATENT", {"tooltip": "Where to go on from, in place of model and seed."}),
                "model_file": ("STRING", {"default": "", "tooltip": FILE_TIP}),
            },
        }

    @classmethod
    def VALIDATE_INPUTS(cls, points: str) -> bool | str:
        """Say what is wrong with the points before anything is run; True = nothing."""
        try:
            read_points(points)
        except DraglabError as error:
            return str(error)
        return True

    def drag(
        self,
        model: str,
        seed: int,
        truncation_psi: float,
        points: str,
        max_steps: int,
        mask: Tensor | None = None,
        latent: dict[str, Any] | None = None,
        model_file: str = "",
    ) -> tuple[Tensor, dict[str, Any], Tensor, str]:
        """Drag, and return what RETURN_TYPES says; the latent is that of as_latent.

        Raises:
            DraglabError: the model, the points or the mask cannot be used.
        """
        name = (model_file.strip() or model) if latent is None else latent["model"]
        generator = open_generator(name)
        height, width = generator.img_shape
        if latent is None:
            start = generator.w_plus_from_seed(seed, truncation_psi, c=0 if generator.c_dim else None)
        else:
            start = latent["w_plus"].to(generator.device, generator.dtype)
        edit = read_points(points, as_movable(mask, height, width))
        bar = progress_bar(max_steps)

        def tell(step: DragStep) -> None:
            bar.update_absolute(step.index, max_steps)

        settings = DragSettings.for_model(generator, max_steps=max_steps)
        result = drag(generator, start, edit, settings, tell)
        bar.update_absolute(max_steps, max_steps)
        reason = "stopped" if result.stop_reason == "cancelled" else result.stop_reason
        report = end_text(reason, result.steps, result.kept, result.distances.tolist())
        return as_image(result.image()), as_latent(result.w_plus, name), as_image(picture_of(generator, start)), report
