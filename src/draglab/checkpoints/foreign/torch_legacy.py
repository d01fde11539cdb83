"""torch.save's layout before torch 1.6: pickles one after the other, then the storages' bytes."""

from __future__ import annotations

from .inert_pickle import MAX_INSTRUCTIONS, InertUnpickler
from .storages import ITEM_SIZES, Storage, storage_key
from .values import Blob, PersistentId, Refused, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .storages import StorageLookup

MAGIC = 0x1950A86A20F9469CFC6C
PREFIX = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little")
PROTOCOL = 1001
_FEW = 100
"""Most instructions of the small pickles; honest ones have about 30. A file may refer to one storage many times."""


def is_legacy_torch(view: memoryview) -> bool:
    """Whether bytes begin like such a file."""
    return bytes(view[: len(PREFIX)]) == PREFIX


def read_legacy(
    region: Region, start: int = 0, stop: int | None = None, most: int = MAX_INSTRUCTIONS
) -> tuple[Any, StorageLookup]:
    """Return the inert value of such a file and the places of its storages."""
    end = len(region.view) if stop is None else stop
    at = start

    def next_pickle(limit: int) -> Any:
        nonlocal at
        reader = InertUnpickler(region, at, end, limit)
        value = reader.load()
        at = reader.at
        return value

    magic, protocol, system = next_pickle(_FEW), next_pickle(_FEW), next_pickle(_FEW)
    if magic != MAGIC or protocol != PROTOCOL or not isinstance(system, dict):
        raise Refused("the file is damaged: it begins like a PyTorch file and goes on otherwise; get it again")
    if system.get("little_endian") is not True:
        raise Refused("the file was written on a big-endian machine, which draglab does not read")
    root, keys = next_pickle(most), next_pickle(most)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len(set(keys)) != len(keys):
        raise Refused("the file is damaged: its list of storages is not readable; get it again")
    # A storage's length follows from its type, which only the references to it state.
    starts: dict[str, tuple[int, int]] = {}
    types = _types_of(root)
    for key in keys:
        if key not in types:
            raise Refused("the file is damaged: it holds a storage that nothing refers to; get it again")
        if at + 8 > end:
            raise Refused("the file is damaged: it ends too early; get it again")
        count = int.from_bytes(region.view[at : at + 8], "little", signed=True)
        at += 8
        size = count * ITEM_SIZES[types[key]]
        if count < 0 or size > end - at:
            raise Refused("the file is damaged: it ends too early; get it again")
        starts[key] = (at, count)
        at += size

    def storage_of(reference: PersistentId) -> Storage:
        key, dtype, _ = storage_key(reference)
        if len(reference.key) > 5 and reference.key[5] is not None:
            raise Refused("the file uses views of storages, from before PyTorch 0.4; save it again with a newer one")
        if key not in starts or dtype != types[key]:
            raise Refused(f"a tensor refers to the storage {key[:40]!r}, which the file does not hold; not opened")
        return Storage(dtype, region, *starts[key])

    return root, storage_of


def read_lone_storage(blob: Blob) -> Storage:
    """Return the storage that torch.storage._load_from_bytes would have loaded."""
    if not is_legacy_torch(blob.view):
        raise Refused("a tensor's bytes are not as PyTorch pickles them; draglab does not open the file")
    root, storage_of = read_legacy(blob.region, blob.start, blob.stop, _FEW)
    if not isinstance(root, PersistentId):
        raise Refused("a tensor's bytes hold something else than its numbers; draglab does not open the file")
    return storage_of(root)


def _types_of(root: Any) -> dict[str, str]:
    """Return the type of every storage that a value refers to at any depth."""
    types: dict[str, str] = {}
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, PersistentId):
            key, dtype, _ = storage_key(value)
            if types.setdefault(key, dtype) != dtype:
                raise Refused("the file is damaged: a storage has two types; get it again")
            continue
        if not isinstance(value, list | tuple | dict) and not hasattr(value, "what"):
            continue
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
        else:
            waiting += [*value.args, value.state, value.items]
    return types
