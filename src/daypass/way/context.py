"""Context: what an operation works with. Does not decide, verify or record anything itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from daypass import passes
from daypass.policy import rails
from daypass.values.caller import ANONYMOUS, Caller
from daypass.values.errors import Refusal
from daypass.values.event import Event
from daypass.values.request import Request
from daypass.values.secret import Secret
from daypass.values.session import Origin, Pass, Session, SessionKind
from daypass.way.holders import Holders
from daypass.way.throttle import Throttle, guesses

if TYPE_CHECKING:
    from daypass.outside.jwks import KeyFetcher
    from daypass.proof.sigv4 import SigningKeys
    from daypass.store import Changes, Snapshot, Store
    from daypass.store.ledger import Ledger
    from daypass.wire import OperationShape


Brought = TypeVar("Brought")


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decisions depend on."""

    operator_uids: frozenset[int]
    management_account: str = ""
    max_staleness: float = 5400.0  # seconds; DESIGN §3, default 90 min
    hosts: frozenset[str] = frozenset()  # accepted Host names, lower-case, without port
    region: str = "us-east-1"
    url: str = ""
    data_directory: str = ""
    process_id: int = 0
    listeners: tuple[str, ...] = ()  # "https://HOST:PORT", the API's first, then that of the metrics
    rails: rails.Settings = field(default_factory=lambda: rails.DEFAULTS)


@dataclass(slots=True)
class Node:
    """What one process holds: the store, the ledger, the caches and the rules. Shared by all requests, made in app.py."""

    store: Store
    ledger: Ledger
    ledger_key: Secret
    fetcher: KeyFetcher
    signing_keys: SigningKeys
    rules: Rules
    random: Callable[[int], bytes]
    throttle: Throttle
    tokens: passes.OpenedTokens
    holders: Holders = field(default_factory=Holders)
    guesses: Throttle = field(default_factory=guesses)

    @property
    def snapshot(self) -> Snapshot:
        """The state that decisions read."""
        return self.store.snapshot


Room = Literal["storage", "outside", "upkeep"]


class Await(Exception):
    """Raised by a step that cannot go on where it runs. The way is gone anew: on the storage thread; or when `work` was done on an
    outside thread; or when upkeep has made a round, so that what was minted until now is in the table of passes."""

    def __init__(self, room: Room, work: Callable[[], object] | None = None) -> None:
        super().__init__(room)
        self.room: Room = room
        self.work = work


@dataclass(slots=True)
class Context:
    """One request on its way.

    `now` is the verifier's clock, UTC, in whole seconds (every limit is a whole second, so nothing is lost), and `state_age` the seconds
    by which the state may be behind then, to the microsecond. `changes` is there on the storage thread only, for operations that write:
    what they put or delete is committed with the ledger line after they return.
    """

    node: Node
    request: Request
    request_id: str
    now: datetime
    state_age: float
    event: Event
    shape: OperationShape | None = None  # of the operation, once it is known
    caller: Caller = ANONYMOUS
    staged: Changes | None = None
    errands: int = 0
    brought: object = None
    is_settled: bool = False
    mfa_at: int = 0  # epoch seconds: a code of the caller's MFA device came with this request, and was right
    marks: list[tuple[str, float]] | None = None  # when each step ended, where someone wants to know

    def mark(self, step: str) -> None:
        """The step of that name ends now."""
        if self.marks is not None:
            self.marks.append((step, perf_counter()))

    @property
    def store(self) -> Snapshot:
        """The state to read; staged changes do not show in it."""
        return self.node.store.snapshot

    @property
    def account(self) -> str:
        """The caller's account: whatever is created or listed belongs to it, never to what an input says."""
        return self.caller.account

    @property
    def changes(self) -> Changes:
        """Where a writing operation puts its changes. Raises Await when this is not yet the storage thread."""
        if self.staged is None:
            raise Await("storage")
        return self.staged

    def elsewhere(self, work: Callable[[], Brought]) -> Brought:
        """What `work` gives: long reading, done on the outside threads while others are served. The way is then gone anew, to here."""
        if self.brought is None:
            raise Await("outside", lambda: setattr(self, "brought", work()))
        return cast("Brought", self.brought)

    def settle(self) -> None:
        """Go on only when the table of passes holds everything that was minted before this request."""
        if not self.is_settled:
            self.is_settled = True
            raise Await("upkeep")

    def random(self, count: int) -> bytes:
        """`count` bytes from the operating system's generator."""
        return self.node.random(count)

    def mint(
        self,
        *,
        kind: SessionKind,
        account: str,
        principal_id: str,
        name: str,
        duration: int,
        origin: Origin,
        parent: Session | None = None,
        policy: str = "",
        policy_arns: Sequence[str] = (),
        tags: Sequence[tuple[str, str]] = (),
        transitive: Sequence[str] = (),
        source_identity: str = "",
        mfa_at: int = 0,
        source_key: str = "",
        minimum_size: int = 0,
    ) -> Pass:
        """Make the pass (passes/mint.py) and note it in the ledger line. Raises Refusal where a child may not be made.

        INVARIANT: no pass is made for a closed account, whichever way it was asked for.
        """
        if account in self.store.closed_accounts:
            raise Refusal("AccessDenied", f"The account {account} is closed.")
        made = passes.mint(
            kind=kind,
            account=account,
            principal_id=principal_id,
            name=name,
            now=self.now,
            duration=duration,
            origin=origin,
            parent=parent,
            policy=policy,
            policy_arns=tuple(policy_arns),
            tags=tags,
            transitive=tuple(transitive),
            source_identity=source_identity,
            mfa_at=mfa_at,
            source_key=source_key,
            minimum_size=minimum_size,
            random=self.random(passes.RANDOM_BYTES),
            key=self.store.active_seal_key,
        )
        self.event.minted = made.session
        return made
