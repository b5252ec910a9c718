"""ASCII-only case folding. `str.lower` folds U+017F to s and U+212A to k, so that two different names could meet (attack row H13)."""

from __future__ import annotations

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def fold(text: str) -> str:
    """`text` with the letters A-Z in lower case and nothing else changed."""
    return text.lower() if text.isascii() else text.translate(_LOWER)
