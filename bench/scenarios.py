"""What is asked of a server, and what it should cost. Makes the requests of a round, each different from all others of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from bench.presign import Keys, body_of, signed, unsigned
from bench.targets import Target
from bench.world import AUDIENCE, World

SPREAD_SECONDS = 240  # signing times of one round; verifiers take ±5 minutes
SESSION_DIGITS = 9

Token = Callable[[str], str]  # subject -> a fresh token of the identity provider


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio that should be reached (issue 2, "Performance")."""

    against: str  # "hello", "moto" or "limit"
    least: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request. `make(target, world, count, token)` gives `count` whole HTTP requests."""

    name: str
    make: Callable[[Target, World, int, Token], list[bytes]]
    goals: Sequence[Goal]


def _identity(target: Target, world: World, count: int, token: Token) -> list[bytes]:
    return _by(target, world.users, count, lambda n, keys: body_of("sts", "GetCallerIdentity", {}))


def _assume(target: Target, world: World, count: int, token: Token) -> list[bytes]:
    def body(number: int, keys: Keys) -> bytes:
        role = world.roles[number % len(world.roles)]
        return body_of("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": f"job-{number:0{SESSION_DIGITS}d}"})

    return _by(target, world.users, count, body)


def _decide(target: Target, world: World, count: int, token: Token) -> list[bytes]:
    """A role session asks for something that its policies allow: token opened, signature verified, 12 statements decided, little else."""
    return _by(target, world.sessions, count, lambda n, keys: body_of("sts", "GetAccessKeyInfo", {"AccessKeyId": keys.id}))


def _web_identity(target: Target, world: World, count: int, token: Token) -> list[bytes]:
    def parameters(number: int) -> dict[str, str]:
        role = world.roles[number % len(world.roles)]
        return {"RoleArn": role, "RoleSessionName": f"job-{number}", "WebIdentityToken": token(f"job-{number}")}

    return [unsigned(target.host, body_of("sts", "AssumeRoleWithWebIdentity", parameters(number))) for number in range(count)]


def _by(target: Target, callers: Sequence[Keys], count: int, body: Callable[[int, Keys], bytes]) -> list[bytes]:
    """Requests of all callers in turn, signed as of seconds that lie apart, so that no two have the same signature."""
    if count > len(callers) * SPREAD_SECONDS:
        raise ValueError(f"{len(callers)} callers make at most {len(callers) * SPREAD_SECONDS} different requests")
    now = datetime.now(UTC)
    made = []
    for number in range(count):
        keys = callers[number % len(callers)]
        at = now - timedelta(seconds=number // len(callers))
        made.append(signed(target.host, "sts", body(number, keys), keys, at))
    return made


SIGNED = (
    Scenario("GetCallerIdentity", _identity, (Goal("moto", 30), Goal("hello", 0.30))),
    Scenario("AssumeRole", _assume, (Goal("moto", 20), Goal("hello", 0.18))),
    Scenario("verify+decide", _decide, (Goal("hello", 0.40),)),
)
ASSUME_ROLE = SIGNED[1]
WEB_IDENTITY = Scenario("AssumeRoleWithWebIdentity", _web_identity, (Goal("limit", 0.30),))
DURABLE = 0.7  # of the throughput without a durable ledger
PROCESS_MS, READY_SECONDS, MEMORY_MIB = 60.0, 2.0, 120.0


def tokens(issue: Callable[[str, str, datetime], str]) -> Token:
    """Tokens by subject, each signed once: to sign takes an issuer many times what it takes to verify."""

    @cache
    def token(subject: str) -> str:
        return issue(subject, AUDIENCE, datetime.now(UTC))

    return token
