"""Recognition of files by their content, never by their names."""

from __future__ import annotations

from . import nvidia, rosinality, tensorflow
from .inert_pickle import InertUnpickler
from .plain import entries
from .torch_legacy import is_legacy_torch, read_legacy
from .values import PersistentId, Record, Refused, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .plan import Plan
    from .storages import StorageLookup

OPENED = (
    "draglab opens StyleGAN2 and StyleGAN3 pickles of NVIDIA's programs, PTI's and rosinality's .pt files, "
    "TensorFlow StyleGAN2 pickles, e4e state dicts and its own .safetensors"
)

READERS = (nvidia.read, tensorflow.read, rosinality.read)
"""Readers, one for each program whose files are opened. A reader takes a file's inert value, a function that finds its
storages and the kind of file. It returns the plan of the generator, or None for files of other programs."""


def is_zip(view: memoryview) -> bool:
    """Whether bytes begin like a zip file."""
    return bytes(view[:2]) == b"PK"


def read_plan(view: memoryview) -> Plan:
    """Return the plan of the generator that a file describes.

    Raises:
        Refused: damage, an unknown or unsupported kind of file, or content that honest files do not have.
    """
    region = Region(view)
    start = bytes(view[:64])
    if is_zip(view):
        from .torch_zip import read_zip  # a seventh of the child's time to start, for one of the formats

        root, storage_of = read_zip(region)
        return _model(root, storage_of, "PyTorch zip file")
    if is_legacy_torch(view):
        root, storage_of = read_legacy(region)
        return _model(root, storage_of, "PyTorch file from before 1.6")
    if start.lstrip()[:1] == b"<":
        raise Refused("the file is a web page, not a model: the download went wrong; get it again")
    if start.startswith(b"\x89HDF"):
        raise Refused(f"the file is an HDF5 file, which no StyleGAN2 program writes; {OPENED}")
    if start[:1] not in (b"\x80", b"(", b"c", b"}", b"]", b"i"):
        raise Refused(f"the file is no checkpoint that draglab knows; {OPENED}")
    return _model(InertUnpickler(region).load(), _no_storages, "pickle")


def _no_storages(reference: PersistentId) -> Any:
    raise Refused("the file refers to something outside in a way that no checkpoint does; draglab does not open it")


def _model(root: Any, storage_of: StorageLookup, container: str) -> Plan:
    for read in READERS:
        plan = read(root, storage_of, container)
        if plan is not None:
            return plan
    named = entries(root)
    if named is None:
        kind = str(root.what) if isinstance(root, Record) else type(root).__name__
        raise Refused(f"the file holds a {kind}, not a generator; {OPENED}")
    if "GAN" in named:
        raise Refused(
            "this is a model of lucidrains' stylegan2-pytorch, another network that draglab does not run; " + OPENED
        )
    raise Refused(f"the file holds no generator (its entries: {_names(named)}); {OPENED}")


def _names(named: dict[Any, Any]) -> str:
    shown = ", ".join(repr(name[:40]) for name in list(named)[:5])
    return shown + (", ..." if len(named) > 5 else "") if named else "none"
