"""XMP packets: writing those of an `Origin`, and bounded reading of anybody's.

Adobe, XMP Specification Part 1 (ISO 16684-1); IPTC Photo Metadata Standard 2025.1 for `DigitalSourceType`,
`AISystemUsed` and `AISystemVersionUsed`. A packet holds no times, so that the same image gives the same file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import escape

from pydantic import ValidationError

from draglab._version import __version__
from draglab.media.provenance.origin import Origin

XMP_LIMIT = 1 << 20
"""Largest packet that is read, in bytes."""
MAX_DEPTH = 64
"""Deepest nesting of elements that is read."""
TEXT_LIMIT = 2000
"""Most characters of a property that are kept; draglab's own property has a limit of its own."""
ORIGIN_LIMIT = 1 << 16

_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_OWN = "urn:draglab:provenance:1#"

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="{rdf}">
<rdf:Description rdf:about="" xmlns:dc="{dc}" xmlns:xmp="{xmp}" xmlns:Iptc4xmpExt="{iptc}" xmlns:draglab="{own}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
<xmp:CreatorTool>{tool}</xmp:CreatorTool>
<Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>
<Iptc4xmpExt:AISystemUsed>{system}</Iptc4xmpExt:AISystemUsed>
<Iptc4xmpExt:AISystemVersionUsed>{version}</Iptc4xmpExt:AISystemVersionUsed>
<draglab:Origin>{origin}</draglab:Origin>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

_PROPERTIES = {
    f"{_DC} description": "description",
    f"{_XMP} CreatorTool": "tool",
    f"{_IPTC} DigitalSourceType": "source",
    f"{_IPTC} AISystemUsed": "system",
    f"{_IPTC} AISystemVersionUsed": "version",
    f"{_OWN} Origin": "origin",
}


@dataclass(frozen=True)
class Statement:
    """What an XMP packet says; "" = nothing.

    Attributes:
        source: digital source type, a URI of IPTC if the writer keeps to the standard. description: for people.
        tool: the program. system, version: the AI system. origin: what draglab itself wrote; None = nothing readable.
    """

    source: str = ""
    description: str = ""
    tool: str = ""
    system: str = ""
    version: str = ""
    origin: Origin | None = None


def packet_of(origin: Origin) -> bytes:
    """Return the XMP packet of an origin, UTF-8."""
    model = f", model {origin.model}" if origin.model else ""
    drawing = origin.source == "dataDrivenMedia"
    values = {
        "description": origin.description,
        "tool": f"draglab {__version__}",
        "source": origin.uri,
        "system": "" if drawing else f"draglab{model}",
        "version": f"model SHA-256 {origin.model_sha256}" if origin.model_sha256 else "",
        "origin": json.dumps(origin.model_dump(exclude_defaults=True), ensure_ascii=False, sort_keys=True),
    }
    text = _PACKET.format(
        rdf=_RDF, dc=_DC, xmp=_XMP, iptc=_IPTC, own=_OWN, **{name: escape(value) for name, value in values.items()}
    )
    empty = {"<Iptc4xmpExt:AISystemUsed></Iptc4xmpExt:AISystemUsed>\n"}
    empty.add("<Iptc4xmpExt:AISystemVersionUsed></Iptc4xmpExt:AISystemVersionUsed>\n")
    for line in empty:
        text = text.replace(line, "")
    return text.encode("utf-8")


def read_packet(packet: bytes) -> Statement | None:
    """Read a packet of anybody; None: it is too large, damaged, too deep, or has a document type, which XMP has not."""
    if len(packet) > XMP_LIMIT:
        return None
    reader = _Reader()
    try:
        reader.parser.Parse(packet.rstrip(b"\0"), True)
    except (expat.ExpatError, _Refused, ValueError):
        return None
    values = {name: "".join(parts).strip() for name, parts in reader.found.items()}
    origin = _origin(values.pop("origin", ""))
    return Statement(**values, origin=origin)


class _Refused(Exception):
    pass


class _Reader:
    """Collects the texts of known properties, whether written as elements, attributes or references."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}
        self._depth = 0
        self._within: tuple[str, int] | None = None
        self._length = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Refused
        if name == f"{_RDF} Description":
            for key, value in attributes.items():
                if key in _PROPERTIES:
                    self._keep(_PROPERTIES[key], value)
        if self._within is None and name in _PROPERTIES and _PROPERTIES[name] not in self.found:
            self._within = (_PROPERTIES[name], self._depth)
            self._keep(_PROPERTIES[name], attributes.get(f"{_RDF} resource", ""))

    def _end(self, name: str) -> None:
        if self._within is not None and self._within[1] == self._depth:
            self._within = None
        self._depth -= 1

    def _text(self, text: str) -> None:
        if self._within is not None:
            self._keep(self._within[0], text)

    def _keep(self, name: str, text: str) -> None:
        parts = self.found.setdefault(name, [])
        limit = ORIGIN_LIMIT if name == "origin" else TEXT_LIMIT
        parts.append(text[: max(limit - sum(map(len, parts)), 0)])
        self.found[name] = ["".join(parts)]

    def _refuse(self, *_: object) -> None:
        raise _Refused


def _origin(text: str) -> Origin | None:
    try:
        return Origin.model_validate_json(text) if text else None
    except (ValidationError, RecursionError):
        return None
