"""Endpoints for those who operate the server: whether it lives, whether it is ready, and metrics."""

from __future__ import annotations

import threading

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from draglab.server.drags import Drags
from draglab.server.http import require_program
from draglab.server.metrics import Metrics
from draglab.server.security import Access
from draglab.server.worker import Worker

_FRESH = {"Cache-Control": "no-store"}


class Health:
    """The endpoints. The first two need no token and tell nothing but a word.

    Args:
        ready: set when the default model is loaded.
    """

    def __init__(self, worker: Worker, drags: Drags, access: Access, ready: threading.Event, metrics: Metrics) -> None:
        self._worker, self._drags, self._access = worker, drags, access
        self._ready, self._metrics = ready, metrics

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/healthz", self.health, methods=["GET"]),
            Route("/readyz", self.readiness, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def health(self, request: Request) -> Response:
        """Answer 200 while the server works; 503 if it must be started anew."""
        return _answer("ok" if self._worker.alive else "failed")

    async def readiness(self, request: Request) -> Response:
        """Answer 200 if new work is taken; 503 while models load, and while the server drains."""
        if self._drags.draining:
            return _answer("draining")
        return _answer("ok" if self._ready.is_set() and self._worker.alive else "loading")

    async def metrics(self, request: Request) -> Response:
        """Answer with the metrics, in the format of Prometheus.

        On a server without a token, to everybody on this machine, as the page; else to those with the token, or with a
        named one that has the right "metrics".
        """
        if self._access.shared:
            require_program(request, self._access, "metrics")
        text, kind = self._metrics.text(request.headers.get("accept", ""))
        return Response(text, headers={**_FRESH, "Content-Type": kind})


def _answer(word: str) -> Response:
    return JSONResponse({"status": word}, 200 if word == "ok" else 503, _FRESH)
