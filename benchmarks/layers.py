"""Which layer of StyleGAN3 tracks best, as far as randomly initialised weights can tell.

    python -m benchmarks.layers [--config r] [--size 256] [--seeds 4]

The input's transform moves the picture by a known translation; how far from there does tracking find the handles? Once
with the same latent, and once with another latent mixed in, which changes what the picture looks like but not where it
is. Prints a line for each layer; errors are in pixels of the image.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch

from draglab.dragging import DragSettings
from draglab.dragging.bilinear import sample_points
from draglab.dragging.features import whole_features
from draglab.dragging.tracking import TrackingQuery, track_nearest
from draglab.generators import StyleGAN3, StyleGAN3Config
from draglab.generators.stylegan3.config import LayerSpec
from draglab.geometry import to_feature_coordinates

MIXED = (0.0, 0.02, 0.1)
"""Shares of the other latent."""
HANDLES = 40


def random_generator(size: int, radial: bool, seed: int) -> StyleGAN3:
    """Random weights, and the inputs of every layer scaled to unit size as training does."""
    torch.manual_seed(seed)
    wide = 2 if radial else 1
    config = StyleGAN3Config(
        size,
        channel_base=size * 32 * wide,
        channel_max=64 * wide,
        conv_kernel=1 if radial else 3,
        use_radial_filters=radial,
    )
    generator = StyleGAN3(config)
    synthesis, w_plus = generator.synthesis, generator.w_plus_from_seed(seed)
    x = synthesis.run_layers(w_plus, -1)
    for index, spec in enumerate(synthesis.specs[:-1]):
        layer = synthesis.get_submodule(spec.name)
        layer.get_buffer("magnitude_ema").copy_(x.square().mean())
        x = synthesis.run_layers(w_plus, index, (index - 1, x))
    return generator


def receptive_field(specs: list[LayerSpec]) -> Iterator[float]:
    """For each layer, the side of what one of its pixels depends on, in sides of the image."""
    side = 0.0
    for spec in specs:
        fine = spec.inputs.rate * spec.up
        side += (spec.up_taps + spec.down_taps - 2) / fine + (spec.kernel - 1) / spec.inputs.rate
        yield side


@torch.no_grad()
def errors(generator: StyleGAN3, layer: int, seed: int, mixed: float) -> np.ndarray:
    """Distances [HANDLES] between where handles are found and where they are, pixels of the image."""
    size, settings = generator.img_resolution, DragSettings()
    random = np.random.RandomState(seed)
    radius = settings.tracking_radius(generator.img_shape)
    angle = random.uniform(0, 2 * np.pi)
    moved = 0.7 * radius * np.array([np.cos(angle), np.sin(angle)])
    handles = random.uniform(radius, size - 1 - radius, (HANDLES, 2))
    w_plus = generator.w_plus_from_seed(seed)
    other = w_plus.lerp(generator.w_plus_from_seed(seed + 1000), mixed)
    transform = generator.synthesis.input.transform
    start = whole_features(generator, w_plus, layer).near
    places = to_feature_coordinates(handles, generator.img_shape, start.map_shape, start.margin)
    templates = sample_points(start, places[:, None])[:, 0]
    transform[:2, 2] = -torch.from_numpy(moved / size)
    after = whole_features(generator, other, layer).near
    transform[:2, 2] = 0
    query = TrackingQuery(after, templates, handles, radius, generator.img_shape, settings.subpixel)
    found = track_nearest(query)
    return np.linalg.norm(found.numpy() - handles - moved, axis=1)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=["t", "r"], default="t")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=4)
    args = parser.parse_args()
    generators = [random_generator(args.size, args.config == "r", seed) for seed in range(args.seeds)]
    specs = generators[0].synthesis.specs[:-1]
    for layer, (spec, field) in enumerate(zip(specs, receptive_field(specs), strict=True)):
        columns = []
        for mixed in MIXED:
            found = [errors(generator, layer, seed, mixed) for seed, generator in enumerate(generators)]
            columns.append(f"{mixed:g}: {np.mean(found):.2f} ({np.mean(np.array(found) < 1):.0%} < 1 px)")
        signal = spec.outputs
        print(
            f"layer {layer:2d}  rate {signal.rate:4d}  cutoff {signal.cutoff:6.1f}  field {field * args.size:5.0f} px  "
            + "  ".join(columns),
            flush=True,
        )


if __name__ == "__main__":
    main()
