"""One photo on its way into a model: a task of the inverter's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.server.photo_messages import PhotoFrame, PhotoState, PhotoView

if TYPE_CHECKING:
    from pathlib import Path

    from draglab.editor.photo import PhotoKind
    from draglab.editor.unfinished import Plan, Unfinished
    from draglab.generators import Generator
    from draglab.inversion import InvertedPhoto


@dataclass(frozen=True, eq=False)
class Draft:
    """A photo that was opened and decoded.

    Attributes:
        id: name of its file when it is finished, without suffix. owner: the person, see Access.owner.
        name, kind: see PhotoStart. data: the bytes as they came. pixels: uint8 [H, W, 3].
        notes: sentences on what was converted. has_face: None = nobody looked, because dlib is not installed.
    """

    id: str
    owner: str | None
    name: str
    kind: PhotoKind
    data: bytes
    pixels: NDArray[np.uint8]
    notes: tuple[str, ...]
    has_face: bool | None


class PhotoJob:
    """The inversion of a photo: a worker.Task. `view` can be read from any thread.

    Args:
        owner: the person, see Access.owner. photo: id, the name of the file when it is finished.
        folder: the journal's folder. generator: the model.
        draft: the photo; None = go on with what is on disk.
        changed: called, from the inverter's thread, when the view or the picture has changed.
        finished: called, from that thread, with the result once its file is written.
    """

    def __init__(
        self,
        owner: str | None,
        photo: str,
        plan: Plan,
        folder: Path,
        generator: Generator,
        draft: Draft | None,
        changed: Callable[[PhotoJob], None],
        finished: Callable[[PhotoJob, InvertedPhoto], None],
    ) -> None:
        self.owner, self.plan, self.folder = owner, plan, folder
        self.draft = draft
        self.view = view_of(photo, plan, "waiting")
        self.picture: NDArray[np.uint8] | None = None
        """The image of the last step."""
        self.unfinished: Unfinished | None = None if draft is not None else self._on_disk()
        """Its files, once they are written."""
        self._changed, self._finished = changed, finished
        self._stop = self._cancelled = False
        self._work = self._steps(generator)

    def stop(self) -> None:
        """End after the current step, and keep the best so far."""
        self._stop = True
        if self.view.state in ("waiting", "projection", "tuning"):
            self.view = replace(self.view, state="stopping")

    def cancel(self) -> None:
        """End after the current step, and drop the photo."""
        self._cancelled = True

    @property
    def running(self) -> bool:
        """Whether there are steps to make."""
        return self.view.state not in ("done", "failed") and not self._cancelled

    def step(self) -> bool:
        if self._cancelled:
            self._drop()
            return False
        try:
            next(self._work)
        except StopIteration:
            return False
        except DraglabError as error:
            self.fail(error)
            return False
        return True

    def fail(self, error: Exception) -> None:
        what = str(error) if isinstance(error, DraglabError) else f"this failed ({type(error).__name__}): try again"
        self._release()
        self.tell("failed", error=what)

    def tell(self, state: PhotoState, **changes: object) -> None:
        """Change the view, and tell those who look at it."""
        self.view = replace(self.view, state=state, **changes)  # pyright: ignore[reportArgumentType]
        self._changed(self)

    def _steps(self, generator: Generator) -> Iterator[None]:
        """Make the steps: reading, those of the inversion, the report and the file."""
        from draglab.editor.photo import photo_path
        from draglab.editor.unfinished import Unfinished
        from draglab.inversion import Inversion, decode_photo

        if (draft := self.draft) is not None:
            unfinished = Unfinished.begin(self.folder, self.view.photo, self.plan, draft.data)
            pixels = draft.pixels
        else:
            unfinished = self._on_disk()
            pixels = decode_photo(unfinished.photo()).pixels
        self.unfinished = unfinished
        inverted = generator, pixels, self.plan.frame, self.plan.settings, self.plan.model
        inversion, kept = Inversion(*inverted), unfinished.state()
        try:
            kept.restore(inversion)
        except DraglabError:
            # Damaged, or of other weights or settings: begun anew.
            kept.remove()
            inversion = Inversion(*inverted)
        yield
        for step in inversion:
            self.picture = inversion.preview()
            state = "stopping" if self._stop else step.stage
            self.tell(
                state, step=step.index, total=step.total, lpips=step.lpips, seconds_left=max(step.seconds_left, 0.0)
            )
            kept.keep(inversion)
            yield
            if self._stop:
                inversion.stop()
        self.tell("finishing", seconds_left=None)
        photo = inversion.photo()
        yield
        photo.save(photo_path(self.folder, self.view.photo))
        self._release()
        self._finished(self, photo)

    def _on_disk(self) -> Unfinished:
        from draglab.editor.unfinished import Unfinished, folder_of

        return Unfinished(folder_of(self.folder, self.view.photo), self.plan)

    def _release(self) -> None:
        """Give the memory of pixels and weights back."""
        self.picture = self.draft = None
        self._work = iter(())

    def _drop(self) -> None:
        self._release()
        if self.unfinished is not None:
            self.unfinished.remove()


def view_of(photo: str, plan: Plan, state: PhotoState) -> PhotoView:
    """Describe a photo of which no step was made yet."""
    frame = PhotoFrame(x=plan.x, y=plan.y, size=plan.size, angle=plan.angle)
    return PhotoView(photo=photo, name=plan.name, model=plan.model, state=state, frame=frame, width=plan.width)
