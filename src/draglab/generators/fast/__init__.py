"""What makes frozen generators fast: the same functions as PyTorch's own operations, computed with less work or memory.

Nothing here says what a network is. Every function has a slow twin in tests/reference.
"""
