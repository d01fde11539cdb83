"""What exported files must carry, checked by c2pa's own reader; the fixtures `signing` and `signed` are beside it."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any

from draglab.media.provenance.containers import MIME, Found, find
from draglab.media.provenance.origin import SOURCES, Origin
from draglab.media.provenance.xmp import read_packet


def found_in(data: bytes) -> Found:
    found = find(io.BytesIO(data))
    assert found is not None
    return found


def origin_in(data: bytes) -> Origin:
    """The origin that a file's XMP states."""
    xmp = found_in(data).xmp
    assert xmp is not None
    statement = read_packet(xmp)
    assert statement is not None and statement.origin is not None
    assert statement.source == statement.origin.uri
    return statement.origin


def validated(data: bytes) -> tuple[str | None, list[str], dict[str, Any]]:
    """What c2pa's reader says: the state, the codes of what is wrong, the manifest."""
    import c2pa

    mime = MIME[found_in(data).kind]
    with c2pa.Reader(mime, io.BytesIO(data)) as reader:
        results = reader.get_validation_results() or {}
        codes = [one["code"] for one in results.get("activeManifest", {}).get("failure", [])]
        return reader.get_validation_state(), codes, reader.get_active_manifest() or {}


def actions_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    assertions = {one["label"]: one["data"] for one in manifest["assertions"]}
    return assertions["c2pa.actions.v2"]["actions"]


def accepted(data: bytes, source: str, photo: bool = False) -> Origin:
    """Check that a file states a source and, where c2pa is installed, that its reader accepts it; return its origin."""
    origin = origin_in(data)
    assert origin.source == source and origin.photo == photo
    if find_spec("c2pa") is None:
        return origin
    state, codes, manifest = validated(data)
    assert (state, codes) == ("Valid", ["signingCredential.untrusted"])
    actions = actions_of(manifest)
    assert [one["action"] for one in actions[:1]] == [
        "c2pa.opened" if source.startswith("composite") else "c2pa.created"
    ]
    assert {one["digitalSourceType"] for one in actions if "digitalSourceType" in one} == {SOURCES + source}
    assert len(manifest.get("ingredients", [])) == photo
    assert "thumbnail" not in manifest and "title" not in manifest
    return origin
