"""What input of strangers may cost: seconds of the processor, bytes of memory."""

import json
import subprocess
import sys
from typing import Any

import pytest

from draglab.server.limits import Limits
from draglab.server.message_parser import ProtocolError, parse

MEASURE = """
import resource, sys, time
from pathlib import Path
from pydantic import TypeAdapter
from draglab.media.edit_file import parse_edit_file
from draglab.server.drags import DragRequest
from draglab.server.http import parse_body
from draglab.server.limits import Limits
from draglab.server.message_parser import parse

kind, limits = TypeAdapter(DragRequest), Limits()
read = {
    "message": lambda data: parse(data.decode(), limits),
    "edit file": parse_edit_file,
    "request": lambda data: parse_body(data, kind, limits.values),
}[sys.argv[1]]
data = sys.stdin.buffer.read()
read_once = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, began = read_once(), time.process_time()
try:
    read(data)
except Exception as error:
    problem = str(getattr(error, "detail", error))
else:
    problem = ""
print(time.process_time() - began, (read_once() - before) / 1024)
print(problem)
"""
ROUND = {"points": [{"handle": [1, 2], "target": [3, 4]}]}
EDIT = {"format": "draglab-edit", "version": 1, "model": {"name": "a", "sha256": "0" * 64}, "start": {"seed": 1}}


CASES = {
    "points that are zeros": ("message", {"type": "set_points", "points": "ZEROS", "done": True}),
    "seeds that are texts": ("message", {"type": "seeds", "seeds": "TEXTS", "height": 1}),
    "rounds that are zeros": ("edit file", {**EDIT, "rounds": "ZEROS"}),
    "points of a round": ("edit file", {**EDIT, "rounds": [{"points": "ZEROS"}]}),
    "a class vector of texts": ("edit file", {**EDIT, "start": {"class_vector": "TEXTS"}, "rounds": [ROUND]}),
    "fields that are unknown": ("edit file", {**EDIT, "rounds": [{**ROUND, "OBJECT": 1}]}),
    "targets": ("edit file", {**EDIT, "rounds": [{**ROUND, "moved": [{"after": 1, "targets": "ZEROS"}]}]}),
    "points of a request": ("request", {"start": {"seed": 1}, "points": "ZEROS"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_few_megabytes_take_a_moment(name):
    """Pydantic would collect an error for each element: 4 seconds and 800 MB for a megabyte of zeros."""
    kind, content = CASES[name]
    text = json.dumps(content)
    text = text.replace('"ZEROS"', "[" + ",".join(["0"] * 900_000) + "]")
    text = text.replace('"TEXTS"', "[" + ",".join(['"0"'] * 900_000) + "]")
    text = text.replace('"OBJECT": 1', ",".join(f'"{n}":0' for n in range(400_000)))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, kind], input=text.encode(), stdout=subprocess.PIPE, check=True
    )
    numbers, problem = done.stdout.decode().split("\n")[:2]
    seconds, megabytes = map(float, numbers.split())
    assert problem
    assert seconds < 1.5, problem
    assert megabytes < 250, problem


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"type": "seeds", "seeds": [' + "1," * 100_000])
def test_a_message_of_very_many_parts_is_not_parsed(text):
    with pytest.raises(ProtocolError, match="values"):
        parse(text, Limits())


def test_a_message_of_all_that_the_limits_allow_is_parsed():
    limits = Limits(points=2000)
    point = {"id": 1, "handle": [1.5, 2.5], "target": [3.5, 4.5]}
    points: Any = parse(json.dumps({"type": "set_points", "points": [point] * 2000, "done": True}), limits)
    seeds: Any = parse(json.dumps({"type": "seeds", "seeds": [1] * 200, "height": 9}), Limits())
    assert (len(points.points), len(seeds.seeds)) == (2000, 200)
