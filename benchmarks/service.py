"""Load on the API's queue: many clients, a kill -9 in the middle, stops under load.

    python -m benchmarks.service [--clients 64] [--drags 1000] [--model tiny] [--max-steps 10]

Starts `draglab edit` with a named token for each client. All clients queue their drags at once; when half of these have
ended, the server is killed and started again. Printed are how many drags were accepted, ended and lost, how fairly
clients were served, and how long stops took. The exit code is 1 if a drag was lost, clients
were served unfairly, or a stop took longer than the longest step and the longest request for a status together.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from draglab.server.tokens import hash_of

FAIR = 0.9
"""Least share of the best served client's rate that every client must get."""
STOPS = 20
POINTS = {
    "tiny": [{"handle": [24, 30], "target": [39.37, 33.21]}],
    "heads": [{"handle": [93, 125], "target": [118, 125]}],
}


@dataclass
class Client:
    """A program with a token of its own: it queues its drags, and knows those that were accepted."""

    number: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    accepted: list[str] = field(default_factory=list)
    refused: int = 0
    unanswered: int = 0
    """Number of requests that were sent again because the server was killed before it answered."""


class Service:
    """The server's process."""

    def __init__(self, folder: Path, clients: Sequence[Client], limits: Sequence[str]) -> None:
        self._folder = folder
        tokens = [f'[tokens.client-{each.number}]\nsha256 = "{hash_of(each.token)}"\n' for each in clients]
        (folder / "tokens.toml").write_text("\n".join(tokens))
        self._token = secrets.token_urlsafe(32)
        self._limits = [part for limit in limits for part in ("--limit", limit)]
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> float:
        """Start, at the former port if there was one, and return the seconds until it can be reached."""
        began = time.monotonic()
        command = [sys.executable, "-c", "from draglab.cli.main import run; run()", "edit", "--no-browser"]
        command += ["--port", str(self.port), "--token", self._token, "--tokens", str(self._folder / "tokens.toml")]
        command += ["--models", str(self._folder / "models"), "--data", str(self._folder / "data"), *self._limits]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"127\.0\.0\.1:(\d+)/", line):
                self.port = int(found.group(1))
                return time.monotonic() - began
        raise SystemExit("the server did not start")

    def kill(self) -> None:
        """End the process with kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def ask(
        self, method: str, path: str, content: Any = None, token: str | None = None, key: str | None = None
    ) -> tuple[int, dict, float]:
        """Return status code, answer and the seconds of `Retry-After`.

        Raises:
            OSError, http.client.HTTPException: there was no answer.
        """
        body = None if content is None else json.dumps(content).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {"Authorization": f"Bearer {token or self._token}"} | ({"Idempotency-Key": key} if key else {})
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data, wait = answer.read(), float(answer.headers.get("retry-after", 0))
        finally:
            connection.close()
        kind = answer.headers.get_content_type()
        return answer.status, json.loads(data) if kind == "application/json" else {"data": data}, wait

    def metrics(self) -> dict[str, float]:
        """Return the metrics without labels, and as "longest_step" the limit of the bucket of the longest step."""
        text = self.ask("GET", "/metrics")[1]["data"].decode()
        found = {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}
        buckets = re.findall(r'^draglab_step_seconds_bucket{le="(\S+)"} (\S+)$', text, re.MULTILINE)
        whole = [limit for limit, count in buckets if float(count) == found["draglab_step_seconds_count"]]
        return {**found, "longest_step": float(whole[0])}


def queue(service: Service, client: Client, drags: Sequence[dict]) -> None:
    """Queue drags one after the other, each until it is accepted."""
    for number, drag in enumerate(drags):
        while True:
            try:
                status, answer, wait = service.ask("POST", "/api/v1/drags", drag, client.token, str(number))
            except (OSError, http.client.HTTPException):
                client.unanswered += 1
                time.sleep(0.2)
                continue
            if status == 201:
                client.accepted.append(answer["id"])
                break
            if status not in (429, 503):
                raise SystemExit(f"{status}: {answer}")
            client.refused += 1
            time.sleep(min(wait, 2.0))


def listed(service: Service, client: Client) -> dict[str, dict]:
    """Return the statuses of all drags of a client, by id."""
    found, before = {}, ""
    while True:
        path = f"/api/v1/drags?before={before}" if before else "/api/v1/drags"
        _, page, _ = service.ask("GET", path, token=client.token)
        found.update({each["id"]: each for each in page["drags"]})
        if (before := page["before"]) is None:
            return found


def ended_of(service: Service, clients: Sequence[Client]) -> list[int]:
    """Return the number of ended drags of each client."""
    return [
        sum(each["state"] not in ("waiting", "running") for each in listed(service, client).values())
        for client in clients
    ]


def stop_under_load(
    service: Service, client: Client, drag: dict, over: threading.Event
) -> tuple[list[float], list[float]]:
    """Return the seconds of stops of running drags, and of requests that wait for no step, for comparison.

    Ends after STOPS of them, or the one in which `over` is set.
    """
    endless = {**drag, "settings": {**drag["settings"], "max_steps": 10_000, "patience": None, "stop_distance": 1e-9}}
    stops, others = [], []
    while len(stops) < STOPS and not over.is_set():
        _, status, _ = service.ask("POST", "/api/v1/drags", endless, client.token)
        path = f"/api/v1/drags/{status['id']}"
        while status["state"] == "waiting" or (status["state"] == "running" and status["step"] < 2):
            time.sleep(0.02)
            began = time.perf_counter()
            _, status, _ = service.ask("GET", path, token=client.token)
            others.append(time.perf_counter() - began)
        began = time.perf_counter()
        _, status, _ = service.ask("DELETE", path, token=client.token)
        stops.append(time.perf_counter() - began)
        assert status["state"] == "cancelled", status
    return stops, others


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--drags", type=int, default=1000, help="of all clients together")
    parser.add_argument("--model", default="tiny", choices=list(POINTS), help="tiny = random weights, 64 px")
    parser.add_argument("--max-steps", type=int, default=10)
    parser.add_argument("--limit", action="append", default=[], help="as of draglab edit, for instance drags=8")
    args = parser.parse_args(arguments)
    # For the server: its steps and the clients share the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        clients = [Client(number) for number in range(args.clients)]
        stopper = Client(args.clients)
        service = Service(Path(folder), [*clients, stopper], args.limit)
        make_models(Path(folder) / "models")
        print(f"started in {service.start():.1f} s", flush=True)
        try:
            return measure(service, clients, stopper, args)
        finally:
            service.kill()


def make_models(folder: Path) -> None:
    """Write the model `tiny`."""
    import torch

    from draglab.checkpoints import save_generator
    from draglab.generators import StyleGAN2, StyleGAN2Config

    folder.mkdir()
    torch.manual_seed(0)
    config = StyleGAN2Config(z_dim=16, w_dim=16, img_resolution=64, channel_base=1024, channel_max=32)
    save_generator(StyleGAN2(config, name="tiny"), folder / "tiny.safetensors")


def measure(service: Service, clients: list[Client], stopper: Client, args: argparse.Namespace) -> int:
    """Run the load, print the figures, and return the exit code."""
    drag = {"model": args.model, "points": POINTS[args.model], "settings": {"max_steps": args.max_steps}}
    drag["settings"] |= {"stop_distance": 1e-9, "patience": None} if args.model == "tiny" else {}
    shares = [range(client.number, args.drags, len(clients)) for client in clients]
    drags = [[{**drag, "start": {"seed": seed}} for seed in share] for share in shares]
    # So that no client waits for the model.
    service.ask("POST", "/api/v1/generate", {"model": args.model}, stopper.token)

    began = time.time()
    threads = [threading.Thread(target=queue, args=(service, *pair)) for pair in zip(clients, drags, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    most = int(service.metrics()["draglab_drags_waiting"])
    refused, again = sum(each.refused for each in clients), sum(each.unanswered for each in clients)
    print(
        f"{len(clients)} clients queued {args.drags} drags in {time.time() - began:.1f} s: {refused} answers 429, "
        f"{again} sent again; {most} waited then",
        flush=True,
    )

    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(stop_under_load, service, stopper, {**drag, "start": {"seed": 1}}, over)
        while sum(half := ended_of(service, clients)) < args.drags // 2:
            time.sleep(0.2)
        over.set()
        stops, others = stopping.result()
    metrics = service.metrics()
    step = metrics["draglab_step_seconds_sum"] / metrics["draglab_step_seconds_count"]
    print(
        f"{len(stops)} stops under load: median {1000 * statistics.median(stops):.1f} ms, longest "
        f"{1000 * max(stops):.1f} ms; status: median {1000 * statistics.median(others):.1f} ms, longest "
        f"{1000 * max(others):.1f} ms; step: mean {1000 * step:.1f} ms, longest below "
        f"{1000 * metrics['longest_step']:.0f} ms",
        flush=True,
    )
    waiting = int(metrics["draglab_drags_waiting"])
    if not waiting:
        print("all drags had ended before the kill: give more of them", flush=True)
        return 1
    service.kill()
    print(
        f"killed after {sum(half)} drags, {min(half)} to {max(half)} of a client, while {waiting} waited; "
        f"again in {service.start():.1f} s",
        flush=True,
    )

    while sum(ended_of(service, clients)) < sum(len(client.accepted) for client in clients):
        time.sleep(0.5)
    lost, rates, steps = 0, [], 0
    for client in clients:
        found = listed(service, client)
        whole = [found[id] for id in client.accepted if id in found and found[id]["state"] == "finished"]
        lost += len(client.accepted) - len(whole)
        rates.append(len(whole) / (max(each["ended"] for each in whole) - began))
        steps += sum(each["step"] for each in whole)
    fairness = min(rates) / max(rates)
    seconds = max(len(client.accepted) for client in clients) / max(rates)
    print(
        f"{args.drags} drags and the restart in {time.time() - began:.1f} s: {lost} lost; "
        f"fairness (least to highest rate of a client) {fairness:.3f}",
        flush=True,
    )
    memory = service.metrics()["process_resident_memory_bytes"] / 2**20
    print(
        f"{args.drags / seconds:.1f} drags/s, {steps / seconds:.0f} kept steps/s; {memory:.0f} MiB of memory",
        flush=True,
    )
    late = max(stops) > metrics["longest_step"] + max(others)
    return 1 if lost or late or fairness < FAIR else 0


if __name__ == "__main__":
    sys.exit(main())
