"""The names that honest checkpoints refer to, module and name exactly. No option allows others."""

from __future__ import annotations

from .values import Global

PERSISTENT = Global("torch_utils.persistence", "_reconstruct_persistent_obj")
LOAD_FROM_BYTES = Global("torch.storage", "_load_from_bytes")
REBUILD_TENSOR = Global("torch._utils", "_rebuild_tensor_v2")
REBUILD_PARAMETER = {
    Global("torch._utils", "_rebuild_parameter"),
    Global("torch._utils", "_rebuild_parameter_with_state"),
}
NETWORK = Global("dnnlib.tflib.network", "Network")
EASY_DICT = Global("dnnlib.util", "EasyDict")
ORDERED_DICT = Global("collections", "OrderedDict")
NAMESPACE = Global("argparse", "Namespace")
EMBEDDING = Global("torch.nn.modules.sparse", "Embedding")
ENCODE = Global("_codecs", "encode")
SIZE = Global("torch", "Size")
DEVICE = Global("torch", "device")
DTYPE = Global("numpy", "dtype")
NDARRAY = Global("numpy", "ndarray")
SETS = {Global("builtins", "set"), Global("__builtin__", "set")}
# NumPy 2 renamed numpy.core.
_NUMPY = ("numpy.core", "numpy._core")
SCALAR = {Global(f"{core}.multiarray", "scalar") for core in _NUMPY}
RECONSTRUCT = {Global(f"{core}.multiarray", "_reconstruct") for core in _NUMPY}
FROM_BUFFER = {Global(f"{core}.numeric", "_frombuffer") for core in _NUMPY}

# Types of storages, as safetensors names them.
STORAGES = {
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "DoubleStorage": "F64",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
STORAGE_TYPES = {Global(module, name): dtype for module in ("torch", "torch.cuda") for name, dtype in STORAGES.items()}

CALLED = {
    PERSISTENT, LOAD_FROM_BYTES, REBUILD_TENSOR, *REBUILD_PARAMETER, ORDERED_DICT, ENCODE, SIZE, DEVICE, DTYPE,
    *SETS, *SCALAR, *RECONSTRUCT, *FROM_BUFFER,
}  # fmt: skip
"""Names that an honest pickle calls (REDUCE)."""

INSTANTIATED = {NETWORK, EASY_DICT, ORDERED_DICT, NAMESPACE, EMBEDDING}
"""Names that an honest pickle instantiates (NEWOBJ)."""

ALLOWED = CALLED | INSTANTIATED | {NDARRAY, *STORAGE_TYPES}
