"""IRs that lie, bomb, or hold another network: one sentence, quickly, and without much memory."""

from __future__ import annotations

import re
import time
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from draglab.checkpoints import inspect_file, open_model
from draglab.errors import DraglabError
from draglab.generators import MobileStyleGAN, MobileStyleGANConfig
from tests.checkpoints.ir_writer import ir_files, write_folder
from tests.generators.mobile_configs import make_mobile

HONEST = ir_files(make_mobile("narrowing", torch.float32))
MAPPING, SYNTHESIS = "MappingNetwork.xml", "SynthesisNetwork.xml"
MEMORY = 100 << 20
SECONDS = 10


def refused(tmp_path: Path, message: str, **files: bytes) -> None:
    """These files, in place of honest ones, are refused in one line that names the folder."""
    given = HONEST | {name.replace("_", "."): content for name, content in files.items()}
    path = write_folder(tmp_path / "model", given)
    started = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(DraglabError, match=message) as caught:
            inspect_file(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value) and len(str(caught.value).splitlines()) == 1
    assert str(caught.value).isprintable()
    assert peak < MEMORY and time.monotonic() - started < SECONDS


def declared(declaration: bytes, name: str = MAPPING) -> bytes:
    """A graph with a declaration before its root element."""
    return HONEST[name].replace(b"<net", declaration + b"<net", 1)


@pytest.mark.parametrize(
    "declaration",
    [
        b"<!DOCTYPE net>",
        b'<!DOCTYPE net SYSTEM "http://127.0.0.1:1/x.dtd">',
        b'<!DOCTYPE net [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        b'<!DOCTYPE net [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE net [<!ENTITY % outside SYSTEM "file:///etc/passwd"> %outside;]>',
        b'<!DOCTYPE net [<!ATTLIST layer type CDATA "Const">]>',
        b'<?xml-stylesheet href="file:///etc/passwd"?>',
        b"<?php echo 1 ?>",
    ],
)
def test_declarations(declaration: bytes, tmp_path: Path) -> None:
    refused(tmp_path, "has a DTD, entities or processing instructions", MappingNetwork_xml=declared(declaration))


LAUGHS = b'<!DOCTYPE net [<!ENTITY a0 "ha">' + b"".join(
    f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">'.encode() for n in range(12)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LAUGHS + b"]><net>&a12;</net>", "has a DTD"),
        (b"<net>&undeclared;</net>", "is damaged"),
        (b"<net>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</net>", "more elements, or deeper ones"),
        (b"<net>" + b"<a/>" * 200_000 + b"</net>", "more elements, or deeper ones"),
        (b'<net a="' + b"x" * 7_000_000 + b'"/>', "an attribute of more than 2,000 letters"),
        (b"<net " + b"x" * 7_000_000 + b'="1"/>', "an attribute of more than 2,000 letters"),
        (b"<net " + b" ".join(b'a%d="1"' % n for n in range(300_000)) + b"/>", "more elements, or deeper ones"),
        (b"<net>" + b" " * (8 << 20) + b"</net>", "larger than 8 MiB"),
        (b"<net><layers><layer id='0' type='Const'><output><port id='0'><dim>" + b"1" * 7_000_000, "damaged"),
        (b"<net>" + b"x" * 7_000_000 + b"</net>", "it has 0 layers of the type Parameter"),
        (HONEST[MAPPING][:-100], "is damaged"),
        (HONEST[MAPPING].replace(b"Multiply", b"Multip\xff\xfe"), "is damaged"),
        (HONEST[MAPPING].replace(b"?>", b' encoding="idna"?>', 1).replace(b"var", b"\xe4"), "is damaged"),
        (b"", "is damaged"),
        (b"\0" * 1000, "is damaged"),
        (b"<html><body>404</body></html>", "it has 0 layers of the type Parameter"),
    ],
)
def test_xml_that_is_no_graph(content: bytes, message: str, tmp_path: Path) -> None:
    refused(tmp_path, message, MappingNetwork_xml=content)


def test_text_of_many_pieces_takes_no_quadratic_time(tmp_path: Path) -> None:
    dim = b"<dim>" + b"1<!-- -->" * 800_000 + b"</dim>"
    xml = (
        b"<net><layers><layer id='0' type='Const'><output><port id='0'>"
        + dim
        + b"</port></output></layer></layers></net>"
    )
    refused(tmp_path, "as a part of a shape", MappingNetwork_xml=xml)


def edited(name: str, change: Callable[[ET.Element], None]) -> bytes:
    """An honest graph after a change of its elements."""
    root = ET.fromstring(HONEST[name])
    change(root)
    return ET.tostring(root)


def find(root: ET.Element, kind: str, place: int = 0) -> ET.Element:
    """One of the layers of a type."""
    return [layer for layer in root.iter("layer") if layer.get("type") == kind][place]


def attribute(kind: str, place: int, name: str, value: str | None) -> Callable[[ET.Element], None]:
    """A change of one attribute of a layer's data; None takes it away."""

    def change(root: ET.Element) -> None:
        data = find(root, kind, place).find("data")
        assert data is not None and name in data.attrib
        del data.attrib[name]
        if value is not None:
            data.set(name, value)

    return change


def weight(root: ET.Element) -> ET.Element:
    """The description of the first matrix of weights."""
    return next(data for data in root.iter("data") if data.get("shape") == "10, 12")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("offset", "-4", "no readable description"),
        ("offset", "+4", "no readable description"),
        ("offset", "0x4", "no readable description"),
        ("offset", "1e3", "no readable description"),
        ("offset", "\u0664", "no readable description"),
        ("offset", "", "no readable description"),
        ("offset", "9" * 30, "no readable description"),
        ("offset", "999999996", "reaches beyond the end of MappingNetwork.bin"),
        ("offset", "2", "cannot be"),
        ("size", "479", "cannot be"),
        ("size", "481", "cannot be"),
        ("size", "-480", "no readable description"),
        ("shape", "10, 13", "cannot be"),
        ("shape", "10, -12", "no readable description"),
        ("shape", "12, 10", "has the shape"),
        ("shape", "120", "has the shape"),
        ("shape", "10, 12" + ", 1" * 200, "no readable description"),
        ("shape", "10,, 12", "no readable description"),
        ("element_type", "f64", "no readable description, or holds 'f64'"),
        ("element_type", "i32", "holds i32 instead of f32"),
        ("element_type", "string", "holds 'string'"),
    ],
)
def test_constants_that_are_not_where_they_should_be(name: str, value: str, message: str, tmp_path: Path) -> None:
    xml = edited(MAPPING, lambda root: weight(root).set(name, value))
    refused(tmp_path, message, MappingNetwork_xml=xml)


def test_a_shape_that_would_be_terabytes(tmp_path: Path) -> None:
    side = 999_999_999

    def grow(root: ET.Element) -> None:
        found = weight(root)
        found.set("shape", f"{side}, {side}")
        found.set("size", str(4 * side * side))

    refused(tmp_path, "no readable description|has the shape|cannot be", MappingNetwork_xml=edited(MAPPING, grow))


@pytest.mark.parametrize("name", ["MappingNetwork.bin", "SynthesisNetwork.bin"])
def test_weights_that_end_too_early(name: str, tmp_path: Path) -> None:
    refused(tmp_path, f"reaches beyond the end of {name}", **{name.replace(".", "_"): HONEST[name][:-8]})
    refused(tmp_path, f"reaches beyond the end of {name}", **{name.replace(".", "_"): b""})


def test_tensors_that_share_their_numbers(tmp_path: Path) -> None:
    generator = MobileStyleGAN(MobileStyleGANConfig(channels=(4,) * 8, w_dim=2, z_dim=2, mapping_layers=1))
    with torch.no_grad():
        for tensor in generator.state_dict().values():
            tensor.zero_()
    files = {name.replace(".", "_"): content for name, content in ir_files(generator).items()}
    refused(tmp_path, "share their numbers", **files)


def swap(kind: str, place: int) -> Callable[[ET.Element], None]:
    """A change that exchanges the two inputs of a layer."""

    def change(root: ET.Element) -> None:
        key = find(root, kind, place).get("id")
        edges = [edge for edge in root.iter("edge") if edge.get("to-layer") == key]
        edges[0].set("to-port", "1")
        edges[1].set("to-port", "0")

    return change


def rename(kind: str, place: int, other: str) -> Callable[[ET.Element], None]:
    """A change of a layer's type."""
    return lambda root: find(root, kind, place).set("type", other)


def without_edge(kind: str, place: int) -> Callable[[ET.Element], None]:
    """A change that takes the edge away that leads to the last input of a layer."""

    def change(root: ET.Element) -> None:
        key = find(root, kind, place).get("id")
        edges = root.find("edges")
        assert edges is not None
        edges.remove([edge for edge in edges if edge.get("to-layer") == key][-1])

    return change


def repeated(tag: str) -> Callable[[ET.Element], None]:
    """A change that repeats one element of a list."""

    def change(root: ET.Element) -> None:
        items = root.find(tag)
        assert items is not None
        items.append(ET.fromstring(ET.tostring(items[3])))

    return change


def add_result(root: ET.Element) -> None:
    layers, edges = root.find("layers"), root.find("edges")
    assert layers is not None and edges is not None
    layers.append(ET.Element("layer", id="9999", name="r", type="Result"))
    edges.append(ET.Element("edge", {"from-layer": "0", "from-port": "0", "to-layer": "9999", "to-port": "0"}))


def two_sources(root: ET.Element) -> None:
    edges = root.find("edges")
    assert edges is not None
    again = dict(edges[0].attrib) | {"from-layer": "3"}
    edges.append(ET.Element("edge", again))


def to_nowhere(root: ET.Element) -> None:
    next(root.iter("edge")).set("from-port", "77")


def another_source(root: ET.Element) -> None:
    """The first style takes another value of the latent's shape than the latent."""
    product = find(root, "MatMul", 0)
    edge = next(e for e in root.iter("edge") if (e.get("to-layer"), e.get("to-port")) == (product.get("id"), "0"))
    edge.set("from-layer", str(product.get("id")))
    edge.set("from-port", "2")


OTHER_GRAPHS: list[tuple[str, Callable[[ET.Element], None], str]] = [
    (MAPPING, rename("PReLU", -1, "Relu"), "is a Relu instead of a PReLU"),
    (MAPPING, rename("Parameter", 0, "Input"), "0 layers of the type Parameter"),
    (MAPPING, rename("ReduceMean", 0, "ReduceMax"), "is a ReduceMax instead of a ReduceMean"),
    (MAPPING, attribute("ReduceMean", 0, "keep_dims", "false"), "has keep_dims='false'"),
    (MAPPING, attribute("MatMul", 0, "transpose_b", "false"), "has transpose_b='false'"),
    (MAPPING, attribute("MatMul", 1, "transpose_a", None), "has transpose_a=''"),
    (MAPPING, without_edge("Add", 1), "has not 2 inputs"),
    (MAPPING, add_result, "2 layers of the type Result"),
    (MAPPING, repeated("layers"), "two layers of one number"),
    (MAPPING, two_sources, "an input with two sources"),
    (MAPPING, to_nowhere, "an edge to or from nowhere"),
    (SYNTHESIS, another_source, "takes something else|has the shape"),
    (SYNTHESIS, rename("GroupConvolution", 1, "Convolution"), "is a Convolution instead of a GroupConvolution"),
    (SYNTHESIS, rename("Tile", 0, "Const"), "has not 0 inputs"),
    (SYNTHESIS, attribute("GroupConvolution", 2, "strides", "2, 2"), "has strides='2, 2'"),
    (SYNTHESIS, attribute("Convolution", 0, "pads_begin", "0, 0"), "has pads_begin='0, 0'"),
    (SYNTHESIS, attribute("Convolution", 2, "dilations", "2, 2"), "has dilations='2, 2'"),
    (SYNTHESIS, attribute("GroupConvolutionBackpropData", 0, "strides", "1, 2"), "has strides='1, 2'"),
    (SYNTHESIS, attribute("GroupConvolutionBackpropData", 3, "output_padding", "1, 0"), "has output_padding="),
    (SYNTHESIS, swap("Add", -1), "taken in another order"),
    (SYNTHESIS, swap("Multiply", -1), "has the shape"),
    (SYNTHESIS, swap("Add", 1), "has the shape|is a"),
    (SYNTHESIS, rename("Squeeze", 0, "Abs"), "is a Abs instead of a Squeeze"),
    (SYNTHESIS, without_edge("VariadicSplit", 0), "has not 3 inputs"),
]


@pytest.mark.parametrize(("name", "change", "message"), OTHER_GRAPHS)
def test_other_graphs(name: str, change: Callable[[ET.Element], None], message: str, tmp_path: Path) -> None:
    refused(tmp_path, message, **{name.replace(".", "_"): edited(name, change)})


def test_haar_details_in_another_order(tmp_path: Path) -> None:
    def exchange(root: ET.Element) -> None:
        key = find(root, "VariadicSplit", 1).get("id")
        edges = [edge for edge in root.iter("edge") if edge.get("from-layer") == key]
        edges[0].set("from-port", "4")
        edges[1].set("from-port", "3")

    refused(tmp_path, "taken in another order", SynthesisNetwork_xml=edited(SYNTHESIS, exchange))


def test_a_graph_in_a_circle(tmp_path: Path) -> None:
    def bend(root: ET.Element) -> None:
        # The first layer of the mapping network takes its own result.
        product, last = find(root, "MatMul", 0).get("id"), find(root, "Multiply", 2).get("id")
        edge = next(e for e in root.iter("edge") if (e.get("to-layer"), e.get("to-port")) == (product, "0"))
        edge.set("from-layer", str(last))
        edge.set("from-port", "2")

    refused(tmp_path, "more than 64 layers", MappingNetwork_xml=edited(MAPPING, bend))


@pytest.mark.parametrize(
    ("name", "find_them", "message"),
    [
        (MAPPING, rb'shape="1" offset="(\d+)" size="4"', "should consist of 0.2"),
        (SYNTHESIS, rb'shape="1, 1, 1, 1" offset="(\d+)" size="4"', "should consist of 0\\."),
        (SYNTHESIS, rb'shape="2, 1, 1, 2, 1" offset="(\d+)" size="16"', "should consist of 0.707107"),
        (SYNTHESIS, rb'shape="2, 1, 1, 1, 2" offset="(\d+)" size="16"', "should consist of 0.707107"),
        (SYNTHESIS, rb'shape="3" offset="(\d+)" size="24"', "should consist of 1, 1, 1"),
    ],
)
def test_numbers_that_the_architecture_fixes(name: str, find_them: bytes, message: str, tmp_path: Path) -> None:
    place = re.search(find_them, HONEST[name])
    assert place is not None
    start = int(place[1])
    weights = name.replace(".xml", ".bin")
    for numbers in (b"\x00\x00\x80\x3e", b"\x00\x00\xc0\x7f"):  # 0.25, NaN
        data = bytearray(HONEST[weights])
        data[start : start + 4] = numbers
        refused(tmp_path, message, **{weights.replace(".", "_"): bytes(data)})


def test_networks_that_do_not_belong_together(tmp_path: Path) -> None:
    other = ir_files(make_mobile("smallest", torch.float32))
    mapping = {name.replace(".", "_"): other[name] for name in (MAPPING, "MappingNetwork.bin")}
    refused(tmp_path, "do not belong together", **mapping)
    refused(tmp_path, "instead of a Multiply|it maps", MappingNetwork_xml=HONEST[SYNTHESIS])
    refused(tmp_path, "not a latent to a square image", SynthesisNetwork_xml=HONEST[MAPPING])


@pytest.mark.parametrize("name", HONEST)
def test_missing_files(name: str, tmp_path: Path) -> None:
    path = write_folder(tmp_path, {key: content for key, content in HONEST.items() if key != name})
    with pytest.raises(DraglabError, match=f"there is no file {name} in .*, which belongs to the model; get it, too"):
        open_model(path)
    (path / name).mkdir()
    with pytest.raises(DraglabError, match=f"there is no file {name}"):
        open_model(path)
