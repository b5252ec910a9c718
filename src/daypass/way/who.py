"""Who is it? From a claim to a Caller that we believe in: the one verify path for signed requests and for the operator's socket.

Does not decide what the caller may do. Proofs that come in a parameter (web identity) live beside the operation that takes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from daypass import passes
from daypass.proof import peer, sigv4
from daypass.store.records import Role, User
from daypass.values.arn import federated_user_arn, role_session_arn, root_arn
from daypass.values.caller import ANONYMOUS, Caller, SigV4Claim
from daypass.values.errors import EXPIRED_TOKEN, INVALID_TOKEN, ProofError, ProofFault
from daypass.values.folding import fold
from daypass.values.ids import TEMPORARY
from daypass.values.secret import Secret
from daypass.values.session import Session
from daypass.way.context import Context
from daypass.way.holders import Holder
from daypass.way.operation import Operation

OPERATOR_ROLE = "DaypassOperator"
OPERATOR_SERVICE = "operator.daypass.internal"  # the principal that the operator role's trust policy names


def by_signature_or_socket(ctx: Context, operation: Operation) -> Caller:
    """The caller of a request: proven by its SigV4 signature or, on the operator's socket, by the peer's uid.

    Raises ProofError. The order is that of fact sheet A §1.11, but for the signature, which is checked before expiry is told.
    """
    request = ctx.request
    if request.peer.startswith("uid:"):
        return _operator(ctx)
    # (1) one mechanism, strictly read, from the raw bytes; nothing at all is not the same as something unreadable
    claim = sigv4.read_claim(request)
    if claim is None:
        raise ProofError(ProofFault.MISSING, "Request is missing Authentication Token")
    ctx.event.claimed_key_id = claim.key_id
    ctx.event.region = claim.region
    # (2) the secret that the key id and, for a temporary key, the sealed token stand for
    state = ctx.store.state
    known = ctx.node.holders.find(claim, state)
    holder = known or _claimed_holder(ctx, claim, state)
    # (3) the signature over the very bytes that are used, for the service that the operation belongs to
    service = operation.shape.service.signing_name
    sigv4.verify(claim, request, holder.secret, service=service, now=ctx.now, keys=ctx.node.signing_keys)
    # (4) only a caller that has the secret learns whether its session is over
    _verify_alive(ctx, holder)
    if known is None:
        ctx.node.holders.remember(claim, holder)
    if not holder.expires:
        ctx.store.use(claim.key_id, ctx.now, service, claim.region)
    return holder.caller


def _claimed_holder(ctx: Context, claim: SigV4Claim, state: object) -> Holder:
    """What the claimed key id stands for, and its secret; nothing is proven yet. Raises ProofError UNKNOWN_KEY for every mismatch alike."""
    if claim.key_id.startswith(TEMPORARY):
        session, secret, over = _opened(ctx, claim.token)
        if session.key_id != claim.key_id:
            raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, f"the token belongs to {session.key_id}")
        if over := over or ctx.store.ended(session):
            return Holder(state, secret, ANONYMOUS, session.expires, over)
        return Holder(state, secret, session_caller(ctx, session, claim.region), session.expires)
    key = ctx.store.access_keys.find(claim.key_id)
    if key is None or not key.active or claim.token:
        why = "unknown key id" if key is None else "the key is inactive" if not key.active else "a long-term key came with a session token"
        raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, why)
    user = ctx.store.users.find(key.user_id)
    if user is None or key.account in ctx.store.closed_accounts:
        why = "the key's user is gone" if user is None else "the account is closed"
        raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, why)
    return Holder(state, key.secret, user_caller(user, claim.key_id, claim.region, None))


def _opened(ctx: Context, token: str) -> tuple[Session, Secret, str | None]:
    """The session in `token`, its secret, and why it is over when its seal key was revoked: then the key only serves to tell its holder so.

    Raises ProofError UNKNOWN_KEY.
    """
    try:
        return *ctx.node.tokens.open(token, ctx.store.open_seal_keys), None
    except ProofError:
        if not ctx.store.revoked_seal_keys:
            raise
        return *passes.open_with_secret(token, ctx.store.revoked_seal_keys), "its seal key was revoked"


def _verify_alive(ctx: Context, holder: Holder) -> None:
    """Raises ProofError EXPIRED when the session is past its end (at +0 s, no skew: promise P4) or was ended."""
    if holder.expires and ctx.now.timestamp() >= holder.expires:
        raise ProofError(ProofFault.EXPIRED, EXPIRED_TOKEN, "expired")
    if holder.over:
        raise ProofError(ProofFault.EXPIRED, EXPIRED_TOKEN, holder.over)


def session_caller(ctx: Context, session: Session, region: str) -> Caller:
    """Whom a session speaks for; what it says is believed by now. Raises ProofError when its principal is gone."""
    if session.kind == "root":
        return _root_caller(session, region)
    principal = ctx.store.principal(session.principal_id)
    if isinstance(principal, User):
        user = user_caller(principal, session.key_id, region, session)
        return user if session.kind == "user" else _federated(user, session)
    if not isinstance(principal, Role):
        raise ProofError(ProofFault.EXPIRED, EXPIRED_TOKEN, "the session's principal is gone")
    return Caller(
        kind="role",
        account=session.account,
        arn=role_session_arn(session.account, principal.name, session.name),
        user_id=f"{principal.id}:{session.name}",
        principal_arn=principal.arn,
        principal_id=principal.id,
        key_id=session.key_id,
        region=region,
        session=session,
        tags=_folded(principal.tags, session.tags),
    )


def user_caller(user: User, key_id: str, region: str, session: Session | None) -> Caller:
    """A user, by a long-term key or (`session`) by a session of its own."""
    return Caller(
        kind="user",
        account=user.account,
        arn=user.arn,
        user_id=user.id,
        principal_arn=user.arn,
        principal_id=user.id,
        key_id=key_id,
        region=region,
        session=session,
        tags=_folded(user.tags, session.tags if session else ()),
    )


def _federated(user: Caller, session: Session) -> Caller:
    """Somebody for whom `user` vouches: under a name of its own, with what `user` may do and the session's policies allow."""
    arn = federated_user_arn(session.account, session.name)
    return replace(user, kind="federated-user", arn=arn, user_id=f"{session.account}:{session.name}")


def _root_caller(session: Session, region: str) -> Caller:
    """The root user of an account, by a session that AssumeRoot made; its task policy is the session's."""
    account = session.account
    arn = root_arn(account)
    return Caller("root", account, arn, account, arn, account, key_id=session.key_id, region=region, session=session)


def _operator(ctx: Context) -> Caller:
    """The operator on the host: believed because the kernel names the uid at the other end of the socket (DESIGN §4)."""
    uid = peer.verify_peer(ctx.request.peer, ctx.node.rules.operator_uids)
    account = ctx.node.rules.management_account
    role = ctx.store.roles.named(account, OPERATOR_ROLE)
    if role is None:
        raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, "the operator's role is gone")
    name = f"uid-{uid}"
    return Caller(
        kind="operator",
        account=account,
        arn=role_session_arn(account, role.name, name),
        user_id=f"{role.id}:{name}",
        principal_arn=role.arn,
        principal_id=role.id,
        region=ctx.node.rules.region,
        tags=_folded(role.tags, ()),
        provider_arn=OPERATOR_SERVICE,
    )


def _folded(own: Iterable[tuple[str, str]], session: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Principal tags by ASCII-lower-case key; a session tag beats the principal's own (fact sheet A §3.9)."""
    return {fold(key): value for tags in (own, session) for key, value in tags}
