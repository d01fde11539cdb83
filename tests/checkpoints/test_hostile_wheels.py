"""Wheels that lie about their members, hide some or bomb: one sentence, quickly, and without much memory."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
import torch

from draglab.checkpoints import inspect_file, open_model
from draglab.errors import DraglabError
from tests.checkpoints.ir_writer import FOLDER, ir_files, wheel
from tests.generators.mobile_configs import make_mobile

FILES = ir_files(make_mobile("narrowing", torch.float32))
HONEST = wheel(FILES)
MEMORY = 100 << 20
SECONDS = 10
FLAGS, METHOD, CRC, PACKED, SIZE, PLACE = 8, 10, 16, 20, 24, 42
"""Places in an entry of the directory."""


def refused(tmp_path: Path, data: bytes, message: str) -> None:
    """A wheel is refused in one line that names it."""
    path = tmp_path / "model.whl"
    path.write_bytes(data)
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


def entry(data: bytes, name: str) -> int:
    """Place of a member's entry in the directory."""
    return data.rindex(name.encode()) - 46


def local(data: bytes, name: str) -> int:
    """Place of a member's own header."""
    return data.index(name.encode()) - len(FOLDER) - 1 - 30


def changed(place: int, form: str, value: int, name: str = "MappingNetwork.bin", local_too: bool = False) -> bytes:
    """The honest wheel with one number of a member's entry changed, and of its own header if that has it, too."""
    data = bytearray(HONEST)
    struct.pack_into(form, data, entry(HONEST, f"{FOLDER}/{name}") + place, value)
    if local_too:  # the same numbers, two bytes earlier
        struct.pack_into(form, data, local(HONEST, name) + place - 2, value)
    return bytes(data)


def test_the_honest_one(tmp_path: Path) -> None:
    (tmp_path / "model.whl").write_bytes(HONEST)
    assert inspect_file(tmp_path / "model.whl").bytes == len(HONEST)
    # Nothing depends on the folder in the wheel, or on the order of its members.
    (tmp_path / "model.whl").write_bytes(wheel(dict(reversed(FILES.items())), "a/b"))
    open_model(tmp_path / "model.whl")
    (tmp_path / "model.whl").write_bytes(wheel(FILES, ""))
    open_model(tmp_path / "model.whl")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(FLAGS, "<H", 1), "encrypted"),
        (changed(FLAGS, "<H", 1, local_too=True), "encrypted"),
        (changed(METHOD, "<H", 12), "compressed in a way that no wheel is"),
        (changed(METHOD, "<H", 0), "two things about one file"),
        (changed(METHOD, "<H", 0, local_too=True), "not what the wheel's directory says"),
        (changed(CRC, "<I", 5), "not what the wheel's directory says"),
        (changed(SIZE, "<I", 5), "two things about one file"),
        (changed(SIZE, "<I", 5, local_too=True), "is damaged in the wheel"),
        (changed(SIZE, "<I", 5, "SynthesisNetwork.xml", local_too=True), "is damaged in the wheel"),
        (changed(SIZE, "<I", 100_000, local_too=True), "not what the wheel's directory says"),
        (changed(SIZE, "<I", 2**32 - 1, local_too=True), "would be larger than 256 MiB"),
        (changed(SIZE, "<I", 10 << 20, "MappingNetwork.xml", local_too=True), "would be larger than 8 MiB"),
        (changed(PACKED, "<I", 5), "two things about one file"),
        (changed(PACKED, "<I", 5, local_too=True), "is damaged in the wheel"),
        (changed(PACKED, "<I", 2**32 - 1, local_too=True), "lie in each other"),
        (changed(PLACE, "<I", 0), "lie in each other|two things about one file"),
        (changed(PLACE, "<I", 2**31), "not where it should be"),
        (changed(PLACE, "<I", len(HONEST) - 10), "not where it should be"),
    ],
)
def test_directories_that_lie(data: bytes, message: str, tmp_path: Path) -> None:
    refused(tmp_path, data, message)


def zipped(*named: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in named:
            archive.writestr(name, content)
    return buffer.getvalue()


MEMBERS = [(f"{FOLDER}/{name}", content) for name, content in FILES.items()]


@pytest.mark.parametrize("name", FILES)
def test_missing_members(name: str, tmp_path: Path) -> None:
    members = [member for member in MEMBERS if not member[0].endswith(name)]
    refused(tmp_path, zipped(*members), f"the wheel lacks {name}, which belongs to the model; get it again")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_of_one_name(tmp_path: Path) -> None:
    refused(tmp_path, zipped(*MEMBERS, (MEMBERS[1][0], b"other")), "two files of one name")
    refused(tmp_path, zipped(*MEMBERS, ("b.py", b"1"), ("b.py", b"2")), "two files of one name")
    refused(tmp_path, zipped(*MEMBERS, ("elsewhere/MappingNetwork.bin", b"other")), "more than once")
    refused(tmp_path, zipped(*MEMBERS[:3], ("elsewhere/SynthesisNetwork.bin", MEMBERS[3][1])), "more than once")


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "a/../b", "a\\b", "..", "a\0b"])
def test_names_outside_the_folder(name: str, tmp_path: Path) -> None:
    placeholder = "".join("x" if char != "/" else char for char in name)
    data = zipped(*MEMBERS, (placeholder, b"1234")).replace(placeholder.encode(), name.encode())
    refused(tmp_path, data, "an entry outside its folder")


def test_members_that_lie_in_each_other(tmp_path: Path) -> None:
    # The directory sends one name to the header of another, which bears that name, too: a bomb of many such.
    data = bytearray(zipped(*MEMBERS, ("b.txt", b"x" * 5000), method=zipfile.ZIP_STORED))
    inner = b"PK\x03\x04" + data[data.index(b"b.txt") - 26 : data.index(b"b.txt") + 5]
    at = data.index(b"x" * 5000)
    data[at : at + len(inner)] = inner
    struct.pack_into("<I", data, entry(bytes(data), MEMBERS[0][0]) + PLACE, at)
    refused(tmp_path, bytes(data), "lie in each other|two things about one file")


def test_a_name_in_the_directory_that_the_member_does_not_bear(tmp_path: Path) -> None:
    data = bytearray(HONEST)
    at = local(HONEST, "MappingNetwork.xml") + 30
    data[at : at + 3] = b"abc"
    refused(tmp_path, bytes(data), "two things about one file")


def bomb(content: bytes, stated: int, checksum: int) -> bytes:
    """A wheel whose mapping weights inflate to `content` but are stated to be `stated` bytes."""
    data = bytearray(zipped(*[member for member in MEMBERS if "MappingNetwork.bin" not in member[0]], ("zzz", b"")))
    name = f"{FOLDER}/MappingNetwork.bin".encode()
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = engine.compress(content) + engine.flush()
    end = data.rindex(b"PK\x05\x06")
    fields = struct.unpack_from("<4s4H2LH", data, end)
    start = fields[6]
    header = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, checksum, len(packed), stated, len(name), 0)
    added = header + name + packed
    row = struct.pack(
        "<4s6H3L5H2L",
        *(b"PK\x01\x02", 20, 20, 0, 8, 0, 0, checksum, len(packed), stated, len(name), 0, 0, 0, 0, 0, start),
    )
    directory = bytes(data[start:end]) + row + name
    count, place = fields[4] + 1, start + len(added)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), place, 0)
    return bytes(data[:start]) + added + directory + tail


def test_bombs(tmp_path: Path) -> None:
    zeros = bytes(200 << 20)
    refused(tmp_path, bomb(zeros, 4_000, 0), "MappingNetwork.bin is damaged in the wheel")
    refused(tmp_path, bomb(zeros, len(zeros) + (100 << 20), 0), "would be larger than 256 MiB")
    refused(tmp_path, bomb(zeros[: 8 << 20], 9 << 20, 0), "not what the wheel's directory says")
    honest = FILES["MappingNetwork.bin"]
    (tmp_path / "model.whl").write_bytes(bomb(honest, len(honest), zlib.crc32(honest)))
    open_model(tmp_path / "model.whl")


def test_bytes_after_a_stream(tmp_path: Path) -> None:
    data = bomb(FILES["MappingNetwork.bin"], len(FILES["MappingNetwork.bin"]), 0)
    refused(tmp_path, data, "not what the wheel's directory says")
    # The packed bytes of one member go on after its stream has ended.
    inner = bytearray(HONEST)
    at = entry(HONEST, f"{FOLDER}/MappingNetwork.xml")
    after = struct.unpack_from("<I", inner, at + PACKED)[0] + 3
    struct.pack_into("<I", inner, at + PACKED, after)
    struct.pack_into("<I", inner, local(HONEST, "MappingNetwork.xml") + PACKED - 2, after)
    refused(tmp_path, bytes(inner), "lie in each other")


@pytest.mark.parametrize("length", [3, 22, 100, len(HONEST) // 2, len(HONEST) - 1])
def test_truncated(length: int, tmp_path: Path) -> None:
    refused(tmp_path, HONEST[:length], "directory is not readable|is damaged|not one that PyTorch wrote|no checkpoint")


def test_directories_of_another_kind_are_not_looked_into(tmp_path: Path) -> None:
    """They go to the child that reads zip files of torch, which refuses them."""
    many = zipped(*MEMBERS, *((f"{n}.py", b"") for n in range(1_000)))
    refused(tmp_path, many, "compressed or encrypted|not one that PyTorch wrote")
    noted = bytearray(HONEST)
    noted[-2:] = struct.pack("<H", 4)
    refused(tmp_path, bytes(noted) + b"note", "compressed or encrypted|not one that PyTorch wrote")
    refused(tmp_path, b"#!/bin/sh\n" + HONEST, "no checkpoint|compressed or encrypted")


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    from draglab.checkpoints.openvino import find_ir, read_ir

    path = tmp_path / "model.whl"
    path.write_bytes(HONEST)
    files = find_ir(path)
    assert files is not None
    path.write_bytes(HONEST[:2000])
    with pytest.raises(DraglabError, match="damaged|two things"):
        read_ir(path, files)
    path.unlink()
    with pytest.raises(DraglabError, match="cannot read"):
        read_ir(path, files)
