"""Slow, obvious implementations of what draglab does fast; the oracles of its tests and benchmarks."""
