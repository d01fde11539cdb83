"""Files that would run code in programs that unpickle: here each is refused, says why, and nothing of it runs."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draglab.checkpoints import open_model
from draglab.checkpoints.foreign.recognise import read_plan
from draglab.checkpoints.foreign.values import Refused
from draglab.errors import DraglabError
from tests.checkpoints import writers
from tests.checkpoints.assemble import (
    FLOATS,
    Call,
    Name,
    Outside,
    Raw,
    assemble,
    code,
    legacy,
    module,
    storage_bytes,
    tensor,
    zipped,
)
from tests.tiny import tiny_generator

LOAD = Name("torch.storage", "_load_from_bytes")
MAGIC = 0x1950A86A20F9469CFC6C
COMMAND = "open('ran', 'w').close()"


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a payload does, it does here: it writes a file `ran`."""
    monkeypatch.chdir(tmp_path)


def refuse(data: bytes, message: str) -> None:
    """The file is refused, and its payload did not run; here, where nothing else would have kept it from running."""
    with pytest.raises(Refused, match=message) as caught:
        read_plan(memoryview(data)).to_json()
    assert "get it again" in str(caught.value) or "draglab" in str(caught.value) or "not opened" in str(caught.value)
    assert not Path("ran").exists()


def refuse_file(data: bytes, message: str) -> None:
    """As `refuse`, and so does who opens the file, in one line."""
    refuse(data, message)
    Path("model.bin").write_bytes(data)
    with pytest.raises(DraglabError, match=message) as caught:
        open_model("model.bin")
    assert str(caught.value).startswith("cannot open model.bin: ")
    assert "\n" not in str(caught.value)
    assert not Path("ran").exists()


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, call: Any = exec, *args: Any):
        self.call = call, args or (COMMAND,)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def test_the_payload_would_run() -> None:
    pickle.loads(pickle.dumps(Evil()))
    assert Path("ran").exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("call", [exec, eval, getattr, __import__])
def test_builtins_in_every_protocol(protocol: int, call: Any) -> None:
    home = "__builtin__" if protocol < 3 else "builtins"
    check = refuse_file if call is exec else refuse
    check(pickle.dumps({"G_ema": Evil(call)}, protocol), rf"asks for '{home}\.{call.__name__}'.*run code")


EVIL = [
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("os", "popen"),
    ("subprocess", "Popen"),
    ("pickle", "loads"),
    ("_pickle", "loads"),
    ("runpy", "_run_code"),
    ("torch", "load"),
    ("torch.serialization", "load"),
    ("torch.hub", "load"),
    ("torch._utils", "_rebuild_tensor"),
    ("torch_utils.persistence", "_src_to_module"),
    ("dnnlib.util", "open_url"),
    ("dnnlib.util", "call_func_by_name"),
    ("numpy", "load"),
    ("numpy.core.multiarray", "fromfile"),
    ("_codecs", "lookup"),
    ("collections", "namedtuple"),
    ("builtins", "frozenset"),
    ("socket", "create_connection"),
]


@pytest.mark.parametrize("home", EVIL, ids=".".join)
def test_names_outside_the_list(home: tuple[str, str]) -> None:
    module_name, name = home
    refuse(assemble({"G_ema": Call(Name(module_name, name), (COMMAND,))}), rf"asks for '{module_name}\.{name}'")


DOTTED = [
    ("torch", "FloatStorage.__init__.__globals__"),
    ("collections", "OrderedDict.fromkeys"),
    ("torch_utils", "persistence._reconstruct_persistent_obj"),
    ("torch", "storage._load_from_bytes"),
    ("torch.storage._load_from_bytes", "__globals__"),
    ("", "torch.storage._load_from_bytes"),
]


@pytest.mark.parametrize("home", DOTTED)
def test_dotted_names(home: tuple[str, str]) -> None:
    by_stack = Raw(code(home[0]) + code(home[1]) + b"\x93")
    refuse(assemble({"G_ema": Call(by_stack, (b"",))}), "asks for")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Raw(b"(" + code(COMMAND) + b"ios\nsystem\n"), r"asks for 'os\.system'"),  # INST
        (Raw(b"(cos\nsystem\n" + code(COMMAND) + b"o"), r"asks for 'os\.system'"),  # OBJ
        (Raw(b"\x82\x01"), "the pickle instruction"),  # EXT1: a name that the reader's registry would give
        (Raw(b"P0\n"), "the pickle instruction"),  # PERSID
        (Raw(b"\x97"), "the pickle instruction"),  # NEXT_BUFFER
        (Raw(code(1) + code(2) + b"\x93"), "a name is not text"),
        (Call(FLOATS, (3,)), "uses torch.FloatStorage in a way"),
        (Call(Name("numpy", "ndarray"), (3,)), "uses numpy.ndarray in a way"),
        (Call(LOAD, (b"",), instruction=b"\x81"), "uses torch.storage._load_from_bytes in a way"),
        (Call(Call(Name("collections", "OrderedDict")), ()), "calls something that is not a name"),
        (Call("os.system", ("x",)), "calls something that is not a name"),
        (Raw(code(Name("argparse", "Namespace")) + b")" + code({"x": 1}) + b"\x92"), "makes an object in a way"),
        (Raw(code({}) + code({"__class__": 1}) + b"b"), "gives a state to something"),
        (Call(Name("argparse", "Namespace"), (), {"a": 1}, instruction=b"\x81"), "holds a argparse|no generator"),
        (Outside("/etc/passwd"), "refers to something outside"),
        (Outside(("module", "Generator", "net.py", COMMAND)), "no generator|holds a|refers to something outside"),
    ],
)
def test_instructions_that_no_checkpoint_uses_so(value: Any, message: str) -> None:
    refuse(assemble(value), message)


def evil() -> Call:
    return Call(Name("builtins", "exec"), (COMMAND,))


@pytest.mark.parametrize(
    "data",
    [
        zipped(assemble(evil(), 2)),
        zipped(assemble({"g_ema": {"input.input": evil()}}, 2)),
        legacy(evil()),
        legacy({"g_ema": {"input.input": evil()}}),
        # In the small pickles before and behind the value.
        assemble(MAGIC, 2) + assemble(evil(), 2),
        assemble(MAGIC, 2) + assemble(1001, 2) + assemble(evil(), 2),
        legacy({})[: -len(assemble([], 2))] + assemble(evil(), 2),
    ],
)
def test_torch_containers(data: bytes) -> None:
    refuse_file(data, r"asks for 'builtins\.exec'")


def holder(data: bytes) -> bytes:
    """A pickled module with a tensor whose numbers are in these bytes."""
    return assemble({"G_ema": module({"weight": tensor([1], Call(LOAD, (data,)))})})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (assemble(evil(), 2), "not as PyTorch pickles them"),
        (pickle.dumps(Evil(), 0), "not as PyTorch pickles them"),
        (zipped(assemble(evil(), 2)), "not as PyTorch pickles them"),
        (assemble(MAGIC, 2) + assemble(evil(), 2), r"asks for 'builtins\.exec'"),
        (storage_bytes(1, root=evil()), r"asks for 'builtins\.exec'"),
        (storage_bytes(1, root=[Outside(("storage", FLOATS, "0", "cpu", 1, None))]), "else than its numbers"),
        (storage_bytes(1, root=Call(LOAD, (storage_bytes(1),))), "that nothing refers to"),
        (storage_bytes(1, root=Outside(("storage", evil(), "0", "cpu", 1, None))), r"asks for 'builtins\.exec'"),
    ],
)
def test_nested_load_from_bytes(data: bytes, message: str) -> None:
    refuse(holder(data), message)


def test_module_source_never_runs() -> None:
    generator = tiny_generator()
    Path("model.pkl").write_bytes(writers.dump(writers.snapshot(generator, source=COMMAND)))
    opened = open_model("model.pkl")
    assert not Path("ran").exists()
    assert opened.config.img_resolution == generator.img_resolution


def test_tensorflow_build_source_never_runs() -> None:
    networks = writers.tensorflow(tiny_generator())
    for network in (*networks, *networks[2].state["components"].values()):
        network.state["build_module_src"] = COMMAND
    Path("model.pkl").write_bytes(writers.dump(networks))
    open_model("model.pkl")
    assert not Path("ran").exists()


def variable(value: Any) -> bytes:
    """A TensorFlow pickle with one more array."""
    networks = writers.tensorflow(tiny_generator())
    networks[2].state["components"]["synthesis"].state["variables"].append(("noise9", value))
    return writers.dump(networks)


def array(kind: str, data: Any, shape: tuple[Any, ...] = (1,), order: str = "<") -> Call:
    """A NumPy array put together by hand."""
    dtype = Call(Name("numpy", "dtype"), (kind, False, True), (3, order, None, None, None, -1, -1, 63))
    start = (Name("numpy", "ndarray"), (0,), b"b")
    return Call(Name("numpy._core.multiarray", "_reconstruct"), start, (1, shape, dtype, False, data))


def network(value: Any) -> bytes:
    """A TensorFlow pickle with one array, put together by hand."""

    def one(variables: Any, components: Any = None) -> Call:
        state = {"version": 4, "static_kwargs": {}, "components": components or {}, "variables": variables}
        return Call(Name("dnnlib.tflib.network", "Network"), (), state, instruction=b"\x81")

    return assemble(one([], {"synthesis": one([("noise0", value)]), "mapping": one([])}))


def test_arguments_that_are_none() -> None:
    networks = writers.tensorflow(tiny_generator())
    networks[2].state["static_kwargs"] = [1, 2]
    refuse(writers.dump(networks), "the model's arguments are not readable")
    networks[2].state["static_kwargs"] = "resolution"
    refuse(writers.dump(networks), "the model's arguments are not readable")
    refuse(assemble({"G_ema": module(arguments=[1])}), "the model's arguments are not readable")


def test_object_arrays() -> None:
    refuse_file(variable(np.array([Evil()], dtype=object)), r"asks for 'builtins\.exec'")
    refuse(variable(np.array([None, 1], dtype=object)), "holds objects instead of numbers")
    refuse(network(array("O8", pickle.dumps(Evil()), order="|")), "holds 'O8' instead of plain")
    scalar = Call(Name("numpy._core.multiarray", "scalar"), (array("O8", b"").state[2], pickle.dumps(Evil())))
    refuse(network(scalar), "holds 'O8' instead of plain")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (array("f4", b"1234", order=">"), "holds '>f4'"),
        (array("V4", b"1234"), "holds 'V4'"),
        (array("f4", b"123"), "reaches beyond"),
        (array("f4", b"1234", (2**40,)), "reaches beyond"),
        (array("f4", b"1234", (-1,)), "not described by whole numbers"),
        (array("f4", b"1234", (True,)), "not described by whole numbers"),
        (array("f4", b"1234", (1.0,)), "not described by whole numbers"),
        (array("f4", b"1234", (2**61,) * 1000), "1,000 axes"),
        (array("f4", b"1234", (0,)), "no numbers"),
        (array("f4", "\u20ac"), "bytes are not readable"),
        (array("f4", 7), "bytes are missing"),
    ],
)
def test_arrays_that_are_not_as_described(value: Any, message: str) -> None:
    refuse(network(value), message)


VIEWS: list[tuple[dict[str, Any], str]] = [
    ({"shape": [5]}, "reaches beyond"),
    ({"shape": [10**9]}, "reaches beyond"),
    ({"shape": [4], "offset": 1}, "reaches beyond"),
    ({"shape": [2], "strides": [4]}, "reaches beyond"),
    ({"shape": [1000, 1000], "strides": [0, 0]}, "reaches beyond"),
    ({"shape": [2**40, 2**40]}, "reaches beyond"),
    ({"shape": [1], "offset": -1}, "whole numbers"),
    ({"shape": [-1]}, "whole numbers"),
    ({"shape": [2], "strides": [-1]}, "whole numbers"),
    ({"shape": [1], "offset": 2**63}, "whole numbers"),
    ({"shape": [True]}, "whole numbers"),
    ({"shape": [2], "strides": [0.5]}, "whole numbers"),
    ({"shape": [1], "offset": float("nan")}, "whole numbers"),
    ({"shape": [2], "strides": [1, 1]}, "another number of axes"),
    ({"shape": [1] * 9}, "another number of axes"),
    ({"shape": [0, 2**61, 2**61], "strides": [1, 1, 1]}, "no numbers"),
]


@pytest.mark.parametrize(("view", "message"), VIEWS)
def test_views_beyond_their_storage(view: dict[str, Any], message: str) -> None:
    inner = module({"weight": tensor(storage=Call(LOAD, (storage_bytes(4),)), **view)})
    refuse(assemble({"G_ema": inner}), message)
    outer = module({"weight": tensor(storage=Outside(("storage", FLOATS, "0", "cpu", 4, None)), **view)})
    refuse(zipped(assemble({"G_ema": outer}, 2), {"0": bytes(16)}), message)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("../../../../etc/passwd", "which the file does not hold"),
        ("/etc/passwd", "which the file does not hold"),
        ("../data.pkl", "which the file does not hold"),
        ("1", "which the file does not hold"),
        (0, "in a way that no checkpoint does"),
    ],
)
def test_persistent_ids_that_name_something_else(key: Any, message: str) -> None:
    value = {"G_ema": module({"weight": tensor([1], Outside(("storage", FLOATS, key, "cpu", 1, None)))})}
    refuse(zipped(assemble(value, 2), {"0": bytes(4)}), message)
    refuse(legacy(value), message)
    refuse(assemble(value), "in a way that no checkpoint does")


@pytest.mark.parametrize(
    ("length", "message"), [(2, "reaches beyond"), (-1, "not a whole number"), (2**62, "not a whole number")]
)
def test_storages_longer_than_their_bytes(length: int, message: str) -> None:
    value = {"G_ema": module({"weight": tensor([1], Outside(("storage", FLOATS, "0", "cpu", length, None)))})}
    refuse(zipped(assemble(value, 2), {"0": bytes(4)}), message)
    value = {"G_ema": module({"weight": tensor([1], Outside(("storage", FLOATS, "0", "cpu", 1, None)))})}
    data = legacy(value, {"0": bytes(4)})
    refuse(data[:-12] + struct.pack("<q", length) + bytes(4), "ends too early")


CUT = ["ada", "ada, protocol 2", "PTI", "PTI, before 1.6", "rosinality", "rosinality, before 1.6", "TensorFlow"]


@pytest.mark.parametrize("format_name", CUT)
def test_cut_off_at_every_percent(format_name: str) -> None:
    data = writers.FORMATS[format_name](tiny_generator())
    for percent in range(100):
        with pytest.raises(Refused, match=r"get it again|no checkpoint that draglab knows|does not hold"):
            read_plan(memoryview(data[: len(data) * percent // 100]))
    refuse_file(data[:-1], "get it again|no checkpoint that draglab knows|does not hold")
