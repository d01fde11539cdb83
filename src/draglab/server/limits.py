"""How much the server takes from its clients: every limit by name."""

from dataclasses import dataclass, fields, replace

from draglab.errors import DraglabError


@dataclass(frozen=True)
class Limits:
    """Limits of the server; docs/server.md says what happens beyond each.

    Attributes:
        message_bytes: one message of the websocket, one JSON body of the API.
        upload_bytes: an uploaded edit file.
        uploads: edit files and requests of programs that are received and read at once, of one person; others wait.
        values: numbers, texts and names in an uploaded edit file or a program's request.
        rounds: of an uploaded edit file, which are checked in one go.
        points: handles in one image. settings: names in one message.
        mask_pixels: width times height of a mask's picture, checked before it is decoded. edit_mask_pixels: of all
            different masks of an uploaded edit file together.
        picture_height: what a client may ask to be shown, in pixels; larger wishes are cut to it.
        seeds: pictures asked for in one message.
        connections: of all kinds at once; fewer where the system gives a process few file descriptors.
        waiting, waiting_per_address: connections that have not said what they want, a request or a hello, in all and of
            one address; beyond it the oldest is closed.
        header_seconds: for a request's headers. body_seconds: for its body. send_seconds: for a client that has stopped
            reading.
        clients, clients_per_person: websockets that have said hello, in all and of one person of a shared server.
        sessions_per_client, sessions: sessions in memory, of one owner and in all. Those that nobody looks at and that
            do nothing are put away first; they stay in the data folder.
        journals: files of saved sessions that are open although their person has no session in memory.
        pending: commands of one client that wait for the worker; beyond it, nothing more is read from that client.
        unsent: messages and pictures that wait for one client to read them; beyond it, the client is disconnected.
        frame_rate: live pictures a second and client.
        live_pictures: live pictures under way to a client that has not said that it has drawn them.
        hello_seconds: how long a new websocket may stay silent.
        exports: exports of one client that are being made or wait to be fetched. export_seconds: how long they wait.
        generators: models in memory; the one that was used least recently is dropped.
        drags, drags_per_person: drags of programs that run at once, in all and of one person. drags_kept: drags of
            programs that can be asked for.
        drag_steps: max_steps of a program's drag.
    """

    message_bytes: int = 8 * 2**20
    upload_bytes: int = 16 * 2**20
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
    generators: int = 3
    drags: int = 16
    drags_per_person: int = 8
    drags_kept: int = 64
    drag_steps: int = 10_000

    def changed(self, texts: list[str]) -> "Limits":
        """With some of them changed, given as "name=value".

        Raises:
            DraglabError: another form, no such limit, or a value that is not a positive number of its kind.
        """
        kinds: dict[str, type[int] | type[float]] = {
            field.name: float if isinstance(field.default, float) else int for field in fields(self)
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
