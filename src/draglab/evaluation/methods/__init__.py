"""Methods that drag, by name: the presets, and reimplementations of published ones from their descriptions."""

from draglab.evaluation.methods.method import METHODS, Method, parse_method, vary

__all__ = ["METHODS", "Method", "parse_method", "vary"]
