"""Graphs of OpenVINO's intermediate representation, read from their XML by a parser that expands nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from draglab.checkpoints.foreign.names import number
from draglab.checkpoints.foreign.values import Refused

MAX_XML = 8 << 20
"""Largest XML file, in bytes."""
MAX_ELEMENTS = 100_000
MAX_NESTING = 8
MAX_ATTRIBUTES = 32
MAX_TEXT = 2_000
"""Longest name or value of an attribute."""
MAX_LAYERS = 5_000
MAX_AXES = 8

Value = tuple[str, str]
"""One output of a layer: (layer's id, port's id)."""
Shape = tuple[int, ...]

_ITEM_SIZES = {"f32": 4, "i64": 8, "i32": 4}
_LAYER = ("net", "layers", "layer")
_EDGE = ("net", "edges", "edge")


@dataclass(frozen=True)
class Constant:
    """Numbers in the file of weights that belongs to a graph.

    Attributes:
        name: name of its layer. dtype: "f32", "i64" or "i32", little-endian.
        start, stop: its bytes in the file.
    """

    name: str
    dtype: str
    shape: Shape
    start: int
    stop: int


@dataclass
class Layer:
    """One operation of a graph.

    Attributes:
        attributes: those of its element "data". outputs: shape of every output, by the port's id.
    """

    name: str
    type: str
    attributes: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Shape] = field(default_factory=dict)


class Graph:
    """A graph of layers. Its methods check what they return: a file may state anything.

    Attributes:
        layers: by id. sources: the output that an input is connected to.
    """

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.sources: dict[Value, Value] = {}

    def only(self, kind: str) -> str:
        """Return the id of the only layer of a type.

        Raises:
            Refused: there is none, or more than one.
        """
        found = [key for key, layer in self.layers.items() if layer.type == kind]
        if len(found) != 1:
            raise Refused(f"it is another graph: it has {len(found)} layers of the type {kind} instead of one")
        return found[0]

    def type(self, value: Value) -> str:
        """Return the type of the layer that computes a value."""
        return self.layers[value[0]].type

    def shape(self, value: Value) -> Shape:
        """Return the shape that the file states for a value."""
        return self.layers[value[0]].outputs[value[1]]

    def require(self, value: Value, shape: Shape) -> None:
        """Check the shape of a value.

        Raises:
            Refused: it has another one.
        """
        if self.shape(value) != shape:
            name, found = self.layers[value[0]].name, list(self.shape(value))
            raise Refused(f"it is another graph: {name[:80]} has the shape {found} instead of {list(shape)}")

    def inputs(self, value: Value, kind: str, count: int, **attributes: str | tuple[int, ...]) -> list[Value]:
        """Return the inputs of the layer that computes a value.

        Args:
            kind: type that the layer must have. count: number of inputs that it must have.
            attributes: attributes that it must have: text, or numbers.

        Raises:
            Refused: it is another layer.
        """
        layer = self.layers[value[0]]
        if layer.type != kind:
            raise Refused(f"it is another graph: {layer.name[:80]} is a {layer.type[:80]} instead of a {kind}")
        for name, expected in attributes.items():
            found = layer.attributes.get(name, "")
            if (found if isinstance(expected, str) else numbers(found)) != expected:
                raise Refused(f"it is another graph: {layer.name[:80]} has {name}={found[:80]!r}")
        found = [self.sources.get((value[0], str(port))) for port in range(count + 1)]
        given = [source for source in found[:count] if source is not None]
        if len(given) != count or found[count] is not None:
            raise Refused(f"it is another graph: {layer.name[:80]} has not {count} inputs")
        return given

    def constant(self, value: Value) -> Constant:
        """Return the constant that a value is.

        Raises:
            Refused: it is none, or its description contradicts itself.
        """
        self.inputs(value, "Const", 0)
        layer = self.layers[value[0]]
        shape, dtype = numbers(layer.attributes.get("shape", "")), layer.attributes.get("element_type", "")
        start, size = (number(layer.attributes.get(name, ""), 15) for name in ("offset", "size"))
        if shape is None or dtype not in _ITEM_SIZES or start is None or size is None:
            raise Refused(f"the constant {layer.name[:80]} has no readable description, or holds {dtype[:20]!r}")
        if size != math.prod(shape) * _ITEM_SIZES[dtype] or start % 4:
            raise Refused(
                f"the constant {layer.name[:80]} of the shape {list(shape)} cannot be {size} bytes at {start}"
            )
        self.require(value, shape)
        return Constant(layer.name, dtype, shape, start, start + size)


def numbers(text: str) -> Shape | None:
    """Return whole numbers of at least 0 that are separated by commas; None if the text is not of this form."""
    if not text:
        return ()
    found = [number(part.strip(" "), 9) for part in text.split(",")]
    known = tuple(part for part in found if part is not None)
    return known if len(known) == len(found) <= MAX_AXES else None


def parse_graph(data: bytes | bytearray) -> Graph:
    """Read a graph from its XML.

    Raises:
        Refused: it is damaged, larger than any such graph, or has a DTD, entities or processing instructions.
    """
    if len(data) > MAX_XML:
        raise Refused(f"the graph's XML is larger than {MAX_XML >> 20} MiB, which none is")
    try:
        builder = _Builder()
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Refused(f"the graph's XML is damaged ({str(error)[:80]}); get it again") from None
    return builder.graph


class _Builder:
    """Builder of a graph from the events of expat, which it stops at the first thing that honest files do not have."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.path: tuple[str, ...] = ()
        self.elements = 0
        self.layer = Layer("", "")
        self.dims: list[int] = []
        self.text = ""
        # The encoding is given, so that the file cannot name another one.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = _refuse
        self.parser.EntityDeclHandler = _refuse
        self.parser.ExternalEntityRefHandler = _refuse
        self.parser.ProcessingInstructionHandler = _refuse

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        self.elements += 1
        self.path = (*self.path, tag)
        if self.elements > MAX_ELEMENTS or len(self.path) > MAX_NESTING or len(attributes) > MAX_ATTRIBUTES:
            raise Refused("the graph's XML has more elements, or deeper ones, than any such graph")
        if any(len(text) > MAX_TEXT for pair in attributes.items() for text in pair):
            raise Refused(f"the graph's XML has an attribute of more than {MAX_TEXT:,} letters")
        self.text = ""
        if self.path == _LAYER:
            self._add_layer(attributes)
        elif self.path == (*_LAYER, "data"):
            self.layer.attributes = attributes
        elif self.path == (*_LAYER, "output", "port"):
            self.port, self.dims = attributes.get("id", ""), []
            if self.port in self.layer.outputs:
                raise Refused("the graph has two outputs of one number; get it again")
        elif self.path == _EDGE:
            ends = [attributes.get(name, "") for name in ("to-layer", "to-port", "from-layer", "from-port")]
            if self.graph.sources.setdefault((ends[0], ends[1]), (ends[2], ends[3])) != (ends[2], ends[3]):
                raise Refused("the graph has an input with two sources; get it again")

    def end(self, tag: str) -> None:
        """Handle the end of an element."""
        if self.path == (*_LAYER, "output", "port", "dim"):
            dim = number(self.text.strip(), 9)
            if dim is None or len(self.dims) == MAX_AXES:
                raise Refused(f"the graph states {self.text[:20]!r} as a part of a shape; get it again")
            self.dims.append(dim)
        elif self.path == (*_LAYER, "output", "port"):
            self.layer.outputs[self.port] = tuple(self.dims)
        elif self.path == ("net",):
            for (sink, _), (layer, port) in self.graph.sources.items():
                if sink not in self.graph.layers or port not in self.graph.layers.get(layer, Layer("", "")).outputs:
                    raise Refused("the graph has an edge to or from nowhere; get it again")
        self.path, self.text = self.path[:-1], ""

    def characters(self, text: str) -> None:
        """Handle text."""
        self.text = (self.text + text)[:MAX_TEXT]

    def _add_layer(self, attributes: dict[str, str]) -> None:
        key = attributes.get("id", "")
        self.layer = Layer(attributes.get("name", ""), attributes.get("type", ""))
        if self.graph.layers.setdefault(key, self.layer) is not self.layer:
            raise Refused("the graph has two layers of one number; get it again")
        if len(self.graph.layers) > MAX_LAYERS:
            raise Refused(f"the graph has more than {MAX_LAYERS:,} layers, more than any such graph")


def _refuse(*_: object) -> NoReturn:
    raise Refused("the graph's XML has a DTD, entities or processing instructions, which no IR has; not opened")
