"""MobileStyleGAN's two graphs: their weights, found by following the graph backwards from its result.

Every step checks that the layer is the one that the architecture has there, so what is found is known to be used as
draglab uses it. Names are not needed: other exports of the same network have others. The layers that only compute the
shapes of reshapes are not followed: a reshape is determined by the shapes of its input and its result.

The graph of one latent for all layers; shapes are those of a batch of 1:
    mapping:   x = z / sqrt(mean(z^2) + 1e-8), then for every layer x = sqrt(2) leaky(x W^T + b)
    synthesis: first block: leaky(conv3x3(style const) + noise + bias)
               others: up: inverse Haar(style x); twice leaky(conv1x1(depthwise3x3(style x)) + noise + bias)
               image: inverse Haar(conv1x1(style x) + bias)
"""

from __future__ import annotations

import math
from typing import Any

from draglab.checkpoints.foreign.values import Refused
from draglab.checkpoints.openvino.graph import Constant, Graph, Shape, Value
from draglab.generators.config import MAX_MAPPING_LAYERS, MAX_RESOLUTION

BANDS = ("bands",)
"""Change of tensors whose first axis are the channels that an inverse Haar transform takes. In the file, the three
details of a channel are beside each other; draglab has a band's channels beside each other."""

_HALF = math.sqrt(0.5)
_SLOPE = 0.2
_EVERYWHERE = {"dilations": (1, 1), "auto_pad": "explicit"}


class Network:
    """Constants of one graph.

    Attributes:
        config: fields of the configuration that the graph determines.
        tensors: published name -> constant, published shape, and changes (foreign/changes.py).
        fixed: constants that follow from the architecture, and the numbers that each must consist of, repeated.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.config: dict[str, Any] = {}
        self.tensors: dict[str, tuple[Constant, Shape, tuple[str, ...]]] = {}
        self.fixed: list[tuple[Constant, tuple[float, ...]]] = []
        self.source: Value = (graph.only("Parameter"), "0")
        if self.source[1] not in graph.layers[self.source[0]].outputs:
            raise Refused("it is another graph: its input has no output of the number 0")
        (self.result,) = graph.inputs((graph.only("Result"), ""), "Result", 1)

    def tensor(
        self, name: str, value: Value, shape: Shape, published: Shape | None = None, changes: tuple[str, ...] = ()
    ) -> None:
        """Take a constant as a published tensor, after a check of its shape and type."""
        self.graph.require(value, shape)
        constant = self.graph.constant(value)
        if constant.dtype != "f32":
            raise Refused(f"the constant {constant.name[:80]} holds {constant.dtype} instead of f32")
        self.tensors[name] = constant, shape if published is None else published, changes

    def fix(self, value: Value, *expected: float) -> None:
        """Take a constant as one that must consist of the expected numbers, repeated."""
        self.fixed.append((self.graph.constant(value), expected))

    def is_source(self, value: Value) -> None:
        """Check that a value is the graph's only input."""
        if value != self.source:
            raise Refused("it is another graph: a layer that should take the latent takes something else")


def read_mapping(graph: Graph) -> Network:
    """Find the weights of a mapping network: `mapping.fc{i}.weight` [out, in], `mapping.fc{i}.bias` [out].

    Raises:
        Refused: it is another graph.
    """
    net, layers = Network(graph), []
    x = net.result
    while not layers or graph.type(graph.inputs(x, "Multiply", 2)[0]) == "PReLU":
        activated, gain = graph.inputs(x, "Multiply", 2)
        net.fix(gain, math.sqrt(2))
        linear, slope = graph.inputs(activated, "PReLU", 2)
        net.fix(slope, _SLOPE)
        product, bias = graph.inputs(linear, "Add", 2)
        x, weight = graph.inputs(product, "MatMul", 2, transpose_a="false", transpose_b="true")
        layers.append((weight, graph.inputs(bias, "Reshape", 2)[0], graph.shape(x), graph.shape(product)))
        if len(layers) > MAX_MAPPING_LAYERS:
            raise Refused(f"the mapping network has more than {MAX_MAPPING_LAYERS} layers")
    for index, (weight, bias, inputs, outputs) in enumerate(reversed(layers)):
        if len(inputs) != 2 or len(outputs) != 2:
            raise Refused("it is another graph: the mapping network's features have not two axes")
        net.tensor(f"mapping.fc{index}.weight", weight, (outputs[1], inputs[1]))
        net.tensor(f"mapping.fc{index}.bias", bias, (outputs[1],))
    _normalised(net, x)
    net.config = {"z_dim": layers[-1][2][1], "w_dim": layers[0][3][1], "mapping_layers": len(layers)}
    return net


def _normalised(net: Network, value: Value) -> None:
    """Check that a value is z / sqrt(mean(z^2) + eps)."""
    graph = net.graph
    z, factor = graph.inputs(value, "Multiply", 2)
    one, inverse = graph.inputs(factor, "Multiply", 2)
    root, minus_one = graph.inputs(inverse, "Power", 2)
    summed, half = graph.inputs(root, "Power", 2)
    mean, eps = graph.inputs(summed, "Add", 2)
    square, axis = graph.inputs(mean, "ReduceMean", 2, keep_dims="true")
    again, two = graph.inputs(square, "Power", 2)
    for constant, expected in ((one, 1.0), (minus_one, -1.0), (half, 0.5), (eps, 1e-8), (axis, 1.0), (two, 2.0)):
        net.fix(constant, expected)
    net.is_source(z)
    net.is_source(again)


def read_synthesis(graph: Graph) -> Network:
    """Find the weights of a synthesis network, `synthesis.*`, in the shapes of the architecture's tensors.

    Raises:
        Refused: it is another graph.
    """
    net = Network(graph)
    w, image = graph.shape(net.source), graph.shape(net.result)
    size = image[-1] if len(image) == 4 else 0
    if len(w) != 2 or w[0] != 1 or not 16 <= size <= MAX_RESOLUTION or size & (size - 1):
        raise Refused(f"it is another graph: it maps {list(w)} to {list(image)}, not a latent to a square image")
    walk = _Synthesis(net, w[1])
    size //= 2
    coloured = walk.inverse_haar(net.result, image[1], size)
    # From here on, `channels` are those of the block of `size`, which the layers above it state.
    channels, x = walk.to_image(coloured, 4 * image[1], size)
    widths = [channels]
    while size > 4:
        name = f"synthesis.b{size}"
        narrow, x = walk.separable(f"{name}.conv2", x, channels, size, BANDS if len(widths) > 1 else ())
        if narrow != channels:
            raise Refused(f"it is another graph: the second convolution of {size} pixels takes {narrow} channels")
        narrow, x = walk.separable(f"{name}.conv1", x, channels, size)
        size //= 2
        channels = 4 * narrow
        x = walk.inverse_haar(x, narrow, size)
        x = walk.modulated(f"{name}.up", x, (1, channels, size, size), None, BANDS)
        widths.append(channels)
    walk.first("synthesis.b4", x, channels)
    net.config = {
        "img_resolution": image[-1],
        "img_channels": image[1],
        "w_dim": w[1],
        "channels": widths[::-1],
    }
    return net


class _Synthesis:
    """Parts of the synthesis network, each from its result to its input."""

    def __init__(self, net: Network, w_dim: int) -> None:
        self.net, self.graph, self.w_dim = net, net.graph, w_dim

    def to_image(self, value: Value, bands: int, size: int) -> tuple[int, Value]:
        """Return the number of channels and the value that the 1x1 convolution to the image's bands takes."""
        name = "synthesis.to_img"
        product, bias = self.graph.inputs(value, "Add", 2)
        self.net.tensor(f"{name}.bias", bias, (1, bands, 1, 1), (bands,), BANDS)
        channels, x = self._convolution(f"{name}.weight", product, bands, size, BANDS)
        return channels, self.modulated(name, x, (1, channels, size, size), 1 / math.sqrt(channels))

    def separable(
        self, name: str, value: Value, channels: int, size: int, changes: tuple[str, ...] = ()
    ) -> tuple[int, Value]:
        """Return the number of channels and the value that a separable convolution takes, from its activated result."""
        x = self._activated(name, value, channels, size, changes)
        narrow, x = self._convolution(f"{name}.pointwise", x, channels, size, changes)
        shape = (1, narrow, size, size)
        self.graph.require(x, shape)
        x, weight = self.graph.inputs(
            x, "GroupConvolution", 2, strides=(1, 1), pads_begin=(1, 1), pads_end=(1, 1), **_EVERYWHERE
        )
        self.net.tensor(f"{name}.depthwise", weight, (narrow, 1, 1, 3, 3), (narrow, 1, 3, 3))
        return narrow, self.modulated(name, x, shape, 1 / math.sqrt(9 * narrow))

    def first(self, name: str, value: Value, channels: int) -> None:
        """Take the first block: a convolution of the learned constant."""
        x = self._activated(f"{name}.conv", value, channels, 4, BANDS)
        x, weight = self.graph.inputs(
            x, "Convolution", 2, strides=(1, 1), pads_begin=(1, 1), pads_end=(1, 1), **_EVERYWHERE
        )
        self.net.tensor(f"{name}.conv.weight", weight, (channels, channels, 3, 3), changes=BANDS)
        shape = (1, channels, 4, 4)
        x = self.modulated(f"{name}.conv", x, shape, 1 / math.sqrt(9 * channels))
        for kind in ("Tile", "Broadcast"):  # to the size of the batch
            if self.graph.type(x) == kind:
                x = self.graph.inputs(x, kind, 2)[0]
        self.net.tensor(f"{name}.const", x, shape, shape[1:])

    def modulated(
        self, name: str, value: Value, shape: Shape, gain: float | None, changes: tuple[str, ...] = ()
    ) -> Value:
        """Return x of style x, the style being an affine function of the latent times `gain`; None = without one."""
        self.graph.require(value, shape)
        style, x = self.graph.inputs(value, "Multiply", 2)
        self.graph.require(x, shape)
        channels = shape[1]
        self.graph.require(style, (1, channels, 1, 1))
        if gain is not None:
            style, factor = self.graph.inputs(style, "Multiply", 2)
            self.net.fix(factor, gain)
        flat = self.graph.inputs(style, "Reshape", 2)[0]
        product, bias = self.graph.inputs(flat, "Add", 2)
        w, weight = self.graph.inputs(product, "MatMul", 2, transpose_a="false", transpose_b="true")
        self.net.is_source(w)
        self.net.tensor(f"{name}.affine.weight", weight, (channels, self.w_dim), changes=changes)
        self.net.tensor(f"{name}.affine.bias", bias, (1, channels), (channels,), changes)
        return x

    def inverse_haar(self, value: Value, channels: int, size: int) -> Value:
        """Return the bands [1, 4 C, size, size] of an inverse Haar transform, from its result of twice the size."""
        bands: list[Value] = []
        self.graph.require(value, (1, channels, 2 * size, 2 * size))
        for half, sign in zip(self.graph.inputs(value, "Add", 2), (1, -1), strict=True):
            rows = self.graph.inputs(self._doubled(half, channels, (1, 2), sign), "Add", 2)
            bands += [self._doubled(row, channels, (2, 1), sign) for row, sign in zip(rows, (1, -1), strict=True)]
        low, *details = bands
        stacked = {self._of_split(self._squeezed(band), place, 2, (1, 1, 1)) for place, band in enumerate(details)}
        if len(stacked) != 1:
            raise Refused("it is another graph: a Haar transform takes its details from several places")
        (stack,) = stacked
        self.graph.require(stack, (1, channels, 3, size, size))
        flat = self.graph.inputs(stack, "Reshape", 2)[0]
        parts = channels, 3 * channels
        source = self._of_split(flat, 1, 1, parts)
        if self._of_split(low, 0, 1, parts) != source:
            raise Refused("it is another graph: a Haar transform takes its bands from several places")
        self.graph.require(source, (1, 4 * channels, size, size))
        return source

    def _activated(self, name: str, value: Value, channels: int, size: int, changes: tuple[str, ...]) -> Value:
        """Return x of leaky(x + noise + bias)."""
        self.graph.require(value, (1, channels, size, size))
        summed, slope = self.graph.inputs(value, "PReLU", 2)
        self.net.fix(slope, _SLOPE)
        noisy, bias = self.graph.inputs(summed, "Add", 2)
        self.net.tensor(f"{name}.bias", bias, (1, channels, 1, 1), (channels,), changes)
        x, noise = self.graph.inputs(noisy, "Add", 2)
        self.net.tensor(f"{name}.noise_const", noise, (1, 1, size, size), (size, size))
        return x

    def _convolution(
        self, name: str, value: Value, outputs: int, size: int, changes: tuple[str, ...]
    ) -> tuple[int, Value]:
        """Return the number of channels and the value that a 1x1 convolution takes."""
        self.graph.require(value, (1, outputs, size, size))
        x, weight = self.graph.inputs(
            value, "Convolution", 2, strides=(1, 1), pads_begin=(0, 0), pads_end=(0, 0), **_EVERYWHERE
        )
        shape = self.graph.shape(weight)
        if len(shape) != 4 or not shape[1]:
            raise Refused(f"it is another graph: the weights of a convolution have the shape {list(shape)}")
        self.net.tensor(name, weight, (outputs, shape[1], 1, 1), changes=changes)
        return shape[1], x

    def _doubled(self, value: Value, channels: int, strides: tuple[int, int], sign: int) -> Value:
        """Return the input of a transposed convolution with [1, sign] / sqrt(2) along one axis."""
        x, kernel = self.graph.inputs(
            value,
            "GroupConvolutionBackpropData",
            2,
            strides=strides,
            pads_begin=(0, 0),
            pads_end=(0, 0),
            output_padding=(0, 0),
            **_EVERYWHERE,
        )
        self.graph.require(kernel, (channels, 1, 1, *strides))
        self.net.fix(kernel, _HALF, sign * _HALF)
        return x

    def _squeezed(self, value: Value) -> Value:
        """Return the input of a layer that drops the third axis."""
        x, axis = self.graph.inputs(value, "Squeeze", 2)
        self.net.fix(axis, 2)
        return x

    def _of_split(self, value: Value, place: int, axis: int, sizes: tuple[int, ...]) -> Value:
        """Return what a value is part `place` of, split along an axis."""
        x, along, lengths = self.graph.inputs(value, "VariadicSplit", 3)
        if value[1] != str(3 + place):  # outputs are numbered after the inputs
            raise Refused("it is another graph: the parts of a split are taken in another order")
        self.net.fix(along, axis)
        self.net.fix(lengths, *sizes)
        return x
