"""Checkpoints of other programs: reading what they describe, never running what they carry.

Everything here uses the standard library alone and holds no tensors: it runs in a child process with limits
(child.py), which answers with a plan (plan.py) of where in the file each tensor lies.

That process starts whenever a file is opened, and common imports (dataclasses, enum, json, re, typing) would take
several times as long as Python's own start. So these modules do without: classes are plain, patterns are string
methods, and what only annotations need is imported under TYPE_CHECKING, which is False and defined on the spot.
"""
