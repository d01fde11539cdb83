"""What the generators compute, number for number: a change of structure must change none of it.

    python -m tests.generators.pins            # write pins.npz: some numbers of everything, for test_pins.py
    python -m tests.generators.pins --hashes   # print the hash of every bit, to compare two versions on one machine

Images, features, windows and gradients of small generators of every architecture, in float32 and with features in
bfloat16. pins.npz is only to be written again when a case is added.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from draglab.generators import Generator, StyleGAN2, StyleGAN2Config
from tests.generators import configs, stylegan3_configs

PINS = Path(__file__).with_name("pins.npz")
KEPT = 24
"""Numbers of each array in the file."""


def wide_generator() -> StyleGAN2:
    """Wide enough for the fast convolutions, on maps large enough for both sizes of their tiles."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StyleGAN2(StyleGAN2Config(32, z_dim=8, w_dim=8, channel_base=4096, channel_max=128, mapping_layers=1))


def generators() -> Iterator[tuple[str, Generator]]:
    """All cases by name."""
    for name in configs.CONFIGS:
        yield f"stylegan2 {name}", configs.make_generator(name, torch.float32)
    yield "stylegan2 wide", wide_generator()
    for name in stylegan3_configs.CONFIGS:
        yield f"stylegan3 {name}", stylegan3_configs.make_stylegan3(name, torch.float32)


def _with_gradient(values: Tensor, w_plus: Tensor) -> Iterator[tuple[str, Tensor]]:
    yield "values", values.detach()
    weights = torch.linspace(-1, 1, values.numel(), dtype=torch.float32).view(values.shape).to(values.dtype)
    yield "gradient", torch.autograd.grad((values * weights).sum(), w_plus, retain_graph=True)[0]


def outputs(generator: Generator) -> Iterator[tuple[str, Tensor]]:
    """Everything that one generator computes, by name."""
    c = torch.eye(generator.c_dim)[:1] if generator.c_dim else None
    yield "w", generator.mapping(generator.z_from_seed(3), c, truncation_psi=0.7)[:, :2]
    w_plus = configs.random_w_plus(generator, 2).requires_grad_(True)
    for noise_mode in ("const", "none"):
        image = generator.image(w_plus, noise_mode=noise_mode)
        yield from ((f"image {noise_mode} {part}", found) for part, found in _with_gradient(image, w_plus))
    with torch.no_grad():
        yield "random noise", generator.image(w_plus, noise_mode="random", noise_seed=5)
        yield "preview", generator.image(w_plus, preview_resolution=generator.feature_resolutions[0])
    levels = [generator.feature_level(resolution) for resolution in generator.feature_resolutions]
    for level in levels:
        for dtype in (None, torch.bfloat16):
            maps = generator.feature_maps(w_plus, level, dtype=dtype).top
            yield from ((f"{level} {dtype} {part}", found) for part, found in _with_gradient(maps, w_plus))
    if isinstance(generator, StyleGAN2):
        yield from _windows(generator, w_plus, levels)


def _windows(generator: StyleGAN2, w_plus: Tensor, levels: list[int]) -> Iterator[tuple[str, Tensor]]:
    origins = [np.array([[-1, 2], [3, 1], [5, -2]]), np.array([[2, 3]])]
    owners = [np.array([0, 1, 1]), np.array([0])]
    for level in levels[1:]:
        for whole_until in [below for below in levels if below < level]:
            plan = configs.plan_of(generator, level, [((4, 5), 3), ((6, 6), 1)], whole_until, samples=2)
            for dtype in (None, torch.bfloat16):
                groups = plan.run(w_plus, origins, owners=owners, dtype=dtype)
                for index, windows in enumerate(groups):
                    name = f"windows {level} from {whole_until} {dtype} {index}"
                    yield from ((f"{name} {part}", found) for part, found in _with_gradient(windows.values, w_plus))


def numbers() -> dict[str, np.ndarray]:
    """Numbers of everything, evenly chosen, and the largest of each array: by "case|output"."""
    found = {}
    for case, generator in generators():
        for name, values in outputs(generator):
            flat = values.detach().float().flatten()
            chosen = flat[torch.linspace(0, len(flat) - 1, min(KEPT, len(flat))).long()]
            found[f"{case}|{name}"] = torch.cat([chosen, flat.abs().max()[None]]).numpy()
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hashes", action="store_true")
    if parser.parse_args().hashes:
        for case, generator in generators():
            lines = [f"weights {generator.sha256} {json.dumps(generator.config.to_json())}"]
            for name, values in outputs(generator):
                data = values.detach().contiguous().view(torch.uint8).numpy().tobytes()
                lines.append(f"{name} {hashlib.sha256(data).hexdigest()[:16]}")
            sys.stdout.writelines(f"{case} {line}\n" for line in lines)
        return
    found = numbers()
    # One array of all, because every entry of such a file has a header larger than these numbers.
    names = np.array(list(found))
    np.savez_compressed(PINS, allow_pickle=False, names=names, values=np.concatenate(list(found.values())))
    sys.stdout.write(f"{PINS.name}: {len(found)} arrays, {PINS.stat().st_size / 1024:.0f} KiB\n")


if __name__ == "__main__":
    main()
