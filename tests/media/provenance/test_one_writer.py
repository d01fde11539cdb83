"""Every picture and video that leaves draglab goes through `encode_image` or `open_video`.

tests/cli/test_provenance.py, tests/editor/test_export.py and tests/server/test_api.py run each path from end to end.
"""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "src" / "draglab"

WRITERS = {"media/images.py encode_image", "media/video.py close", "media/video.py _open"}
"""The functions that write exported files."""
NOT_EXPORTED = {
    "media/images.py encode_mask": "a mask, in edit files and messages",
    "editor/pictures.py encode_thumbnail": "kept in the journal, shown in the page",
    "server/pictures.py encode": "shown in the page",
    "server/photo_pages.py _encoded": "shown in the page",
    "inversion/photo_file.py as_png": "the photo itself, within a .draglab file",
}
TENSORS = {"safetensors.torch", "safetensors.numpy", "np", "photo", "result"}
"""Whose `save` writes tensors, arrays or an inverted photo."""
FOREIGN_WRITERS = {"imwrite", "imsave", "VideoWriter", "savefig", "write_png", "write_video", "imencode"}
UNSEALED = {"batch/edits.py", "batch/transfer.py", "media/provenance/credentials.py", "notebook/drag_widget.py"}
"""Files that may leave the seal to who writes the file, BatchFolder; a trial of a certificate; a picture in a cell."""


def writers(source: Path) -> tuple[set[str], set[str]]:
    """Functions under a folder that write pictures or videos, and files that encode without a seal."""
    found, unsealed = set(), set()
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source).as_posix()
        for function, call in _calls(ast.parse(path.read_text(encoding="utf-8")), "module"):
            called = call.func
            method = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            owner = ast.unparse(called.value) if isinstance(called, ast.Attribute) else ""
            writes_video = method == "open" and owner.rpartition(".")[2].strip("_") == "av" and _mode(call) != "r"
            if (method == "save" and owner not in TENSORS) or writes_video or method in FOREIGN_WRITERS:
                found.add(f"{name} {function}")
            for keyword in call.keywords:
                if keyword.arg == "sealed" and ast.unparse(keyword.value) != "True":
                    unsealed.add(name)
    return found, unsealed


def _calls(node: ast.AST, function: str):
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if isinstance(child, ast.Call):
            yield inside, child
        yield from _calls(child, inside)


def _mode(call: ast.Call) -> object:
    given = [word.value for word in call.keywords if word.arg == "mode"] + call.args[1:2]
    return given[0].value if given and isinstance(given[0], ast.Constant) else "r" if not given else None


def test_there_is_one_writer():
    found, unsealed = writers(SOURCE)
    assert found == WRITERS | set(NOT_EXPORTED)
    assert unsealed == UNSEALED


def test_a_planted_writer_is_found(tmp_path):
    for number, text in enumerate(
        [
            "def f(image, path):\n    image.save(path)",
            "def f(path):\n    Image.fromarray(x).save(path, 'PNG')",
            "def f(path):\n    import av\n    av.open(path, 'w')",
            "def f(path):\n    self._av.open(path, mode=mode)",
            "class A:\n    def f(self):\n        cv2.imwrite('a.png', x)",
            "def f():\n    plt.savefig('a.png')",
        ]
    ):
        (tmp_path / f"{number}.py").write_text(text)
        assert f"{number}.py f" in writers(tmp_path)[0]
    (tmp_path / "u.py").write_text("encode_image(x, o, sealed=False)\nencode_image(x, o, sealed=True)")
    (tmp_path / "v.py").write_text("encode_image(x, o, sealed=wanted)")
    assert writers(tmp_path)[1] == {"u.py", "v.py"}
    (tmp_path / "w.py").write_text("def f():\n    av.open(path)\n    av.open(path, 'r')\n    np.save(b, x)")
    assert "w.py f" not in writers(tmp_path)[0]


def test_the_page_makes_no_files_of_pictures():
    """What it offers to save comes from the server; a mask is sent to it."""
    scripts = (SOURCE / "server" / "static" / "js").rglob("*.js")
    texts = {path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8") for path in scripts}
    words = ("toBlob", "toDataURL", "convertToBlob")
    making = {name for name, text in texts.items() if any(word in text for word in words)}
    assert making == {"server/static/js/mask/layer.js"}
