"""Evaluation of an OpenVINO IR, layer by layer, by what OpenVINO documents of each operation."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_DTYPES = {"f32": "<f4", "i64": "<i8", "i32": "<i4"}
_COUNTED = {"ShapeOf", "Gather", "Unsqueeze", "Concat", "Result"}
"""Layers that only compute shapes; a reshape's is taken from its stated output instead."""


def evaluate(xml: bytes, weights: bytes, given: Tensor) -> Tensor:
    """Return the result [...] of a graph in float64 for one input [1, ...]."""
    root = ET.fromstring(xml)
    sources: dict[tuple[str, int], tuple[str, str]] = {}
    for edge in root.iter("edge"):
        sink = str(edge.get("to-layer")), int(str(edge.get("to-port")))
        sources[sink] = str(edge.get("from-layer")), str(edge.get("from-port"))
    values: dict[tuple[str, str], Tensor] = {}
    for layer in root.iter("layer"):
        key, kind = str(layer.get("id")), str(layer.get("type"))
        found = layer.find("data")
        data = {} if found is None else found.attrib
        places = [sources[key, port] for port in range(3) if (key, port) in sources]
        if kind == "Result":
            return values[places[0]]
        if kind in _COUNTED:
            continue
        inputs = [values[place] for place in places if place in values]
        ports = [(str(port.get("id")), [int(str(dim.text)) for dim in port]) for port in layer.findall("output/port")]
        for (port, shape), value in zip(ports, _outputs(kind, data, inputs, ports[0][1], weights, given), strict=True):
            assert list(value.shape) == shape, (kind, key)
            values[key, port] = value
    raise AssertionError("no result")


def _outputs(
    kind: str, data: dict[str, str], inputs: list[Tensor], shape: list[int], weights: bytes, given: Tensor
) -> list[Tensor]:
    strides = tuple(map(int, data.get("strides", "1, 1").split(",")))
    padding = tuple(map(int, data.get("pads_begin", "0, 0").split(",")))
    match kind:
        case "Parameter":
            return [given.double()]
        case "Const":
            count = int(np.prod(shape, dtype=np.int64))
            numbers = np.frombuffer(weights, _DTYPES[data["element_type"]], count, int(data["offset"]))
            values = torch.from_numpy(numbers.copy()).reshape(shape)
            return [values.double() if values.is_floating_point() else values]
        case "Add":
            return [inputs[0] + inputs[1]]
        case "Multiply":
            return [inputs[0] * inputs[1]]
        case "Power":
            return [inputs[0] ** inputs[1]]
        case "ReduceMean":
            return [inputs[0].mean(tuple(inputs[1].tolist()), keepdim=True)]
        case "MatMul":
            return [inputs[0] @ inputs[1].T]
        case "PReLU":
            return [torch.where(inputs[0] > 0, inputs[0], inputs[1] * inputs[0])]
        case "Reshape":
            return [inputs[0].reshape(shape)]
        case "Broadcast" | "Tile":
            return [inputs[0].expand(shape)]
        case "Squeeze":
            return [inputs[0].squeeze(int(inputs[1]))]
        case "VariadicSplit":
            return list(inputs[0].split(inputs[2].tolist(), int(inputs[1])))
        case "Convolution":
            return [F.conv2d(inputs[0], inputs[1], stride=strides, padding=padding)]
        case "GroupConvolution":
            # [groups, out, in, height, width]
            return [
                F.conv2d(inputs[0], inputs[1].flatten(0, 1), stride=strides, padding=padding, groups=len(inputs[1]))
            ]
        case "GroupConvolutionBackpropData":
            kernel = inputs[1].flatten(0, 1)  # of [groups, in, out, height, width]
            return [F.conv_transpose2d(inputs[0], kernel, stride=strides, groups=len(inputs[1]))]
    raise AssertionError(kind)
