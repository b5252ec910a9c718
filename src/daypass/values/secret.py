"""A secret that cannot be shown by accident: no repr, no str, no pickle, no hash, constant-time equality."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Holds secret bytes; `reveal()` is the one way to them, so that a reader can find each use by its name."""

    __slots__ = ("_bytes",)
    __hash__ = None  # type: ignore[assignment]  # a secret in a set or a dict key would outlive its use

    def __init__(self, value: bytes | str) -> None:
        self._bytes = value.encode("utf-8") if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """The secret bytes."""
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._bytes, other._bytes)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")
