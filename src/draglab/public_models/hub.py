"""Models by their names on the Hugging Face Hub: hf:owner/repo, hf:owner/repo@revision, hf:owner/repo/folder/file.

Files are kept by huggingface_hub in its own cache (HF_HOME), beside those of other programs. Nothing here uses the
network: downloads/hub.py does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from draglab.errors import DraglabError

PREFIX = "hf:"
SUFFIXES = (".safetensors", ".pkl", ".pt", ".pth", ".ckpt")
"""Ends of the names of files that may be models; the first is looked for before the others."""
INSTALL = "models of the Hugging Face Hub need huggingface_hub: pip install 'draglab[hub]'"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NAME = re.compile(rf"{PREFIX}({_PART}/{_PART})(?:@([A-Za-z0-9][A-Za-z0-9._-]{{0,254}}))?(?:/(.{{1,500}}))?")
_SHOWN = 8


@dataclass(frozen=True)
class HubName:
    """A name, taken apart.

    Attributes:
        repo: "owner/repo". revision: a branch, tag or commit; None = the repository's main branch.
        file: path of the file in the repository; None = the only model in it.
    """

    repo: str
    revision: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{PREFIX}{self.repo}{revision}{'/' + self.file if self.file else ''}"

    def choose(self, files: Iterable[str]) -> str:
        """Choose the model among the files of the repository: the named one, else the only safetensors, else pickle.

        Raises:
            DraglabError: it is not there, there is none, or there are several to choose from.
        """
        files = sorted(files)
        if self.file is not None:
            if self.file in files:
                return self.file
            raise DraglabError(f"{PREFIX}{self.repo} has no file {self.file!r}; {_listed(files)}")
        for suffixes in (SUFFIXES[:1], SUFFIXES[1:]):
            found = [file for file in files if file.lower().endswith(suffixes)]
            if "model.safetensors" in found:
                return "model.safetensors"
            if len(found) > 1:
                raise DraglabError(
                    f"{self} has {len(found)} models: name one, as in {self}/{found[0]}; {_listed(found)}"
                )
            if found:
                return found[0]
        raise DraglabError(f"{self} has no model: draglab opens {', '.join(SUFFIXES)}; {_listed(files)}")


def is_hub_name(name: str) -> bool:
    """Whether a model's name asks for one of the Hub."""
    return name.startswith(PREFIX)


def parse_hub_name(text: str) -> HubName:
    """Take a name apart.

    Raises:
        DraglabError: another form.
    """
    match = _NAME.fullmatch(text)
    parts = (match[3] or "-").split("/") if match else [""]
    if match is None or any(part in ("", ".", "..") for part in parts) or not text.isprintable() or "\\" in text:
        raise DraglabError(f"{text[:200]!a} is no name of the Hub: write hf:owner/repo or hf:owner/repo/file")
    return HubName(match[1], match[2], match[3])


def find_downloaded(name: HubName) -> Path | None:
    """Return the downloaded file of a name; None = there is none.

    Raises:
        DraglabError: huggingface_hub is not installed, or there are several files to choose from.
    """
    hub = import_hub()
    try:
        cache = Path(hub.constants.HF_HUB_CACHE) / f"models--{name.repo.replace('/', '--')}"
        revision = name.revision or "main"
        reference = cache / "refs" / revision
        commit = reference.read_text(encoding="utf-8").strip()[:100] if reference.is_file() else revision
        snapshot = cache / "snapshots" / commit
        files = [str(path.relative_to(snapshot).as_posix()) for path in snapshot.rglob("*") if path.is_file()]
    except (OSError, UnicodeDecodeError):
        return None
    if name.file is None:
        files = [file for file in files if file.lower().endswith(SUFFIXES)]
    if not files or name.file not in (None, *files):
        return None
    return snapshot / name.choose(files)


def import_hub() -> ModuleType:
    """Return huggingface_hub.

    Raises:
        DraglabError: it is not installed.
    """
    try:
        import huggingface_hub  # pyright: ignore[reportMissingImports]
        import huggingface_hub.constants  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise DraglabError(INSTALL) from None
    return huggingface_hub


def _listed(files: list[str]) -> str:
    shown = ", ".join(files[:_SHOWN]) or "nothing"
    return f"there is {shown[:1000]}{' and more' if len(files) > _SHOWN else ''}"
