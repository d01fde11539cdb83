"""Photos that programs bring into models: they wait in turns of their owners, and are kept on disk."""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from draglab.errors import DraglabError
from draglab.server.api_photo_messages import Frame, PhotoList, PhotoStatus, Stage
from draglab.server.drag_messages import ENDED, State
from draglab.server.drag_store import TRIES
from draglab.server.drags import Drags, Draining, QueueFull
from draglab.server.inverter import Inverter
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.photo_job import PhotoJob
from draglab.server.turns import Turns
from draglab.server.worker import Worker

if TYPE_CHECKING:
    from draglab.editor.photo import PhotoKind, StoredPhoto
    from draglab.editor.unfinished import Unfinished
    from draglab.generators import Generator
    from draglab.inversion import InvertedPhoto
    from draglab.media.edit_file import WPlusStart
    from draglab.server.api_photo_store import PhotoRecord, PhotoStore

Effort = Literal["fast", "default", "best"]
RETRY_SECONDS = 30
"""Seconds after which a program that was refused is told to try again."""
_STAGES: dict[str, Stage] = {"projection": "projection", "tuning": "tuning", "finishing": "finishing"}

logger = logging.getLogger("draglab.server")


@dataclass(frozen=True)
class SentPhoto:
    """A photo that was sent and decoded, and where the model is to look.

    Attributes:
        data: the bytes as they came. name, kind: see PhotoStart. size: (height, width), pixels. notes: see Picture.
    """

    data: bytes
    name: str
    kind: PhotoKind
    size: tuple[int, int]
    notes: tuple[str, ...]
    model: str
    frame: Frame
    effort: Effort


@dataclass(frozen=True)
class FinishedPhoto:
    """A photo that can be dragged. name: of its file for edit files, without suffix. start: its latent."""

    stored: StoredPhoto
    name: str
    start: WPlusStart


class ApiPhotos:
    """The photos of all programs.

    A few are inverted at once; the others wait in turns of their owners. What was under way when a server ended goes
    on from where it was; one that ran at two kills is not begun a third time. Methods without a remark are used on the
    worker's thread.

    Args:
        folder: returns the folder for the photos. limits_of: returns the limits of a person.
        drags: says whether the server is draining.
    """

    def __init__(
        self,
        loaded: LoadedModels,
        worker: Worker,
        inverter: Inverter,
        drags: Drags,
        limits: Limits,
        folder: Callable[[], Path],
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._loaded, self._worker, self._inverter, self._drags = loaded, worker, inverter, drags
        self._limits, self._limits_of = limits, limits_of
        self._folder = folder
        self._opened: PhotoStore | None = None
        self._records: dict[str, PhotoRecord] = {}
        self._running: dict[str, PhotoJob | None] = {}
        """Those that run, by id; None = the model is being loaded."""
        self._turns = Turns()
        self.ended: Counter[State] = Counter()
        """Number of photos that ended since the start of the server, by state."""
        self.refused = 0
        """Number of photos that were refused because a limit was reached."""

    # From any thread.

    @property
    def waiting(self) -> int:
        """Number of photos that wait."""
        return len(self._turns)

    @property
    def running(self) -> int:
        """Number of photos that are inverted now, or whose model is being loaded."""
        return len(self._running)

    def status(self, id: str, owner: str) -> PhotoStatus | None:
        """Return the status of a person's photo; None if there is no such photo."""
        record = self._records.get(id)
        return self._shown(record) if record is not None and record.owner == owner else None

    def keyed(self, owner: str, key: str) -> PhotoStatus | None:
        """Return the status of a person's photo that was added with this key; None if there is none."""
        for record in list(self._records.values()):
            if record.owner == owner and record.key == key:
                return self._shown(record)
        return None

    def list(self, owner: str) -> PhotoList:
        """List a person's photos."""
        mine = [record for record in list(self._records.values()) if record.owner == owner]
        return PhotoList(photos=[self._shown(record) for record in reversed(mine)])

    def finished(self, id: str, owner: str) -> FinishedPhoto:
        """Return a person's photo, to be dragged.

        Raises:
            DraglabError: there is none, or it is not finished.
        """
        from draglab.editor.photo import StoredPhoto

        record = self._records.get(id)
        if record is None or record.owner != owner:
            raise DraglabError("there is no such photo: it was never sent, or it is too old; send it again")
        if record.start is None:
            raise DraglabError(f"the photo is {record.status.state}: it can be dragged once it is finished")
        stored = StoredPhoto(self._store().file(id), record.status.model)
        return FinishedPhoto(stored, record.plan.name, record.start)

    def write(self, sent: SentPhoto) -> Unfinished:
        """Write a photo to disk, to be added or removed.

        Raises:
            DraglabError: it cannot be written.
        """
        from draglab.editor.unfinished import Plan, Unfinished

        frame = sent.frame
        plan = Plan(
            name=sent.name, kind=sent.kind, width=sent.size[1], model=sent.model, effort=sent.effort,
            x=frame.x, y=frame.y, size=frame.size, angle=frame.angle,
        )  # fmt: skip
        return Unfinished.begin(self._store().folder, secrets.token_hex(16), plan, sent.data)

    # On the worker's thread.

    def resume(self) -> None:
        """Go on with the photos that an earlier server left. To be called before the worker starts."""
        store = self._store()
        for record in store.read():
            status = record.status
            self._records[status.id] = record
            if status.state in ENDED:
                continue
            record.change(state="waiting")
            if record.starts >= TRIES:
                problem = f"the server was killed {record.starts} times while this photo was inverted: send it again"
                self._end(record, "failed", problem)
            elif not store.unfinished(record).folder.is_dir():
                self._end(record, "failed", "the server ended, and the photo's files are gone: send it again")
            else:
                self._turns.add(record.owner, status.id)
        self._start_next()

    def check_room(self, owner: str) -> None:
        """Check whether another photo is taken.

        Raises:
            QueueFull, Draining: nothing more is taken now.
        """
        if self._drags.draining:
            raise Draining("draglab is about to end and takes no new photos: try again when it is back")
        for count, limit, limits in (
            (self._turns.count(owner), "photo_jobs_waiting_per_person", self._limits_of(owner)),
            (len(self._turns), "photo_jobs_waiting", self._limits),
        ):
            if count >= getattr(limits, limit):
                self.refused += 1
                problem = f"{count} photos wait (limit {limit!a}): wait for one to end, or cancel one"
                raise QueueFull(problem, RETRY_SECONDS)

    def add(self, owner: str, key: str | None, sent: SentPhoto, files: Unfinished) -> PhotoStatus:
        """Add a photo that was written, which is found again after a restart when this returns.

        Raises:
            QueueFull, Draining: nothing more is taken now.
            DraglabError: its record cannot be written.
        """
        from draglab.server.api_photo_store import PhotoRecord

        self.check_room(owner)
        height, width = sent.size
        status = PhotoStatus(
            id=files.file, model=sent.model, name=sent.name, state="waiting", width=width, height=height,
            frame=sent.frame, notes=[*sent.notes], created=time.time(),
        )  # fmt: skip
        record = PhotoRecord(owner=owner, key=key, plan=files.plan, status=status, bytes=len(sent.data))
        self._store().keep(record)
        self._records[status.id] = record
        self._turns.add(owner, status.id)
        self._start_next()
        return self._shown(record)

    def cancel(self, id: str, owner: str) -> PhotoStatus | None:
        """End a person's photo, or forget it if it has ended, and return its status; None if there is no such photo."""
        record = self._records.get(id)
        if record is None or record.owner != owner:
            return None
        if record.status.state in ENDED:
            self._forget(record)
            return record.status
        self._turns.remove(owner, id)
        if (job := self._running.get(id)) is not None:
            # It removes its own files after its step.
            job.cancel()
        self._end(record, "cancelled")
        return record.status

    def expire(self) -> None:
        """Forget the photos that ended longer than `drag_days` ago."""
        before = time.time() - self._limits.drag_days * 24 * 3600
        for record in [each for each in self._records.values() if (each.status.ended or before) < before]:
            self._forget(record)

    def close(self) -> None:
        """Put what runs back among what waits, for the next server."""
        for id, job in self._running.items():
            record = self._records[id]
            record.starts -= job is not None
            record.change(state="waiting")
            self._keep(record)

    def _store(self) -> PhotoStore:
        if self._opened is None:
            from draglab.server.api_photo_store import PhotoStore

            self._opened = PhotoStore(self._folder())
        return self._opened

    def _start_next(self) -> None:
        """Begin waiting photos while there is room."""
        while not self._drags.draining and len(self._running) < self._limits.photo_jobs:
            if (id := self._turns.take()) is None:
                return
            record = self._records[id]
            record.change(state="running")
            self._running[id] = None
            # A call, which waits where the model is not loaded yet.
            self._worker.call(lambda record=record: self._begin(record))

    def _begin(self, record: PhotoRecord) -> None:
        id = record.status.id
        if id not in self._running:
            return  # cancelled
        try:
            generator: Generator = self._loaded.get(record.plan.model)
        except DraglabError as error:
            self._end(record, "failed", str(error))
            return
        record.starts += 1
        self._keep(record)
        folder = self._store().folder
        job = PhotoJob(record.owner, id, record.plan, folder, generator, None, self._changed, self._finished)
        self._running[id] = job
        self._inverter.add(job)

    def _changed(self, job: PhotoJob) -> None:
        """Note that a job has failed; called on the inverter's thread."""
        if job.view.state == "failed":
            self._worker.call(lambda: self._settle(job, None))

    def _finished(self, job: PhotoJob, photo: InvertedPhoto) -> None:
        """Take a result, whose file is written; called on the inverter's thread."""
        self._worker.call(lambda: self._settle(job, photo))

    def _settle(self, job: PhotoJob, photo: InvertedPhoto | None) -> None:
        from draglab.editor.photo import PhotoStart, StoredPhoto
        from draglab.media.edit_file import WPlusStart

        id, store = job.view.photo, self._store()
        if self._running.get(id) is not job:
            # Cancelled in the meantime.
            store.file(id).unlink(missing_ok=True)
            if job.unfinished is not None:
                job.unfinished.remove()
            return
        record = self._records[id]
        if photo is None:
            self._end(record, "failed", job.view.error)
            return
        self._loaded.adopt(StoredPhoto(store.file(id), record.plan.model), photo.generator)
        record.start = WPlusStart.from_array(photo.w_plus[0].detach().float().cpu().numpy())
        record.bytes = store.file(id).stat().st_size
        told = PhotoStart.of(id, record.plan.name, record.plan.kind, photo.pixels.shape[:2], photo.quality)
        record.change(figures=told.figures, verdict=told.verdict, lpips=photo.quality.lpips)
        self._end(record, "finished")

    def _end(self, record: PhotoRecord, state: State, error: str | None = None) -> None:
        store, id = self._store(), record.status.id
        job = self._running.pop(id, None)
        record.change(state=state, error=error, ended=time.time())
        self.ended[state] += 1
        self._keep(record)
        if state == "finished":
            store.unfinished(record).remove()
        elif job is None or state == "failed":
            store.remove_files(record)
        if state != "finished":
            record.bytes = 0
        status = record.status
        seconds = round((status.ended or 0.0) - status.created, 3)
        logger.info("photo ended", extra={"facts": {"photo": id, "state": state, "seconds": seconds}})
        self._trim(record.owner)
        self._start_next()

    def _keep(self, record: PhotoRecord) -> None:
        try:
            self._store().keep(record)
        except DraglabError as error:
            logger.error("what became of a photo could not be kept: %s", error)

    def _forget(self, record: PhotoRecord) -> None:
        del self._records[record.status.id]
        self._store().forget(record)

    def _trim(self, owner: str) -> None:
        """Forget the oldest photos beyond what is kept: of this person, then of the one whose photos are largest."""
        ended = [record for record in self._records.values() if record.status.state in ENDED]
        ended.sort(key=lambda record: record.status.ended or 0.0)
        mine = [record for record in ended if record.owner == owner]
        for record in mine[: max(len(mine) - self._limits_of(owner).photos_kept_per_person, 0)]:
            self._forget(record)
            ended.remove(record)
        # The latest result stays, however large it is.
        while len(ended) > 1 and sum(record.bytes for record in ended) > self._limits.photos_kept_bytes:
            sizes: dict[str, int] = {}
            for record in ended:
                sizes[record.owner] = sizes.get(record.owner, 0) + record.bytes
            largest = max(sizes, key=lambda person: sizes[person])
            record = next(each for each in ended if each.owner == largest and each.bytes > 0)
            self._forget(record)
            ended.remove(record)

    def _shown(self, record: PhotoRecord) -> PhotoStatus:
        """Return the status of a photo with its position, or how far it is."""
        status = record.status
        if status.state == "waiting":
            return replace(status, position=self._turns.position(record.owner, status.id))
        if status.state == "running" and (job := self._running.get(status.id)) is not None:
            view = job.view
            return replace(
                status, stage=_STAGES.get(view.state), step=view.step, total=view.total, lpips=view.lpips,
                seconds_left=view.seconds_left,
            )  # fmt: skip
        return status
