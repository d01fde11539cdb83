"""What is fuzzed: readers that may raise their documented errors and nothing else, with honest files to start from."""

from __future__ import annotations

# Python imports these at first use, which is not what the watch is for.
import encodings.cp437
import encodings.utf_16_be
import encodings.utf_16_le
import encodings.utf_32_be
import encodings.utf_32_le  # noqa: F401
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from draglab.checkpoints import config_from_published, loader, native
from draglab.checkpoints.description import check_description
from draglab.checkpoints.foreign import torch_zip  # noqa: F401 - as the child does before it is watched
from draglab.checkpoints.foreign.recognise import read_plan
from draglab.checkpoints.foreign.values import Refused
from draglab.checkpoints.openvino import find_ir
from draglab.errors import DraglabError
from draglab.generators import MobileStyleGAN, MobileStyleGANConfig, StyleGAN2, build_generator, config_from_json
from tests.checkpoints import ir_writer, writers
from tests.fuzz.watch import Watch
from tests.tiny import tiny_generator


@dataclass(frozen=True)
class Target:
    """A reader under test.

    Attributes:
        seeds: honest inputs. run: reads an input; whatever it raises is a finding.
    """

    seeds: dict[str, bytes]
    run: Callable[[bytes], None]


def smallest() -> StyleGAN2:
    """A generator whose files are some kilobytes."""
    return tiny_generator(img_resolution=8, z_dim=2, w_dim=2, channel_base=16, channel_max=2, mapping_layers=1)


def foreign() -> Target:
    """The readers of other programs' files, in this process: not behind the limits of the child."""
    reading, opening_it = Watch(reads=False), Watch(reads=True)
    folder = tempfile.TemporaryDirectory()  # removed when nothing refers to it any more
    path = Path(folder.name) / "model.bin"

    def run(data: bytes, _: object = folder) -> None:
        try:
            plan = reading.call(read_plan, memoryview(data)).to_json()
            description = check_description({"plan": json.loads(json.dumps(plan))}, len(data))
        except (Refused, DraglabError):
            return
        path.write_bytes(data)
        loader.read_description = lambda _: description  # as the child would have answered
        try:
            opening_it.call(loader.open_model, path)
        except DraglabError:
            return

    seeds = {name: write(smallest()) for name, write in writers.FORMATS.items()}
    path.write_bytes(seeds["ada"])
    loader.open_model(path)  # torch imports some of its modules at first use
    return Target(seeds, run)


def ir() -> Target:
    """The reader of OpenVINO's graphs, each beside honest weights, and of wheels."""
    watch = Watch(reads=True)
    folder = tempfile.TemporaryDirectory()  # removed when nothing refers to it any more
    generator = MobileStyleGAN(MobileStyleGANConfig(16, z_dim=2, w_dim=2, channels=(4, 2), mapping_layers=1))
    files = ir_writer.ir_files(generator)
    whole, path = ir_writer.write_folder(Path(folder.name) / "ir", files), Path(folder.name) / "model.whl"
    graphs = ("MappingNetwork.xml", "SynthesisNetwork.xml")
    loader.open_model(whole)  # torch imports some of its modules at first use

    def attempt(path: Path) -> None:
        try:
            if watch.call(find_ir, path) is not None:  # else it is for the child
                watch.call(loader.open_model, path)
        except DraglabError:
            return

    def run(data: bytes, _: object = folder) -> None:
        path.write_bytes(data)
        attempt(path)
        for name in graphs:
            (whole / name).write_bytes(data)
            attempt(whole)
            (whole / name).write_bytes(files[name])

    return Target({name: files[name] for name in graphs} | {"wheel": ir_writer.wheel(files)}, run)


def own() -> Target:
    """The reader of draglab's safetensors."""
    watch = Watch(reads=True)
    folder = tempfile.TemporaryDirectory()  # removed when nothing refers to it any more
    path = Path(folder.name) / "model.safetensors"
    native.save_generator(smallest(), path, card={"licence": "none"})
    seeds = {"float32": path.read_bytes()}
    native.save_generator(smallest(), path, torch.float16)
    seeds["float16"] = path.read_bytes()
    native.read_generator(path)  # torch imports some of its modules at first use

    def run(data: bytes, _: object = folder) -> None:
        path.write_bytes(data)
        for read in (native.read_header, native.read_generator):
            try:
                watch.call(read, path)
            except DraglabError:
                continue

    return Target(seeds, run)


def config() -> Target:
    """Configurations as JSON: draglab's own, and the arguments of published programs."""
    watch = Watch(reads=False)

    def run(data: bytes) -> None:
        try:
            values = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(values, dict):
            return
        for parse in (config_from_json, config_from_published):
            try:
                found = watch.call(parse, values)
                with torch.device("meta"):
                    watch.call(build_generator, found)
            except DraglabError:
                continue

    published = writers.module_of(smallest()).meta["state"]["_init_kwargs"]
    flat = writers.module_of(smallest(), flat=True).meta["state"]["_init_kwargs"]
    seeds = {"own": smallest().config.to_json(), "published": published, "flat": flat}
    return Target({name: json.dumps(values).encode() for name, values in seeds.items()}, run)


TARGETS: dict[str, Callable[[], Target]] = {"foreign": foreign, "ir": ir, "own": own, "config": config}
