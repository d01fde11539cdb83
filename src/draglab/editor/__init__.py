"""An edit in rounds: running it, recording it, making it again. No HTTP, no printing."""

from draglab.editor.replay import Replay, ReplayStep, RoundReport

__all__ = ["Replay", "ReplayStep", "RoundReport"]
