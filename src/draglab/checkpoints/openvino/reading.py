"""Description of the model that an IR holds."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np

from draglab.checkpoints.description import SPARE, Description, Source, TensorPlace, printable
from draglab.checkpoints.foreign.values import Refused
from draglab.checkpoints.openvino.files import NAMES, IRFiles, find_ir
from draglab.checkpoints.openvino.graph import MAX_XML, Constant, parse_graph
from draglab.checkpoints.openvino.mobile_stylegan import Network, read_mapping, read_synthesis
from draglab.errors import DraglabError

MAX_WEIGHTS = 256 << 20
"""Largest file of weights, in bytes; the published model's has 32 MB."""
_NUMBERS = {"f32": "<f4", "i64": "<i8", "i32": "<i4"}
_TOLERANCE = 1e-6


def read_ir(path: Path, files: IRFiles) -> Description:
    """Read what the files of an IR are, with the content of their weights.

    Raises:
        DraglabError: they are damaged, or hold another network than MobileStyleGAN.
    """
    try:
        return _read(files)
    except Refused as error:
        raise DraglabError(f"cannot open {path}: {printable(str(error))}") from None


def hash_ir(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of an IR, by name; none if there is no IR at a path.

    Raises:
        DraglabError: files are missing or damaged.
    """
    files = find_ir(path)
    try:
        return {name: sha256(files.read(name, MAX_WEIGHTS)).hexdigest() for name in NAMES} if files else {}
    except Refused as error:
        raise DraglabError(f"cannot open {path}: {printable(str(error))}") from None


def _read(files: IRFiles) -> Description:
    # All checks of the graphs come before the weights, which are large.
    mapping = read_mapping(parse_graph(files.read("MappingNetwork.xml", MAX_XML)))
    synthesis = read_synthesis(parse_graph(files.read("SynthesisNetwork.xml", MAX_XML)))
    if mapping.config["w_dim"] != synthesis.config["w_dim"]:
        raise Refused("the mapping and the synthesis network do not belong together: their latents differ in length")
    sources, tensors = [], []
    for network, name in ((mapping, "MappingNetwork.bin"), (synthesis, "SynthesisNetwork.bin")):
        data = files.read(name, MAX_WEIGHTS)
        tensors += _places(network, data, name, len(sources))
        sources.append(Source(data=data))
    return Description(
        format=files.title,
        family="mobile_stylegan",
        arguments=mapping.config | synthesis.config,
        resolved=True,
        tensors=tuple(tensors),
        sources=tuple(sources),
        code=None,
        layers={},
        facts={},
        warnings=("the file has no average latent: it is computed from 10,000 fixed samples",),
    )


def _places(network: Network, data: bytes | bytearray, file: str, source: int) -> list[TensorPlace]:
    """Return the places of a network's tensors in its weights, after a check of every constant that it uses."""
    constants = [constant for constant, *_ in (*network.tensors.values(), *network.fixed)]
    for constant in constants:
        if constant.stop > len(data):
            raise Refused(f"the constant {constant.name[:80]} reaches beyond the end of {file}; get it again")
    for constant, expected in network.fixed:
        _check_numbers(constant, expected, data)
    places = []
    for name, (constant, shape, changes) in network.tensors.items():
        strides = tuple(int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape)))
        places.append(TensorPlace(name, "F32", source, constant.start, 0, shape, strides, changes))
    if sum(4 * place.count for place in places) > len(data) + SPARE:
        raise Refused(f"its tensors share their numbers, so that they are larger than {file}; it is not opened")
    return places


def _check_numbers(constant: Constant, expected: tuple[float, ...], data: bytes | bytearray) -> None:
    """Check that a constant consists of the expected numbers, repeated.

    Raises:
        Refused: it does not.
    """
    dtype = np.dtype(_NUMBERS[constant.dtype])
    found = np.frombuffer(data, dtype, (constant.stop - constant.start) // dtype.itemsize, constant.start)
    whole = len(found) and not len(found) % len(expected)
    if not whole or not np.allclose(found.reshape(-1, len(expected)), expected, rtol=_TOLERANCE, atol=0):
        raise Refused(
            f"it is another network: {constant.name[:80]} should consist of {', '.join(f'{x:.6g}' for x in expected)}"
        )
