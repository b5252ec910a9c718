"""ASCII-only case folding. `str.lower` folds U+017F to s and U+212A to k, so that two different names could meet (attack row H13)."""

from __future__ import annotations


def fold(text: str) -> str:
    """`text` with the letters A-Z in lower case and nothing else changed."""
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")  # of bytes, `lower` means ASCII's letters only
