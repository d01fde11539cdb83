"""Editing sessions with their history, and edit files made again. No HTTP, no printing."""

from draglab.editor.replay import Replay, ReplayStep, RoundReport

__all__ = ["Replay", "ReplayStep", "RoundReport"]
