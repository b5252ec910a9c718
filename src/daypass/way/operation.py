"""@operation: how a service declares what it offers, held against AWS's model at import. Does not run anything (handle.py does)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from daypass import wire
from daypass.values.caller import Caller
from daypass.values.decision import Ask

if TYPE_CHECKING:
    from daypass.way.context import Context

Output = Mapping[str, Any]  # members by their AWS names, as the model spells them; None members are left out
Asks = Callable[["Context", Mapping[str, Any]], Iterable[Ask]]
ParameterProof = Callable[["Context", Mapping[str, Any]], Caller]


class Open(Enum):
    """The rare operations that ask no policy."""

    ANONYMOUS = "anonymous"  # anyone, no proof at all
    AUTHENTICATED = "authenticated"  # any proven caller; a deny does not stop it (GetCallerIdentity)
    UNLESS_DENIED = "unless-denied"  # any proven caller, unless a policy denies it explicitly (GetSessionToken)


@dataclass(frozen=True, slots=True)
class Operation:
    """An offered operation: the model's part (`shape`), what it asks, how it is proven, and the function that does it."""

    shape: wire.OperationShape
    run: Callable[..., Output | None]
    asks: Asks | Open
    proof: ParameterProof | None
    writes: bool
    parameters: Mapping[str, str]  # member name -> keyword of `run`

    @property
    def action(self) -> str:
        """The IAM action that carries the operation's own name."""
        return f"{self.shape.service.signing_name}:{self.shape.name}"


OPERATIONS: dict[tuple[str, str], Operation] = {}
NOT_OFFERED: dict[tuple[str, str], str] = {}  # why, for operations that will not be


def not_offered(service: str, reasons: Mapping[str, str]) -> None:
    """Say why operations of `service` are not offered. Raises KeyError for one that the model lacks."""
    for name, reason in reasons.items():
        NOT_OFFERED[service, wire.get_operation(service, wire.snake_case(name)).name] = reason


def operation(
    service: str, *, asks: Asks | Open, proof: ParameterProof | None = None, writes: bool = False
) -> Callable[[Callable[..., Output | None]], Callable[..., Output | None]]:
    """Offer the function below as the operation of its CamelCase name of `service` (botocore's service name).

    `asks` turns the context and the parsed parameters (snake_case keywords) into Asks, all of which must be allowed before the function
    runs. `proof` marks an operation whose proof is in a parameter; the model must call it unsigned, and the other way round. `writes`
    gives the function `ctx.changes` and runs it on the storage thread. The function's keyword-only parameters are the members that are
    offered; a modelled member that it does not name is refused when it comes (DESIGN §2.4). Raises TypeError when the model disagrees.
    """

    def register(run: Callable[..., Output | None]) -> Callable[..., Output | None]:
        shape = wire.get_operation(service, run.__name__)
        keywords = [p for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY]
        names = {wire.snake_case(member): member for member in shape.members}
        _check(shape, keywords, names, asks, proof)
        parameters = {names[p.name]: p.name for p in keywords}
        OPERATIONS[service, shape.name] = Operation(shape, run, asks, proof, writes, parameters)
        return run

    return register


def _check(
    shape: wire.OperationShape,
    keywords: list[inspect.Parameter],
    names: Mapping[str, str],
    asks: Asks | Open,
    proof: ParameterProof | None,
) -> None:
    where = f"{shape.service.name}.{shape.name}"
    offered = {p.name for p in keywords}
    if unknown := offered - names.keys():
        raise TypeError(f"{where}: the model has no {sorted(unknown)}")
    required = {wire.snake_case(member) for member in shape.required}
    if missing := required - offered:
        raise TypeError(f"{where}: required by the model and not named: {sorted(missing)}")
    if wrong := [p.name for p in keywords if (p.default is p.empty) != (p.name in required)]:
        raise TypeError(f"{where}: a default belongs to exactly the optional members, not so for {wrong}")
    if shape.unsigned != (proof is not None or asks is Open.ANONYMOUS):
        raise TypeError(f"{where}: an unsigned operation needs its proof in a parameter, and a signed one must not have it")
