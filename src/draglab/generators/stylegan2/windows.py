"""Description of StyleGAN2's layers for computing windows."""

from __future__ import annotations

import torch
from torch import Tensor

from draglab.generators.block_windows import Origins, Shape, WindowedBlock, WindowedLayer, WindowedNetwork
from draglab.generators.fast.frozen_convolution import share_of_multiplications
from draglab.generators.stylegan2.resampling import low_pass_padding
from draglab.generators.stylegan2.synthesis import NoiseSource, SynthesisBlock, SynthesisLayer, SynthesisNetwork
from draglab.generators.windows import cut


def windowed_network(synthesis: SynthesisNetwork) -> WindowedNetwork:
    """Describe the blocks of a synthesis network, by resolution."""

    def whole_map(w_plus: Tensor, level: int, noise_mode: str, dtype: torch.dtype | None) -> Tensor:
        return synthesis.run_blocks(w_plus, level, NoiseSource(noise_mode).draw, dtype=dtype)[level]

    blocks = {level: _block(synthesis.block(level), synthesis.kernel) for level in synthesis.block_resolutions}
    return WindowedNetwork(blocks, synthesis.shape_at, whole_map)


def _block(block: SynthesisBlock, kernel: Tensor) -> WindowedBlock:
    layers = [_layer(layer, index, gain, kernel) for layer, index, gain in block.convolutions()]
    return WindowedBlock(layers, shortcut=(lambda x: block.shortcut(x, kernel)) if block.residual else None)


def _layer(layer: SynthesisLayer, index: int, gain: float, kernel: Tensor) -> WindowedLayer:
    def run(x: Tensor, w_plus: Tensor, origins: Origins, noise_mode: str) -> Tensor:
        def draw(layer: SynthesisLayer, x: Tensor) -> Tensor | None:
            stored = layer.noise_const[None, None]
            return None if noise_mode == "none" else cut(stored, origins, (x.shape[2], x.shape[3]))

        return layer(x, w_plus[:, index], kernel, draw, gain, valid=True)

    def multiplications(inputs: Shape, outputs: Shape) -> float:
        # A doubling layer multiplies at the positions of its input.
        height, width = inputs if layer.up else outputs
        return layer.weight.numel() * (1.0 if layer.up else share_of_multiplications(layer.weight)) * height * width

    if not layer.up:
        return WindowedLayer(run, 1, 1, 1, multiplications)
    taps = kernel.shape[0]
    before = 1 + low_pass_padding(taps)[0]
    return WindowedLayer(run, 2, before, taps - before, multiplications)
