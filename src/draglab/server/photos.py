"""The photos that people bring into models: opened ones, those under way, and those that were left unfinished."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.server.inverter import Inverter
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.messages import encode
from draglab.server.outbox import Outbox, Picture
from draglab.server.photo_framing import place_frame
from draglab.server.photo_job import Draft, PhotoJob, view_of
from draglab.server.photo_messages import (
    FindFrame,
    InvertPhoto,
    PhotoAct,
    PhotoBegun,
    PhotoCommand,
    PhotoView,
    PhotoWork,
)
from draglab.server.sessions import Sessions
from draglab.server.worker import Worker

if TYPE_CHECKING:
    from draglab.editor.unfinished import Plan, Unfinished
    from draglab.generators import Generator
    from draglab.inversion import InvertedPhoto

PICTURE_SECONDS = 0.2
"""Least time between two pictures of one reconstruction."""


class Asker(Protocol):
    """A client. owner: the person, see Access.owner."""

    owner: str | None
    outbox: Outbox


class Photos:
    """The photos of all people. Used on the worker's thread; jobs report from the inverter's.

    Args:
        inverter: makes the steps.
    """

    def __init__(
        self,
        library: Library,
        loaded: LoadedModels,
        sessions: Sessions,
        worker: Worker,
        inverter: Inverter,
        limits: Limits,
    ) -> None:
        self._library, self._loaded, self._sessions = library, loaded, sessions
        self._worker, self._inverter, self._limits = worker, inverter, limits
        self._lock = threading.RLock()
        """Held while jobs change, and while messages are made and sent: none of them overtakes a newer one."""
        self._drafts: OrderedDict[str, Draft] = OrderedDict()
        self._jobs: OrderedDict[str, PhotoJob] = OrderedDict()
        self._left: dict[str | None, dict[str, Unfinished]] = {}
        """What was found unfinished on disk, by person and id."""
        self._readers: list[Asker] = []
        self._painted: dict[str, float] = {}
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="draglab-faces")

    @contextmanager
    def joining(self, reader: Asker) -> Iterator[PhotoWork]:
        """Yield what a client is to be told in the block; from its end on, the client is told what changes."""
        with self._lock:
            yield self._work(reader.owner)
            self._readers.append(reader)

    def leave(self, reader: Asker) -> None:
        """Tell a client nothing more."""
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)

    def add(self, draft: Draft) -> None:
        """Take a photo that was opened. Older ones that are not under way are dropped where there is no room.

        Raises:
            DraglabError: too many photos are under way.
        """
        limits = self._limits
        with self._lock:
            mine = [job for job in self._jobs.values() if job.owner == draft.owner and job.view.state != "done"]
            if len(mine) + len(self._unfinished(draft.owner)) >= limits.photos_per_person:
                raise DraglabError(
                    f"{limits.photos_per_person} photos are not finished (limit 'photos_per_person'): "
                    "wait for one, or delete one under Open"
                )
            if sum(job.running for job in self._jobs.values()) >= limits.photos:
                raise DraglabError(f"{limits.photos} photos are under way here (limit 'photos'): try again later")
            for id in [id for id, each in self._drafts.items() if each.owner == draft.owner]:
                del self._drafts[id]
            while len(self._drafts) >= limits.photos:
                self._drafts.popitem(last=False)
            self._drafts[draft.id] = draft

    def pixels(self, owner: str | None, photo: str) -> NDArray[np.uint8] | Unfinished:
        """Return the pixels of a photo of this person, or where it is on disk.

        Raises:
            DraglabError: there is none.
        """
        with self._lock:
            draft = self._drafts.get(photo)
            job = self._jobs.get(photo)
            if draft is None and job is not None:
                draft = job.draft
            if draft is not None and draft.owner == owner:
                return draft.pixels
            if job is not None and job.owner == owner and job.unfinished is not None:
                return job.unfinished
            if photo in self._unfinished(owner):
                return self._unfinished(owner)[photo]
        raise DraglabError("this photo is no longer there: open it again")

    def opened(self, session: str) -> None:
        """Forget a photo whose session is shown."""
        with self._lock:
            for id, job in list(self._jobs.items()):
                if job.view.session == session:
                    del self._jobs[id]
                    self._tell(job.owner)

    def handle(self, command: PhotoCommand, client: Asker) -> None:
        """Carry out a client's command.

        Raises:
            NotYet: the model is being loaded.
            DraglabError: it is not possible.
        """
        match command:
            case FindFrame():
                draft, generator = self._draft(client.owner, command.photo), self._loaded.get(command.model)
                self._looking.submit(self._find_frame, command, client, draft, generator)
            case InvertPhoto():
                self._invert(command, client)
            case PhotoAct(type="resume_photo"):
                self._resume(command, client)
            case PhotoAct(type="stop_photo"):
                self._job(client.owner, command.photo).stop()
                self._tell(client.owner)
            case PhotoAct():
                self._cancel(client.owner, command.photo)

    def _find_frame(self, command: FindFrame, client: Asker, draft: Draft, generator: Generator) -> None:
        """Answer a FindFrame; on a thread of its own, because it takes a second."""
        client.outbox.put(encode(place_frame(command, draft.pixels, generator)))

    def _invert(self, command: InvertPhoto, client: Asker) -> None:
        from draglab.editor.unfinished import Plan

        draft, generator = self._draft(client.owner, command.photo), self._loaded.get(command.model)
        plan = Plan(
            name=draft.name,
            kind=draft.kind,
            width=draft.pixels.shape[1],
            model=command.model,
            x=command.frame.x,
            y=command.frame.y,
            size=command.frame.size,
            angle=command.frame.angle,
            effort=command.effort,
        )
        plan.frame.checked((draft.pixels.shape[0], draft.pixels.shape[1]))
        with self._lock:
            del self._drafts[draft.id]
        self._begin(client, draft.id, plan, generator, draft)
        client.outbox.put(encode(PhotoBegun(id=command.id, photo=draft.id)))

    def _resume(self, command: PhotoAct, client: Asker) -> None:
        job, left = self._jobs.get(command.photo), self._unfinished(client.owner).get(command.photo)
        failed = job is not None and job.owner == client.owner and job.view.state == "failed"
        plan = job.plan if job is not None and failed else left.plan if left is not None else None
        if plan is None:
            raise DraglabError("this photo is no longer there: open it again")
        generator = self._loaded.get(plan.model)
        self._unfinished(client.owner).pop(command.photo, None)
        self._begin(client, command.photo, plan, generator, None)
        client.outbox.put(encode(PhotoBegun(id=command.id, photo=command.photo)))

    def _begin(self, client: Asker, photo: str, plan: Plan, generator: Generator, draft: Draft | None) -> None:
        folder = self._sessions.folder(client.owner)
        job = PhotoJob(client.owner, photo, plan, folder, generator, draft, self._changed, self._finished)
        with self._lock:
            self._jobs[photo] = job
            self._tell(client.owner)
        self._inverter.add(job)

    def _cancel(self, owner: str | None, photo: str) -> None:
        with self._lock:
            if (draft := self._drafts.get(photo)) is not None and draft.owner == owner:
                del self._drafts[photo]
                return
            job = self._jobs.get(photo)
            if job is not None and job.owner == owner:
                del self._jobs[photo]
                job.cancel()
                if not job.running and job.view.state == "failed" and job.unfinished is not None:
                    job.unfinished.remove()
            elif (left := self._unfinished(owner).pop(photo, None)) is not None:
                left.remove()
            self._tell(owner)

    def _changed(self, job: PhotoJob) -> None:
        """Tell how far a photo is, and show the newest image now and then; called on the inverter's thread."""
        with self._lock:
            id = job.view.photo
            if self._jobs.get(id) is not job:
                return
            self._tell(job.owner)
            now = time.monotonic()
            if job.picture is None or now - self._painted.get(id, 0.0) < PICTURE_SECONDS:
                return
            self._painted[id] = now
            picture = Picture("photo", job.picture, photo=id)
            for reader in self._readers:
                if reader.owner == job.owner:
                    reader.outbox.put_picture(picture)

    def _finished(self, job: PhotoJob, photo: InvertedPhoto) -> None:
        self._worker.call(lambda: self._make_session(job, photo))

    def _make_session(self, job: PhotoJob, photo: InvertedPhoto) -> None:
        from draglab.editor.photo import PhotoStart, StoredPhoto, photo_path

        id, plan = job.view.photo, job.plan
        stored = StoredPhoto(photo_path(job.folder, id), plan.model)
        with self._lock:
            self._painted.pop(id, None)
            if self._jobs.get(id) is not job:
                # Cancelled in the meantime.
                stored.path.unlink(missing_ok=True)
                if job.unfinished is not None:
                    job.unfinished.remove()
                return
        height, width = photo.pixels.shape[:2]
        start = PhotoStart.of(id, plan.name, plan.kind, (height, width), photo.quality)
        try:
            self._loaded.adopt(stored, photo.generator)
            w_plus = photo.w_plus[0].detach().float().cpu().numpy()
            session = self._sessions.from_photo(job.owner, plan.model, w_plus, start)
        except DraglabError as error:
            job.tell("failed", error=str(error))
            return
        if job.unfinished is not None:
            job.unfinished.remove()
        job.tell("done", session=session)

    def _draft(self, owner: str | None, photo: str) -> Draft:
        draft = self._drafts.get(photo)
        if draft is None or draft.owner != owner:
            raise DraglabError("this photo is no longer there: open it again")
        return draft

    def _job(self, owner: str | None, photo: str) -> PhotoJob:
        job = self._jobs.get(photo)
        if job is None or job.owner != owner:
            raise DraglabError("this photo is not under way any more")
        return job

    def _unfinished(self, owner: str | None) -> dict[str, Unfinished]:
        """Return what was left unfinished by earlier processes."""
        if owner not in self._left:
            from draglab.editor.unfinished import list_unfinished

            try:
                found = list_unfinished(self._sessions.folder(owner))
            except DraglabError:
                # The sessions cannot be read at all, which is said elsewhere.
                return {}
            self._left[owner] = {each.file: each for each in found if each.file not in self._jobs}
        return self._left[owner]

    def _work(self, owner: str | None) -> PhotoWork:
        views: list[PhotoView] = [job.view for job in self._jobs.values() if job.owner == owner]
        views += [view_of(id, left.plan, "unfinished") for id, left in self._unfinished(owner).items()]
        return PhotoWork(photos=views)

    def _tell(self, owner: str | None) -> None:
        with self._lock:
            text = encode(self._work(owner))
            for reader in self._readers:
                if reader.owner == owner:
                    reader.outbox.put(text, "photo_work")
