"""Checks of a download's addresses: https only, and redirects only to hosts that belong to the publisher."""

from __future__ import annotations

from collections.abc import Sequence
from http.client import HTTPMessage
from typing import IO
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from draglab.errors import DraglabError
from draglab.public_models.catalogue import LOCAL_HOSTS

_ADVICE = "if you trust that address, fetch the file by hand as docs/models.md says"


def check_address(url: str, local_http: bool = False) -> None:
    """Refuse an address that is not https.

    Args:
        local_http: allow plain http to this machine, for tests.

    Raises:
        DraglabError: the address is not https.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (local_http and parts.scheme == "http" and parts.hostname in LOCAL_HOSTS):
        return
    raise DraglabError(f"{url} is not an https address: draglab does not download over an unprotected connection")


def check_redirect(source: str, target: str, domains: Sequence[str], local_http: bool = False) -> None:
    """Refuse a redirect that leaves https or the publisher.

    Args:
        source: the model's address in the list. target: the address that the server redirects to.
        domains: domains that the server may redirect to, besides its own; subdomains are included.

    Raises:
        DraglabError: the redirect must not be followed.
    """
    host, home = urlsplit(target).hostname or "", urlsplit(source).hostname or ""
    try:
        check_address(target, local_http)
    except DraglabError:
        raise DraglabError(
            f"{home} redirects to {_short(target)}, which is not https: not followed; {_ADVICE}"
        ) from None
    if host != home and not any(host == domain or host.endswith(f".{domain}") for domain in domains):
        raise DraglabError(
            f"{home} redirects to {host}, which draglab does not know as one of its hosts: not followed; {_ADVICE}"
        )


def opener(source: str, domains: Sequence[str], local_http: bool) -> OpenerDirector:
    """Make an opener for ``source``: the system's certificates, the environment's proxies, checked redirects."""

    class Redirects(HTTPRedirectHandler):
        def redirect_request(
            self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
        ) -> Request | None:
            check_redirect(source, newurl, domains, local_http)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return build_opener(Redirects)


def _short(url: str) -> str:
    """Return an address without its query, which is long in signed addresses."""
    return url.partition("?")[0]
