"""Description of MobileStyleGAN's layers for computing windows."""

from __future__ import annotations

import torch
from torch import Tensor

from draglab.generators.block_windows import Origins, Shape, WindowedBlock, WindowedLayer, WindowedNetwork
from draglab.generators.mobile_stylegan.synthesis import Block, Doubling, NoiseSource, SeparableLayer, SynthesisNetwork
from draglab.generators.windows import cut


def windowed_network(synthesis: SynthesisNetwork) -> WindowedNetwork:
    """Describe the blocks of a synthesis network, by resolution."""

    def whole_map(w_plus: Tensor, level: int, noise_mode: str, dtype: torch.dtype | None) -> Tensor:
        return synthesis.features(w_plus, level, NoiseSource(noise_mode).draw, dtype=dtype)

    first = WindowedBlock([_first(synthesis)])
    blocks = {resolution: _block(synthesis.block(resolution)) for resolution in synthesis.block_resolutions[1:]}
    return WindowedNetwork({4: first, **blocks}, lambda level: (level, level), whole_map)


def _first(synthesis: SynthesisNetwork) -> WindowedLayer:
    """Describe the first block, which always runs whole; only its cost counts."""

    def run(x: Tensor, w_plus: Tensor, origins: Origins, noise_mode: str) -> Tensor:
        raise AssertionError("the first block has no windows")

    weights = synthesis.b4.conv.weight.numel()
    return WindowedLayer(run, 1, 1, 1, lambda inputs, outputs: weights * outputs[0] * outputs[1])


def _block(block: Block) -> WindowedBlock:
    layers = [_separable(block.conv1, block.first_w + 1), _separable(block.conv2, block.first_w + 2)]
    return WindowedBlock([_doubling(block.up, block.first_w), *layers])


def _doubling(layer: Doubling, index: int) -> WindowedLayer:
    def run(x: Tensor, w_plus: Tensor, origins: Origins, noise_mode: str) -> Tensor:
        return layer(x, w_plus[:, index])

    channels = layer.affine.out_features
    return WindowedLayer(run, 2, 0, 0, lambda inputs, outputs: 4 * channels * inputs[0] * inputs[1])


def _separable(layer: SeparableLayer, index: int) -> WindowedLayer:
    def run(x: Tensor, w_plus: Tensor, origins: Origins, noise_mode: str) -> Tensor:
        def draw(layer: SeparableLayer, x: Tensor) -> Tensor | None:
            stored = layer.noise_const[None, None]
            return None if noise_mode == "none" else cut(stored, origins, (x.shape[2], x.shape[3]))

        return layer(x, w_plus[:, index], draw, valid=True)

    def multiplications(inputs: Shape, outputs: Shape) -> float:
        return (layer.depthwise.numel() + layer.pointwise.numel()) * outputs[0] * outputs[1]

    return WindowedLayer(run, 1, 1, 1, multiplications)
