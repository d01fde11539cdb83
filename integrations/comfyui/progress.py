"""ComfyUI's progress bar, through which its Cancel is heard as well; nothing where ComfyUI is not there."""

from __future__ import annotations

from typing import Any, Protocol


class Bar(Protocol):
    """The method of ComfyUI's ProgressBar that the nodes use."""

    def update_absolute(self, value: int, total: int | None = None) -> Any: ...


class _NoBar:
    def update_absolute(self, value: int, total: int | None = None) -> None: ...


def progress_bar(total: int) -> Bar:
    """Return a progress bar of so many parts."""
    try:
        from comfy.utils import ProgressBar  # pyright: ignore[reportMissingImports]
    except ImportError:
        return _NoBar()
    return ProgressBar(total)
