"""Checkpoints of other programs: reading what they describe, never running what they carry.

Everything here uses the standard library alone and holds no tensors: it runs in a child process with limits
(child.py), which answers with a plan (plan.py) of where in the file each tensor lies.
"""
