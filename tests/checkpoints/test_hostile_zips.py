"""Zip directories that two programs could read differently, and other ways in which a zip file is not torch's."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import pytest

from draglab.checkpoints.foreign.recognise import read_plan
from draglab.checkpoints.foreign.values import Refused
from tests.checkpoints.assemble import FLOATS, Outside, assemble, module, tensor, zipped


def refuse(data: bytes, message: str) -> None:
    with pytest.raises(Refused, match=message):
        read_plan(memoryview(data)).to_json()


def entries(*named: tuple[str, bytes], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, data in named:
            archive.writestr(name, data)
    return buffer.getvalue()


PICKLE = ("archive/data.pkl", assemble({"x": 1}, 2))


@pytest.mark.parametrize(
    "name", ["archive/../../evil", "/etc/passwd", "archive/../data/0", "a\\b", "..", "archive/data/0\0.pkl"]
)
def test_zip_entries_outside_their_folder(name: str) -> None:
    placeholder = "".join("x" if char != "/" else char for char in name)
    data = entries(PICKLE, (placeholder, b"1234")).replace(placeholder.encode(), name.encode())
    refuse(data, "twice or outside its folder")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_entries_of_one_name() -> None:
    refuse(entries(PICKLE, ("archive/data/0", b"1234"), ("archive/data/0", b"5678")), "twice or outside")
    refuse(entries(PICKLE, PICKLE), "twice or outside")
    refuse(entries(PICKLE, ("other/data.pkl", PICKLE[1])), "does not hold one data.pkl")
    refuse(entries(("archive/data/0", b"1234")), "does not hold one data.pkl")


def test_zip_entry_of_two_names() -> None:
    data = entries(PICKLE, ("archive/data/0", b"1234"))
    first = data.index(b"archive/data/0")
    refuse(data[:first] + b"archive/data/1" + data[first + 14 :], "by two names")


def test_zip_that_is_not_stored_plainly() -> None:
    refuse(entries(PICKLE, compression=zipfile.ZIP_DEFLATED), "compressed or encrypted")
    data = bytearray(entries(PICKLE))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    refuse(bytes(data), "compressed or encrypted")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (20, 2**31, "compressed or encrypted"),  # compressed size other than size
        (42, 2**31, "directory is not readable"),  # where the local header is
        (42, 5, "directory is not readable"),
    ],
)
def test_zip_directories_that_are_wrong(place: int, value: int, message: str) -> None:
    data = bytearray(entries(PICKLE))
    start = data.index(b"PK\x01\x02") + place
    data[start : start + 4] = struct.pack("<I", value)
    refuse(bytes(data), message)


@pytest.mark.parametrize("length", [2**32 - 2, 2**31, 0])
def test_zip_directory_longer_than_the_file(length: int) -> None:
    data = bytearray(entries(PICKLE))
    start = data.index(b"PK\x05\x06") + 12
    data[start : start + 4] = struct.pack("<I", length)
    refuse(bytes(data), "directory is not readable|does not hold one data.pkl")


def test_zip_directory_of_64_bits_longer_than_the_file() -> None:
    data = bytearray(entries(PICKLE))
    start = data.index(b"PK\x05\x06")
    huge = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 2**62, 0)
    place = struct.pack("<4sIQI", b"PK\x06\x07", 0, start, 1)
    data[start + 8 : start + 20] = b"\xff" * 12
    refuse(bytes(data[:start]) + huge + place + bytes(data[start:]), "directory is not readable")


def test_zip_entry_longer_than_the_file() -> None:
    data = bytearray(entries(PICKLE))
    start = data.index(b"PK\x01\x02") + 20
    data[start : start + 8] = struct.pack("<II", 2**31, 2**31)
    refuse(bytes(data), "ends too early|not readable")


def test_plain_torch_file_is_read() -> None:
    const = tensor([1, 2, 2], Outside(("storage", FLOATS, "0", "cpu", 4, None)))
    inner = module(modules={"b4": module({"const": const})})
    data = zipped(assemble({"G_ema": module(modules={"synthesis": inner})}, 2), {"0": bytes(range(16))})
    (row,) = read_plan(memoryview(data)).to_json()["tensors"]
    assert (row["name"], row["shape"]) == ("synthesis.b4.const", (1, 2, 2))
    assert data[row["start"] :][:16] == bytes(range(16))
