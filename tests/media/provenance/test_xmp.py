"""Packets: what is written is what others read, and what others write is read within bounds."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from draglab.media.edit_file import load_edit_file, save_edit_file
from draglab.media.provenance.origin import (
    EDITED,
    MOST_EDITS,
    Origin,
    RoundNote,
    drawn,
    edited,
    edited_by,
    generated,
    public_name,
)
from draglab.media.provenance.xmp import MAX_DEPTH, TEXT_LIMIT, XMP_LIMIT, Statement, packet_of, read_packet

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=40)
SETTINGS = st.dictionaries(TEXTS, st.one_of(st.booleans(), st.integers(-9, 9), st.floats(-9, 9), TEXTS, st.none()))
ORIGINS = st.builds(
    Origin,
    source=st.sampled_from(["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "dataDrivenMedia"]),
    description=TEXTS,
    model=st.one_of(st.none(), TEXTS),
    model_sha256=st.sampled_from([None, "a" * 64]),
    seed=st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    photo=st.booleans(),
    dragged=st.booleans(),
    rounds=st.integers(0, 9),
    edits=st.lists(st.builds(RoundNote, points=st.integers(0, 9), settings=SETTINGS), max_size=3).map(tuple),
)


@given(ORIGINS)
def test_what_is_written_is_read(origin):
    statement = read_packet(packet_of(origin))
    assert statement is not None and statement.origin == origin
    assert statement.source == origin.uri
    assert statement.description == origin.description.strip()


@given(ORIGINS)
def test_another_reader_of_xml_finds_the_source_by_the_names_of_iptc(origin):
    root = ElementTree.fromstring(packet_of(origin))
    found = root.findall(".//{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert [one.text for one in found] == [origin.uri]
    text = root.find(
        ".//{http://purl.org/dc/elements/1.1/}description//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
    )
    assert text is not None and (text.text or "") == origin.description


def test_the_same_origin_gives_the_same_bytes_and_no_time():
    origin = generated("heads", "a" * 64, 7)
    assert packet_of(origin) == packet_of(origin)
    assert b"Date" not in packet_of(origin) and b"InstanceID" not in packet_of(origin)


@pytest.mark.parametrize(
    "inside",
    [
        '<rdf:Description xmlns:q="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" q:DigitalSourceType="{}"/>',
        '<rdf:Description xmlns:q="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        '<q:DigitalSourceType rdf:resource="{}"/></rdf:Description>',
        '<rdf:Description xmlns:q="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        "<q:DigitalSourceType>{}</q:DigitalSourceType></rdf:Description>",
    ],
)
def test_what_other_programs_write_is_read(inside):
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    packet = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">{inside.format(TRAINED)}</rdf:RDF></x:xmpmeta>'
    )
    assert read_packet(packet.encode()) == Statement(source=TRAINED)
    assert read_packet(b"\n" + packet.encode() + b"\0\0") == Statement(source=TRAINED)


BOMB = """<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;&c;&c;</a>"""


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"no XML",
        b"<a>",
        b"\xff\xfe\x00",
        BOMB.encode(),
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" + b" " * XMP_LIMIT + b"</a>",
    ],
)
def test_what_is_no_packet_is_refused(packet):
    assert read_packet(packet) is None


def test_long_texts_are_cut_and_a_broken_origin_is_none():
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    names = 'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:d="urn:draglab:provenance:1#"'
    for broken in ("[" * 50_000, '{"source": "other"}', "{"):
        packet = f"<r {rdf} {names}><xmp:CreatorTool>{'x' * 9000}</xmp:CreatorTool><d:Origin>{broken}</d:Origin></r>"
        statement = read_packet(packet.encode())
        assert statement == Statement(tool="x" * TEXT_LIMIT)


def test_names_of_public_models_are_told_and_no_others():
    assert public_name("heads") == "heads"
    assert public_name("ffhq-1024-mobile") == "ffhq-1024-mobile"
    for own in ("/data/anna/anna.pkl", "anna.draglab", "anna", "../heads", "heads.safetensors"):
        assert public_name(own) is None
        origin = edited([], own, "b" * 64)
        assert origin.model is None and "anna" not in origin.model_dump_json()
        assert "anna" not in generated(own, None, 3).model_dump_json()


def test_an_edit_file_says_what_was_done(tmp_path):
    import numpy as np

    from draglab.media.edit_file import EditFile, ModelReference, Round, SeedStart

    one = Round.from_arrays(np.zeros((2, 2)), np.ones((2, 2)), settings={"max_steps": 3})
    model = ModelReference(name=str(tmp_path / "holiday.draglab"), sha256="c" * 64)
    save_edit_file(tmp_path / "e.json", EditFile(model=model, start=SeedStart(seed=5), rounds=[one] * (MOST_EDITS + 4)))
    origin = edited_by(load_edit_file(tmp_path / "e.json"))
    assert (origin.source, origin.photo, origin.seed, origin.dragged) == ("trainedAlgorithmicMedia", True, 5, True)
    assert (origin.rounds, len(origin.edits)) == (MOST_EDITS + 4, MOST_EDITS)
    assert origin.edits[0] == RoundNote(points=2, settings={"max_steps": 3})
    assert "holiday" not in origin.model_dump_json()
    assert (
        edited_by(load_edit_file(tmp_path / "e.json"), put_back=True).source == "compositeWithTrainedAlgorithmicMedia"
    )
    # The most that a file can say fits into a segment of a JPEG.
    settings = {f"name_{number}": "x" * 30 for number in range(30)}
    most = edited([(1, settings)] * 20, "heads", "d" * 64)
    assert len(packet_of(most)) < 65_000


def test_sources():
    assert generated("heads", None).uri == TRAINED
    assert edited([], "heads", None).description == EDITED
    assert drawn("A map.").uri.endswith("/dataDrivenMedia")
