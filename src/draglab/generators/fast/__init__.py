"""Fast operations of frozen generators: the same functions as PyTorch's own, computed with less work or memory.

Nothing here depends on a network. Every function has a slow reference in tests/reference.
"""
