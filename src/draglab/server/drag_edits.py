"""What programs ask for as edit files, checked against models, photos and limits. Used on the worker's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile, ModelReference, Round, SeedStart, WPlusStart
from draglab.server.drag_messages import DragRequest, SentPhotoStart
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels

if TYPE_CHECKING:
    from draglab.editor.document import Source
    from draglab.server.api_photos import FinishedPhoto


class DragEdits:
    """Makes edit files of requests, and checks them. What needs a model that is not in memory waits for it (NotYet).

    Args:
        photo_of: returns a photo of a program, by its id and its owner; raises if there is none.
    """

    def __init__(self, library: Library, loaded: LoadedModels, photo_of: Callable[[str, str], FinishedPhoto]) -> None:
        self._library = library
        self._generator_of = loaded.get
        self._photo_of = photo_of

    def source(self, model: str, photo: str | None, owner: str) -> Source:
        """Return what the generator is made of: the model, or the photo if there is one.

        Raises:
            DraglabError: the photo is no longer there.
        """
        return model if photo is None else self._photo_of(photo, owner).stored

    def size(self, request: DragRequest, owner: str) -> tuple[int, int]:
        """Return the (height, width) in pixels of the images of a request's model.

        Raises:
            DraglabError: there is no such model or photo.
        """
        return self._generator_of(self._asked(request, owner)[0]).img_shape

    def of_request(self, request: DragRequest, owner: str, mask: NDArray[np.bool_] | None) -> EditFile:
        """Make the edit file of a request, with all settings.

        Args:
            mask: the request's decoded mask, bool [H, W], True = movable.

        Raises:
            DraglabError: there is no such model, photo or setting.
        """
        from draglab.editor.settings import read_settings

        read_settings(request.settings)
        source, name, start = self._asked(request, owner)
        generator = self._generator_of(source)
        settings = asdict(read_settings({**generator.drag_settings, **request.settings}))
        handles = np.array([pair.handle for pair in request.points])
        targets = np.array([pair.target for pair in request.points])
        one = Round.from_arrays(handles, targets, mask, settings)
        return EditFile(model=ModelReference(name=name, sha256=generator.sha256), start=start, rounds=[one])

    def checked(self, edit: EditFile, owner: str, photo: str | None, limits: Limits) -> tuple[EditFile, str]:
        """Return an edit file that can be run, and the name of its model here.

        Args:
            photo: id of the photo that is dragged, in place of the file's model and start; None = none is.

        Raises:
            DraglabError: it does not fit the model, exceeds a limit, or there is no such photo.
        """
        from draglab.editor.replay import Replay

        for one in edit.rounds:
            if len(one.points) > limits.points:
                raise DraglabError(f"{len(one.points)} points are too many: at most {limits.points} (limit 'points')")
        if (steps := sum(map(_most_steps, edit.rounds))) > limits.drag_steps:
            most = limits.drag_steps
            raise DraglabError(f"max_steps is {steps} in all: at most {most} are taken (limit 'drag_steps')")
        if photo is None:
            # A file may name its model by a path: nothing outside the library is ever opened.
            model = self._library.name_of(edit.model.name)
            edit = edit.model_copy(update={"model": edit.model.model_copy(update={"name": model})})
        else:
            finished = self._photo_of(photo, owner)
            model = finished.stored.model
            reference = ModelReference(name=file_of(finished), sha256=self._generator_of(finished.stored).sha256)
            edit = edit.model_copy(update={"model": reference, "start": finished.start})
        # All checks against the model are its.
        Replay(edit, self._generator_of(self.source(model, photo, owner)))
        return edit, model

    def _asked(self, request: DragRequest, owner: str) -> tuple[Source, str, SeedStart | WPlusStart]:
        """Return what the generator of a request is made of, its name in edit files, and the start."""
        if not isinstance(request.start, SentPhotoStart):
            model = request.model or self._library.default
            return model, model, request.start
        photo = self._photo_of(request.start.photo, owner)
        if request.model not in (None, photo.stored.model):
            raise DraglabError(f"the photo is one of the model {photo.stored.model}: leave model out")
        return photo.stored, file_of(photo), photo.start


def file_of(photo: FinishedPhoto) -> str:
    """Return the name of a photo's file, which edit files have for its model."""
    return f"{photo.name}.draglab"


def _most_steps(one: Round) -> int:
    """Return the number of steps after which a round has ended at the latest."""
    from draglab.editor.settings import read_settings

    if one.steps is not None:
        return one.steps
    last = one.moved[-1].after if one.moved else 0
    return last + read_settings(one.settings).max_steps
