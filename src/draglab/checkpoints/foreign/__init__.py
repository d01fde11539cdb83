"""Readers of other programs' checkpoints; nothing that a file contains is run.

Everything here uses the standard library alone and holds no tensors: it runs in a child process with limits
(child.py), which answers with a plan (plan.py) of the tensors' places in the file.

That process starts whenever a file is opened, and common imports (dataclasses, enum, json, re, typing) would take
several times as long as Python's own start. These modules avoid them: classes are plain, patterns are string methods,
and names that only annotations need are imported under TYPE_CHECKING, which each module defines as False.
"""
