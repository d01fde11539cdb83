"""Limits of the server, by name."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace

from draglab.errors import DraglabError


@dataclass(frozen=True)
class Limits:
    """Limits of the server; docs/server.md says what happens beyond each.

    Attributes:
        message_bytes: size of a websocket message, and of a JSON body of the API.
        upload_bytes: size of an uploaded edit file.
        photo_bytes, photo_file_bytes: size of an uploaded photo, and of the file of an inverted one.
        photo_pixels: width times height of a photo, checked before it is decoded.
        photos_per_person: number of photos of one person that are not finished. photos: number of opened photos, and
            of those under way, of all people.
        uploads: number of files of the page that are received and parsed at once for one person; further ones wait.
        values: number of values (numbers, texts, names) in an uploaded edit file or a program's request.
        rounds: number of rounds in an uploaded edit file.
        points: number of handles in an image. settings: number of settings in a message.
        mask_pixels: width times height of a mask, checked before it is decoded. edit_mask_pixels: sum over the
            different masks of an uploaded edit file.
        picture_height: height of the pictures for a client; larger requests are reduced to it.
        seeds: number of pictures requested in a message.
        connections: number of connections of all kinds; lower if the system allows few open files.
        waiting, waiting_per_address: number of connections that have not sent a request or hello yet, in total and for
            one address; beyond it, the oldest of them is closed.
        header_seconds: time for a request's headers. body_seconds: time for its body. send_seconds: time for a client
            that has stopped reading.
        clients, clients_per_person: number of websockets that have said hello, in total and for one person of a shared
            server.
        sessions_per_client, sessions: number of sessions in memory, for one person and in total. Idle sessions without
            viewers are put away first; they stay in the data folder.
        journals: number of open journals whose person has no session in memory.
        pending: number of a client's commands that wait for the worker; beyond it, no more is read from the client.
        unsent: number of messages and pictures that wait for a client; beyond it, the client is disconnected.
        frame_rate: live pictures per second for a client.
        live_pictures: number of live pictures sent to a client that it has not drawn yet.
        hello_seconds: time for a new websocket to say hello.
        exports: number of a person's exports that are being made or wait for their download. export_seconds: time for
            that download. stitched: number of exports of photos that are stitched at once, each with a copy of its
            model.
        transfer_seeds: number of seeds in a request to do an edit to other seeds. transfer_results: number of results
            of one page, and of sessions in an export of several.
        generators: number of models in memory; the least recently used one is dropped.
        drags, drags_per_person: number of drags of programs that run at once, in total and for one person.
        drags_waiting, drags_waiting_per_person: number of those that wait for that.
        drags_kept, drags_kept_per_person: number of those that have ended and are kept; drag_days: for how long.
        drag_bytes, drag_bytes_per_person: size on disk of all of these.
        drag_steps: max_steps of a program's drag, of all its rounds together.
        drag_edit_bytes: size of an edit file that a program sends.
        drag_uploads: number of bodies of programs that are received and parsed at once for one person; further ones
            wait.
        photo_jobs: number of photos of programs that are inverted at once. photo_jobs_waiting,
            photo_jobs_waiting_per_person: number of those that wait for that.
        photos_kept_per_person: number of those that have ended and are kept; photos_kept_bytes: size of their files, of
            all people.
        event_streams, event_streams_per_person: number of streams of events, in total and for one person.
        drain_seconds: time for what runs to end after SIGTERM.
    """

    message_bytes: int = 8 * 2**20
    upload_bytes: int = 16 * 2**20
    photo_bytes: int = 64 * 2**20
    photo_file_bytes: int = 256 * 2**20
    photo_pixels: int = 50_000_000
    photos_per_person: int = 4
    photos: int = 8
    uploads: int = 4
    values: int = 200_000
    rounds: int = 500
    points: int = 100
    settings: int = 100
    mask_pixels: int = 4096 * 4096
    edit_mask_pixels: int = 32 * 2**20
    picture_height: int = 4096
    seeds: int = 200
    connections: int = 512
    waiting: int = 128
    waiting_per_address: int = 64
    header_seconds: float = 10.0
    body_seconds: float = 60.0
    send_seconds: float = 30.0
    clients: int = 32
    clients_per_person: int = 16
    sessions_per_client: int = 8
    sessions: int = 32
    journals: int = 8
    pending: int = 64
    unsent: int = 1000
    frame_rate: float = 30.0
    live_pictures: int = 2
    hello_seconds: float = 10.0
    exports: int = 4
    export_seconds: float = 600.0
    stitched: int = 2
    transfer_seeds: int = 24
    transfer_results: int = 240
    generators: int = 3
    drags: int = 4
    drags_per_person: int = 2
    drags_waiting: int = 4000
    drags_waiting_per_person: int = 1000
    drags_kept: int = 10_000
    drags_kept_per_person: int = 1000
    drag_days: float = 7.0
    drag_bytes: int = 4 * 2**30
    drag_bytes_per_person: int = 512 * 2**20
    drag_steps: int = 10_000
    drag_edit_bytes: int = 16 * 2**20
    drag_uploads: int = 4
    photo_jobs: int = 2
    photo_jobs_waiting: int = 64
    photo_jobs_waiting_per_person: int = 16
    photos_kept_per_person: int = 20
    photos_kept_bytes: int = 8 * 2**30
    event_streams: int = 128
    event_streams_per_person: int = 16
    drain_seconds: float = 20.0

    def changed(self, texts: Iterable[str], names: Collection[str] | None = None) -> "Limits":
        """Return the limits with changes, given as "name=value".

        Args:
            names: names of the limits that may be changed; None = all.

        Raises:
            DraglabError: a text has another form or names no limit, or its value is not a positive number of its kind.
        """
        kinds: dict[str, type[int] | type[float]] = {
            field.name: float if isinstance(field.default, float) else int
            for field in fields(self)
            if names is None or field.name in names
        }
        changes = {}
        for text in texts:
            name, _, value = text.partition("=")
            if name not in kinds:
                raise DraglabError(f"there is no limit {name!a}: known are {', '.join(kinds)}")
            try:
                number = kinds[name](value)
            except ValueError:
                number = 0
            if not 0 < number < 2**53:
                kind = "whole number" if kinds[name] is int else "number"
                raise DraglabError(f"limit {text!a} cannot be used: give a {kind} above 0, as in {name}=10")
            changes[name] = number
        return replace(self, **changes)
