"""Tell files apart by what they contain, never by their names."""

from __future__ import annotations

from .inert_pickle import InertUnpickler
from .nvidia import is_module, read_nvidia
from .plain import entries
from .rosinality import is_rosinality, read_rosinality
from .tensorflow import is_network, read_tensorflow
from .torch_legacy import is_legacy_torch, read_legacy
from .values import PersistentId, Record, Refused, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .plan import Plan
    from .tensors import StorageLookup

OPENED = (
    "draglab opens StyleGAN2 and StyleGAN3 pickles of NVIDIA's programs, PTI's and rosinality's .pt files, "
    "TensorFlow StyleGAN2 pickles, e4e state dicts and its own .safetensors"
)


def is_zip(view: memoryview) -> bool:
    """Whether bytes begin like a zip file."""
    return bytes(view[:2]) == b"PK"


def read_plan(view: memoryview) -> Plan:
    """What a file describes.

    Raises:
        Refused: damage, an unknown or unsupported kind of file, or one that is not as honest files are.
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
    if is_module(root):
        return read_nvidia(root, storage_of, f"{container}: one module")
    if is_network(root):
        return read_tensorflow(root, f"TensorFlow {container}: one network")
    if isinstance(root, tuple | list) and len(root) == 3 and all(is_network(part) for part in root):
        return read_tensorflow(root[2], f"TensorFlow {container}: G, D, Gs")
    named = entries(root)
    if named is None:
        kind = str(root.what) if isinstance(root, Record) else type(root).__name__
        raise Refused(f"the file holds a {kind}, not a generator; {OPENED}")
    for key in ("G_ema", "G"):
        if is_module(named.get(key)):
            plan = read_nvidia(
                named[key], storage_of, f"{container}: {', '.join(name[:40] for name in list(named)[:8])}"
            )
            if key == "G":
                plan.warnings.append("the file has no averaged generator G_ema: G is used, whose images are rougher")
            return plan
    if "GAN" in named:
        raise Refused(
            "this is a model of lucidrains' stylegan2-pytorch, another network that draglab does not run; " + OPENED
        )
    if is_rosinality(named):
        return read_rosinality(named, storage_of, container)
    raise Refused(f"the file holds no generator (its entries: {_names(named)}); {OPENED}")


def _names(named: dict[Any, Any]) -> str:
    shown = ", ".join(repr(name[:40]) for name in list(named)[:5])
    return shown + (", ..." if len(named) > 5 else "") if named else "none"
