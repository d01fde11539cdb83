"""The configuration of a StyleGAN2 generator from the shapes of its tensors, for files that do not state it."""

from __future__ import annotations

from .names import number
from .values import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .changes import Shape

MAX_BASE_WIDTH = 16
"""Largest width of the learned constant: noise maps of wide images are large, and drawn if a file lacks them."""
_BLOCK = "synthesis.b"


def infer_config(shapes: dict[str, Shape]) -> dict[str, Any]:
    """Return the fields of StyleGAN2Config that published names and shapes determine; the others are left out.

    Raises:
        Refused: tensors are missing, or they are not those of a StyleGAN2 generator.
    """
    blocks = {name.removeprefix(_BLOCK).partition(".")[0] for name in shapes if name.startswith(_BLOCK)}
    resolutions = sorted(size for block in blocks if (size := number(block, 5)) is not None)
    if len(resolutions) < 2 or resolutions != [4 << step for step in range(len(resolutions))]:
        raise Refused("the file lacks blocks of the generator: they should be of 4, 8, 16, ... pixels; get it again")
    const = _shape(shapes, "synthesis.b4.const", 3)
    if const[1] != 4 or const[2] > MAX_BASE_WIDTH:
        raise Refused(
            f"the model starts from {const[1]} x {const[2]} features (height x width): draglab runs those that start "
            f"4 high and up to {MAX_BASE_WIDTH} wide"
        )
    top = resolutions[-1]
    channels = [_shape(shapes, f"synthesis.b{size}.conv1.weight", 4)[0] for size in resolutions]
    layers = 0
    while f"mapping.fc{layers}.weight" in shapes:
        layers += 1
    if not layers:
        raise Refused("the file lacks the mapping network; get a file of the whole generator")
    fully = [_shape(shapes, f"mapping.fc{index}.weight", 2) for index in range(layers)]
    z_dim, classes = _inputs(shapes, fully[0][1])
    torgb = [size for size in resolutions if f"synthesis.b{size}.torgb.weight" in shapes]
    architecture = "skip" if torgb == resolutions else "orig"
    if "synthesis.b8.skip.weight" in shapes:
        architecture = "resnet"
    if not torgb or torgb[-1] != top:
        raise Refused("the file lacks layers that make colours; get it again")
    return {
        "img_resolution": top,
        "img_channels": _shape(shapes, f"synthesis.b{top}.torgb.weight", 4)[0],
        "z_dim": z_dim,
        "w_dim": fully[-1][0],
        **classes,
        "mapping_layers": layers,
        "mapping_features": fully[0][0] if layers > 1 else None,
        **_widths(resolutions, channels),
        "architecture": architecture,
        "use_noise": "synthesis.b4.conv1.noise_strength" in shapes,
        "base_width": const[2],
    }


def _inputs(shapes: dict[str, Shape], inputs: int) -> tuple[int, dict[str, Any]]:
    """Return z_dim and the configuration's fields about classes."""
    if "mapping.label_concat" in shapes:
        c_dim, width = _shape(shapes, "mapping.label_concat", 2)
        return inputs - width, {"c_dim": c_dim, "label_concat": True}
    if "mapping.embed.weight" in shapes:
        width, c_dim = _shape(shapes, "mapping.embed.weight", 2)
        return inputs - width, {"c_dim": c_dim, "embed_features": width}
    return inputs, {}


def _widths(resolutions: list[int], channels: list[int]) -> dict[str, Any]:
    """Return the widths as min(channel_base / resolution, channel_max) where that fits, else as a table."""
    most, base = max(channels), channels[-1] * resolutions[-1]
    if [min(base // size, most) for size in resolutions] == channels:
        return {"channel_base": base, "channel_max": most}
    return {"channels": channels, "channel_base": base, "channel_max": most}


def _shape(shapes: dict[str, Shape], name: str, axes: int) -> Shape:
    shape = shapes.get(name)
    if shape is None or len(shape) != axes or 0 in shape:
        raise Refused(f"the file lacks the tensor {name}, or it has another shape; get it again")
    return shape
