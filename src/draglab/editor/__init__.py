"""Editing sessions with their history, and the replay of edit files. No HTTP, no printing."""

from draglab.editor.replay import Replay, ReplayStep, RoundReport

__all__ = ["Replay", "ReplayStep", "RoundReport"]
