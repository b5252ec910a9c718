"""Collects the secrets that were issued during the tests and finds them where they must not be. Does not decide where to look."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

_SECRET_MEMBERS = frozenset({"SecretAccessKey", "SessionToken", "secretAccessKey", "sessionToken", "WebIdentityToken", "Base32StringSeed"})


class Canaries:
    """Secrets seen so far. `watch` takes anything with credentials in it: a response, credential_process output, a bare string."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def watch(self, answer: object) -> None:
        """Remember every secret inside `answer`; a str counts as a secret itself."""
        self._seen.update(secret for secret in _secrets_in(answer) if len(secret) >= 16)

    def leaks_in(self, name: str, data: bytes) -> list[str]:
        """What of the seen secrets stands in `data`, as text, in base64 or percent-encoded; the secret itself is not repeated."""
        return [
            f"{name}: secret {secret[:4]}… at byte {data.find(form)}" for secret in self._seen for form in _forms(secret) if form in data
        ]

    def leaks_under(self, root: Path, skip: Iterable[str] = ()) -> list[str]:
        """The same for every file below `root`, apart from those whose name is in `skip`."""
        names = set(skip)
        files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name not in names)
        return [leak for path in files for leak in self.leaks_in(str(path.relative_to(root)), path.read_bytes())]


def _secrets_in(answer: object) -> Iterator[str]:
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, Mapping):
        for key, value in answer.items():
            if key in _SECRET_MEMBERS and isinstance(value, str | bytes):
                yield value if isinstance(value, str) else value.decode("ascii")
            elif not isinstance(value, str):
                yield from _secrets_in(value)
    elif isinstance(answer, (list, tuple)):
        for value in answer:
            if not isinstance(value, str):
                yield from _secrets_in(value)


def _forms(secret: str) -> set[bytes]:
    raw = secret.encode()
    return {raw, base64.b64encode(raw).rstrip(b"="), quote(secret, safe="").encode()}


def watch_client(canaries: Canaries, session: Any) -> None:
    """Let every answer of a boto3 session pass by `canaries`."""
    session.events.register("after-call.*.*", lambda parsed, **_: canaries.watch(parsed))
