"""Functions built once per shape, also for shapes that contain themselves. Does not know what the functions do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from daypass.wire.shapes import Shape

F = TypeVar("F", bound=Callable[..., Any])


class Compiled(Generic[F]):
    """A memo of `build(shape)`; bounded by the shapes of the models. While a shape is being built, a reference to it binds late."""

    def __init__(self, build: Callable[[Shape], F]) -> None:
        self._build = build
        self._built: dict[Shape, F] = {}

    def __call__(self, shape: Shape) -> F:
        found = self._built.get(shape)
        if found is not None:
            return found
        late: Any = lambda *arguments: self._built[shape](*arguments)  # noqa: E731  # a name would hide that it is the F of this shape
        self._built[shape] = late
        try:
            self._built[shape] = built = self._build(shape)
        except BaseException:
            del self._built[shape]
            raise
        return built
