"""ListKeys, RotateKeys and RevokeKey: the keys that seal session tokens and secrets at rest. Shows no key, and takes none in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from daypass.services.daypass.server import ask_on, on_account
from daypass.store.keys.data_key import DataKey
from daypass.store.records import SealKey
from daypass.store.rotation import Standing, new_seal_key
from daypass.values.decision import Ask
from daypass.values.errors import ConfigError, Refusal
from daypass.way.context import Context
from daypass.way.operation import Output, operation


@operation("daypass", asks=on_account("ListKeys"))
def list_keys(ctx: Context) -> Output:
    """Every key with its state, its age, what rests on it and which nodes hold it, and the age at which keys are replaced by themselves."""
    ctx.settle()
    rotation = ctx.node.store.rotation
    found = ctx.elsewhere(lambda: rotation.standing(ctx.now))
    output: dict[str, Any] = {"Keys": [_shown(ctx, one) for one in found]}
    if rotation.after is not None:
        output["RotateAfterSeconds"] = int(rotation.after.total_seconds())
    return output


class _Prepared(NamedTuple):
    """What cannot be done or asked within the turn of a change."""

    data_key: DataKey | None


def _may_rotate(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    yield ask_on(ctx, "RotateKeys", None)
    ctx.elsewhere(lambda: _prepare(ctx, given.get("kind")))


def _prepare(ctx: Context, kind: str | None) -> _Prepared:
    rotation = ctx.node.store.rotation
    if older := rotation.older_nodes(ctx.now):
        raise Refusal("ValidationError", f"Nodes of an earlier version run, which cannot take part: {', '.join(older)}. Upgrade them first")
    try:
        return _Prepared(rotation.prepare(ctx.now) if kind != "SEAL" else None)
    except ConfigError as error:
        raise Refusal("ServiceUnavailable", "The root key does not answer", 503, private=str(error)) from error


@operation("daypass", asks=_may_rotate, writes=True)
def rotate_keys(ctx: Context, *, kind: Literal["SEAL", "DATA"] | None = None, without_silent: bool = False) -> Output:
    """Begin to replace the active key of a kind, or of both. One that is under way goes on; `without_silent` has a seal key not wait for
    nodes that are silent, and may serve without knowing it."""
    made = ctx.elsewhere(lambda: _prepare(ctx, kind))
    begun: list[dict[str, Any]] = []
    if kind != "DATA":
        begun.append(_begin_seal(ctx, without_silent=without_silent))
    if made.data_key is not None:
        waiting = next((key for key in ctx.node.store.rotation.data_keys if key.state == "pending"), None)
        if waiting is None:
            ctx.node.store.rotation.begin(ctx.changes, made.data_key)
        begun.append({"KeyId": (waiting or made.data_key).id, "Kind": "DATA", "State": "PENDING"})
    return {"Keys": begun}


def _begin_seal(ctx: Context, *, without_silent: bool) -> dict[str, Any]:
    key = next((key for key in ctx.store.seal_keys if key.state == "pending"), None)
    if key is None:
        key = new_seal_key(ctx.now, ctx.random, active=False, hurried=without_silent)
        ctx.node.store.rotation.begin(ctx.changes, key)
    elif without_silent and not key.hurried:
        ctx.changes.put(msgspec.structs.replace(key, hurried=True))
    return {"KeyId": key.id, "Kind": "SEAL", "State": "PENDING"}


def _may_revoke(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    ctx.settle()
    yield ask_on(ctx, "RevokeKey", None)
    key = _revocable(ctx, given["key_id"])
    ctx.elsewhere(lambda: (ctx.node.store.rotation.live_passes(key, ctx.now),))


@operation("daypass", asks=_may_revoke, writes=True)
def revoke_key(ctx: Context, *, key_id: str) -> Output:
    """End at once everything that a seal key sealed; the active one has a successor from the answer on. Raises Refusal for other keys."""
    key = _revocable(ctx, key_id)
    (ended,) = ctx.elsewhere(lambda: (ctx.node.store.rotation.live_passes(key, ctx.now),))
    successor = ctx.node.store.rotation.revoke(ctx.changes, key, ctx.now, ctx.random)
    output: dict[str, Any] = {"KeyId": key.id, "State": "REVOKED", "SessionsEnded": ended}
    if successor is not None:
        output["SuccessorId"] = successor.id
    return output


def _revocable(ctx: Context, id: str) -> SealKey:
    if any(key.id == id for key in ctx.node.store.rotation.data_keys):
        text = f"{id} is a data key: to end it would lose what it seals. Replace it, and it goes when nothing rests on it any more"
        raise Refusal("ValidationError", text)
    key = ctx.store.seal_keys.find(id)
    if key is None or key.state == "revoked":
        raise Refusal("ValidationError", f"There is no seal key {id}" if key is None else f"The seal key {id} is revoked already")
    return key


def _shown(ctx: Context, one: Standing) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "KeyId": one.id,
        "Kind": one.kind.upper(),
        "State": one.state.upper(),
        "Nodes": list(one.holders),
        "WaitsFor": list(one.missing),
    }
    if one.created is not None:
        shown |= {"Created": one.created, "AgeSeconds": max(int((ctx.now - one.created).total_seconds()), 0)}
    if one.kind == "data":
        return shown | {"Rows": one.resting}
    return shown | {"LivePasses": one.resting, **({} if one.until is None else {"LastPassExpires": one.until})}
