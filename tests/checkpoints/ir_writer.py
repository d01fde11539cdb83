"""Writer of OpenVINO IRs of MobileStyleGAN generators: the layers of the published files, in any size."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import torch

from draglab.generators import MobileStyleGAN

Value = tuple[int, int]
"""(layer, port) of an output."""
FOLDER = "random_face/data"
_PRECISIONS = {"f32": "FP32", "i64": "I64", "i32": "I32"}
_DTYPES = {"f32": "<f4", "i64": "<i8", "i32": "<i4"}


class GraphWriter:
    """A graph under construction: its layers as XML, and the bytes of its constants."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.layers: list[str] = []
        self.edges: list[str] = []
        self.shapes: dict[Value, tuple[int, ...]] = {}
        self.data = bytearray()
        self._known: dict[bytes, int] = {}

    def add(
        self,
        kind: str,
        inputs: Sequence[Value],
        *shapes: tuple[int, ...],
        name: str = "",
        precision: str = "FP32",
        **attributes: object,
    ) -> Value:
        """Add a layer with an output of each shape; return the first."""
        key = len(self.layers)
        pairs = "".join(f" {name}={quoteattr(str(value))}" for name, value in attributes.items())
        parts = [f"<data{pairs}/>" if attributes else ""]
        parts += [self._ports("input", [self.shapes[source] for source in inputs], 0, precision)]
        parts += [self._ports("output", shapes, len(inputs), precision)]
        self.layers.append(
            f'<layer id="{key}" name={quoteattr(name or f"{kind}_{key}")} type="{kind}" version="opset1">'
            f"{''.join(parts)}</layer>"
        )
        for port, (layer, output) in enumerate(inputs):
            edge = f'<edge from-layer="{layer}" from-port="{output}" to-layer="{key}" to-port="{port}"/>'
            self.edges.append(edge)
        for port, shape in enumerate(shapes):
            self.shapes[key, len(inputs) + port] = shape
        return key, len(inputs)

    def constant(
        self, values: object, shape: tuple[int, ...] | None = None, dtype: str = "f32", name: str = ""
    ) -> Value:
        """Add a constant; equal ones share their bytes, as OpenVINO's do."""
        array = np.asarray(values, _DTYPES[dtype])
        shape = array.shape if shape is None else shape
        content = array.tobytes()
        if content not in self._known:
            self._known[content] = len(self.data)
            self.data += content
        where = {"offset": self._known[content], "size": len(content)}
        stated = {"element_type": dtype, "shape": ", ".join(map(str, shape)), **where}
        return self.add("Const", [], shape, name=name, precision=_PRECISIONS[dtype], **stated)

    def whole(self, values: object, dtype: str = "i64") -> Value:
        """Add a constant of whole numbers."""
        return self.constant(values, dtype=dtype)

    def binary(self, kind: str, one: Value, other: Value) -> Value:
        """Add an elementwise layer of two inputs."""
        shape = np.broadcast_shapes(self.shapes[one], self.shapes[other])
        return self.add(kind, [one, other], shape, auto_broadcast="numpy")

    def size_of(self, value: Value, axis: int) -> Value:
        """Add the layers that compute a value's size along an axis, as an exporter of traced programs does."""
        shape = self.add("ShapeOf", [value], (len(self.shapes[value]),), precision="I64", output_type="i64")
        index, along = self.whole(axis, "i32"), self.whole(0)
        return self.add("Gather", [shape, index, along], (), precision="I64", batch_dims="0")

    def reshape(self, value: Value, shape: tuple[int, ...], sizes: Sequence[Value | int]) -> Value:
        """Add a reshape and the layers that put its sizes together: computed ones, and numbers."""
        parts = []
        for size in sizes:
            if isinstance(size, int):
                parts.append(self.whole([size]))
            else:
                parts.append(self.add("Unsqueeze", [size, self.whole([0])], (1,), precision="I64"))
        joined = self.add("Concat", parts, (len(parts),), precision="I64", axis="0")
        return self.add("Reshape", [value, joined], shape, special_zero="true")

    def leaky(self, value: Value) -> Value:
        """Add a leaky ReLU."""
        return self.add("PReLU", [value, self.constant([0.2])], self.shapes[value])

    def product(self, value: Value, weight: Value, outputs: int) -> Value:
        """Add x W^T."""
        return self.add("MatMul", [value, weight], (1, outputs), transpose_a="false", transpose_b="true")

    def xml(self, result: Value) -> bytes:
        """Return the XML of the graph with this result."""
        self.add("Result", [result])
        return (
            f'<?xml version="1.0" ?>\n<net name="{self.name}" version="10">\n<layers>\n'
            + "\n".join(self.layers)
            + "\n</layers>\n<edges>\n"
            + "\n".join(self.edges)
            + '\n</edges>\n<meta_data><MO_version value="2021.4"/></meta_data>\n</net>\n'
        ).encode()

    def _ports(self, tag: str, shapes: Sequence[tuple[int, ...]], first: int, precision: str) -> str:
        ports = []
        for port, shape in enumerate(shapes, first):
            dims = "".join(f"<dim>{side}</dim>" for side in shape)
            ports.append(f'<port id="{port}" precision="{precision}">{dims}</port>')
        return f"<{tag}>{''.join(ports)}</{tag}>" if ports else ""


def mapping_ir(generator: MobileStyleGAN) -> tuple[bytes, bytes]:
    """Return the XML and the weights of a generator's mapping network."""
    config, tensors = generator.config, generator.published_tensors()
    graph = GraphWriter("MappingNetwork")
    z = graph.add("Parameter", [], (1, config.z_dim), name="var", shape=f"1, {config.z_dim}", element_type="f32")
    one = graph.constant([[1.0]])
    square = graph.binary("Power", z, graph.constant([[2.0]]))
    mean = graph.add("ReduceMean", [square, graph.whole([1])], (1, 1), keep_dims="true")
    root = graph.binary("Power", graph.binary("Add", mean, graph.constant([[1e-8]])), graph.constant([[0.5]]))
    inverse = graph.binary("Power", root, graph.constant([[-1.0]]))
    x = graph.binary("Multiply", z, graph.binary("Multiply", one, inverse))
    for index in range(config.mapping_layers):
        weight, bias = (tensors[f"mapping.fc{index}.{part}"].float().numpy() for part in ("weight", "bias"))
        x = graph.product(x, graph.constant(weight), len(weight))
        bias = graph.reshape(graph.constant(bias), (1, len(bias)), [1, graph.size_of(x, 1)])
        x = graph.leaky(graph.binary("Add", x, bias))
        x = graph.binary("Multiply", x, graph.constant([[math.sqrt(2)]]))
    return graph.xml(x), bytes(graph.data)


def published_order(name: str, values: torch.Tensor, last: str) -> torch.Tensor:
    """Order the channels that an inverse Haar transform takes as the published graph does: low, then three details for
    each channel. `last` begins the names of the last block, whose features are not transformed."""
    part = name.partition(".")[2]
    outputs = part in ("conv.weight", "conv.bias", "conv2.pointwise", "conv2.bias") and not name.startswith(last)
    if not (outputs or part.startswith("up.affine") or name in ("to_img.weight", "to_img.bias")):
        return values
    low, *details = values.chunk(4)
    return torch.cat([low, torch.stack(details, dim=1).flatten(0, 1)])


class _Synthesis:
    def __init__(self, generator: MobileStyleGAN) -> None:
        self.config, self.tensors = generator.config, generator.published_tensors()
        self.last = f"b{self.config.block_resolutions[-1]}."
        self.graph = GraphWriter("SynthesisNetwork")
        shape = (1, self.config.w_dim)
        self.w = self.graph.add("Parameter", [], shape, name="style", shape=f"1, {shape[1]}", element_type="f32")

    def tensor(self, name: str, *before: int, after: int = 0) -> Value:
        """Add a tensor as a constant, with further axes of one before and after its own."""
        values = published_order(name, self.tensors[f"synthesis.{name}"].float(), self.last).numpy()
        return self.graph.constant(values, (*before, *values.shape, *(1,) * after), name=f"m.{name}")

    def modulated(self, name: str, x: Value, gain: float | None) -> Value:
        """Add style x."""
        graph = self.graph
        weight = self.tensor(f"{name}.affine.weight")
        channels = graph.shapes[weight][0]
        styles = graph.binary("Add", graph.product(self.w, weight, channels), self.tensor(f"{name}.affine.bias", 1))
        batch = graph.size_of(self.w if gain is not None else x, 0)
        style = graph.reshape(styles, (1, channels, 1, 1), [batch, -1, 1, 1])
        if gain is not None:
            style = graph.binary("Multiply", style, graph.constant(np.full((1, 1, 1, 1), gain)))
        return graph.binary("Multiply", style, x)

    def convolution(self, kind: str, x: Value, weight: Value, outputs: int, padding: int) -> Value:
        """Add a convolution of stride 1."""
        pads = {"pads_begin": f"{padding}, {padding}", "pads_end": f"{padding}, {padding}"}
        shape = (1, outputs, *self.graph.shapes[x][2:])
        return self.graph.add(kind, [x, weight], shape, strides="1, 1", dilations="1, 1", **pads, auto_pad="explicit")

    def activated(self, name: str, x: Value) -> Value:
        """Add noise, bias and activation."""
        x = self.graph.binary("Add", x, self.tensor(f"{name}.noise_const", 1, 1))
        return self.graph.leaky(self.graph.binary("Add", x, self.tensor(f"{name}.bias", 1, after=2)))

    def separable(self, name: str, x: Value) -> Value:
        """Add a separable convolution and its activation."""
        inputs = self.graph.shapes[x][1]
        x = self.modulated(name, x, 1 / math.sqrt(9 * inputs))
        depthwise = self.tensors[f"synthesis.{name}.depthwise"].float().numpy()[:, None]
        x = self.convolution("GroupConvolution", x, self.graph.constant(depthwise), inputs, 1)
        pointwise = self.tensor(f"{name}.pointwise")
        return self.activated(name, self.convolution("Convolution", x, pointwise, self.graph.shapes[pointwise][0], 0))

    def inverse_haar(self, x: Value) -> Value:
        """Add an inverse Haar transform."""
        graph = self.graph
        _, bands, height, width = graph.shapes[x]
        channels = bands // 4
        shapes = (1, channels, height, width), (1, 3 * channels, height, width)
        layer, port = graph.add("VariadicSplit", [x, graph.whole(1), graph.whole([channels, 3 * channels])], *shapes)
        # The exporter shared the first of these between transform and modulation; that does not matter here.
        sizes = [graph.size_of(x, 0), channels, 3, graph.size_of(x, 2), graph.size_of(x, 3)]
        stack = graph.reshape((layer, port + 1), (1, channels, 3, height, width), sizes)
        shapes = [(1, channels, 1, height, width)] * 3
        details, first = graph.add("VariadicSplit", [stack, graph.whole(2), graph.whole([1, 1, 1])], *shapes)
        low = layer, port
        parts = [low]
        for index in range(3):
            band = (details, first + index)
            parts.append(graph.add("Squeeze", [band, graph.whole([2])], (1, channels, height, width)))
        halves = []
        for index, sign in enumerate((1, -1)):
            rows = [self.doubled(parts[2 * index + place], (2, 1), s) for place, s in enumerate((1, -1))]
            halves.append(self.doubled(graph.binary("Add", *rows), (1, 2), sign))
        return graph.binary("Add", *halves)

    def doubled(self, x: Value, strides: tuple[int, int], sign: int) -> Value:
        """Add a transposed convolution along one axis."""
        one, channels, height, width = self.graph.shapes[x]
        kernel = np.tile([math.sqrt(0.5), sign * math.sqrt(0.5)], channels).reshape(channels, 1, 1, *strides)
        none = {"pads_begin": "0, 0", "pads_end": "0, 0", "output_padding": "0, 0"}
        return self.graph.add(
            "GroupConvolutionBackpropData",
            [x, self.graph.constant(kernel)],
            (one, channels, height * strides[0], width * strides[1]),
            strides=f"{strides[0]}, {strides[1]}",
            dilations="1, 1",
            auto_pad="explicit",
            **none,
        )

    def first(self) -> Value:
        """Add the first block."""
        graph, shape = self.graph, (1, self.config.channels[0], 4, 4)
        const, batch = self.tensor("b4.const", 1), graph.size_of(self.w, 0)
        ones = graph.add("Concat", [graph.add("Unsqueeze", [batch, graph.whole([0])], (1,))], (1,), axis="0")
        target = graph.add("Broadcast", [graph.whole([1]), ones], (4,), precision="I64", mode="numpy")
        x = graph.add("Broadcast", [const, target], shape, mode="bidirectional")
        x = graph.add("Tile", [x, target], shape)
        x = self.modulated("b4.conv", x, 1 / math.sqrt(9 * shape[1]))
        weight = self.tensor("b4.conv.weight")
        return self.activated("b4.conv", self.convolution("Convolution", x, weight, shape[1], 1))


def synthesis_ir(generator: MobileStyleGAN) -> tuple[bytes, bytes]:
    """Return the XML and the weights of a generator's synthesis network, of one w for all layers."""
    walk = _Synthesis(generator)
    graph, config = walk.graph, generator.config
    x = walk.first()
    for size in config.block_resolutions[1:]:
        x = walk.inverse_haar(walk.modulated(f"b{size}.up", x, None))
        x = walk.separable(f"b{size}.conv1", x)
        x = walk.separable(f"b{size}.conv2", x)
    x = walk.modulated("to_img", x, 1 / math.sqrt(config.channels[-1]))
    x = walk.convolution("Convolution", x, walk.tensor("to_img.weight"), 4 * config.img_channels, 0)
    x = walk.inverse_haar(graph.binary("Add", x, walk.tensor("to_img.bias", 1, after=2)))
    return graph.xml(x), bytes(graph.data)


def ir_files(generator: MobileStyleGAN) -> dict[str, bytes]:
    """Return the content of the four files of a generator, by name."""
    mapping, synthesis = mapping_ir(generator), synthesis_ir(generator)
    names = ("MappingNetwork.xml", "MappingNetwork.bin", "SynthesisNetwork.xml", "SynthesisNetwork.bin")
    return dict(zip(names, (*mapping, *synthesis), strict=True))


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder, which is made."""
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def wheel(files: dict[str, bytes], folder: str = FOLDER) -> bytes:
    """Return a wheel as the published one: with code beside the files, compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("random_face/__init__.py", "raise SystemExit('this must never run')\n")
        for name, content in files.items():
            archive.writestr(f"{folder}/{name}" if folder else name, content)
        info = "Metadata-Version: 2.1\nName: random-face\nVersion: 1.0\n"
        archive.writestr("random_face-1.0.dist-info/METADATA", info)
        archive.writestr(
            "random_face-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("random_face-1.0.dist-info/RECORD", "")
    return buffer.getvalue()
