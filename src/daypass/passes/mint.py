"""mint: the one place where a temporary credential is made. Does not ask whether it may be (that was decided before) and keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from daypass.passes.key import SealKeyValue
from daypass.passes.lineage import ancestors_of_child
from daypass.passes.narrow import TagPairs, expiry_of_child, narrow
from daypass.passes.seal import MAX_TOKEN, NONCE_BYTES, seal_sized, secret_of
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.values.session import Origin, Pass, Session, SessionKind

SESSION_ID_BYTES = 16  # 128 bits (OWASP ASVS 7.2.3); secret and revocation hang on it, since key ids alone can collide
KEY_ID_BYTES = 5
RANDOM_BYTES = SESSION_ID_BYTES + KEY_ID_BYTES + NONCE_BYTES


def mint(
    *,
    kind: SessionKind,
    account: str,
    principal_id: str,
    name: str,
    now: datetime,
    duration: int,
    origin: Origin,
    random: bytes,
    key: SealKeyValue,
    parent: Session | None = None,
    policy: str = "",
    policy_arns: Iterable[str] = (),
    tags: TagPairs = (),
    transitive: Iterable[str] = (),
    source_identity: str = "",
    mfa_at: int = 0,
    source_key: str = "",
    minimum_size: int = 0,
) -> Pass:
    """Make the pass of a session of `principal_id` in `account` (both facts of the server, never of the request's body).

    `now` is aware, `duration` in seconds, `random` RANDOM_BYTES fresh random bytes, `minimum_size` the least length of the token (0-4096).
    `parent` is the session whose credentials asked, None for a long-term key or an IdP's token; from it come lineage, transitive tags,
    source identity and the long-term key at the root of the line. `mfa_at` (epoch seconds) is kept by user sessions only (sheet A, §3.5).
    Raises Refusal where a child may not be made so (narrow.py, lineage.py) and PackedPolicyTooLarge.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"mint needs {RANDOM_BYTES} random bytes")
    if not 0 <= minimum_size <= MAX_TOKEN:
        raise Refusal("ValidationError", f"MinimumSessionTokenSize must be between 0 and {MAX_TOKEN}.", 400)
    # INVARIANT: a user's session comes from that user, never from the session of another principal (privilege derivation, C37 and C38).
    if kind == "user" and parent is not None and (parent.kind, parent.account, parent.principal_id) != (kind, account, principal_id):
        raise Refusal("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    # INVARIANT: only somebody's long-term key vouches for a federated user: nothing that is narrowed itself (attack row H03).
    if kind == "federated-user" and parent is not None:
        raise Refusal("AccessDenied", "Cannot call GetFederationToken with session credentials", 403)
    issued = int(now.timestamp())
    narrowing = narrow(
        kind,
        parent,
        policy=policy,
        policy_arns=tuple(policy_arns),
        tags=tags,
        transitive=tuple(transitive),
        source_identity=source_identity,
    )
    session = Session(
        id=random[:SESSION_ID_BYTES],
        key_id=ids.key_id(ids.TEMPORARY, account, random[SESSION_ID_BYTES:-NONCE_BYTES]),
        kind=kind,
        account=account,
        principal_id=principal_id,
        name=name,
        issued=issued,
        expires=expiry_of_child(kind, parent, issued, duration),
        origin=origin,
        policy=narrowing.policy,
        policy_arns=narrowing.policy_arns,
        tags=narrowing.tags,
        transitive=narrowing.transitive,
        source_identity=narrowing.source_identity,
        mfa_at=mfa_at if kind == "user" else 0,
        ancestors=ancestors_of_child(parent),
        source_key=parent.source_key if parent else source_key,
    )
    token, percent = seal_sized(session, key, random[-NONCE_BYTES:], minimum_size)
    return Pass(session, secret_of(session, key), token, percent)
