"""Measuring edits: judges that know nothing of the generator."""

from draglab.evaluation.landmarks import LandmarkNet, load_landmark_net

__all__ = ["LandmarkNet", "load_landmark_net"]
