"""The shapes in a ledger line, by CloudTrail's names, and the way to and from a session's shape. Does not encode or decode lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from daypass.values.session import Ancestor, Origin, Session, SessionKind
from daypass.values.why import Why


class Shape(msgspec.Struct, omit_defaults=True, gc=False):
    """Members at their default are left out."""


class Issuer(Shape):
    """The role that a session is of."""

    type: Literal["Role"]
    principalId: str
    arn: str
    accountId: str
    userName: str


class Attributes(Shape):
    """When a session was made, and whether with MFA."""

    creationDate: datetime
    mfaAuthenticated: Literal["true", "false"]


class SessionContext(Shape):
    """What a session says of itself."""

    sessionIssuer: Issuer | None
    attributes: Attributes
    sourceIdentity: str = ""


class Identity(Shape):
    """Who sent the request, as far as it was proven."""

    type: str
    principalId: str = ""
    arn: str = ""
    accountId: str = ""
    accessKeyId: str = ""
    userName: str = ""
    sessionContext: SessionContext | None = None
    identityProvider: str = ""


class Decided(Shape):
    """One decision and its reasons."""

    action: str
    resource: str
    allowed: bool
    explicit: bool = False
    layer: str = ""
    policy: str = ""
    statement: str = ""


class Failed(Shape):
    """What did not hold in a statement; `actual` is left out when the request has no such key."""

    element: str
    operator: str = ""
    key: str = ""
    expected: tuple[str, ...] = ()
    actual: tuple[str, ...] | None = None


class Considered(Shape):
    """A statement that decided, or came near."""

    layer: str
    policy: str
    statement: str
    effect: str
    failed: list[Failed] = []
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


class Refused(Shape):
    """Why policy refused the last of the decisions: what the caller's account is told of it when it asks, and the resource's."""

    account: str
    owner: str
    statements: list[Considered] = []
    context: dict[str, tuple[str, ...]] = {}
    omitted: int = 0


class Proof(Shape):
    """The proof that a session was minted from."""

    kind: str
    issuer: str
    subject: str = ""
    audience: str = ""
    tokenId: str = ""


class Lineage(Shape):
    """Where the calling session comes from; ids are 32 hex characters, `root` is the session at the beginning of the line."""

    session: str
    parent: str
    root: str
    depth: int
    origin: Proof


class Minted(Shape):
    """The session of a pass that the request made, complete; ids are hex, times epoch seconds, ancestors the first of the line first."""

    session: str
    keyId: str
    kind: SessionKind
    account: str
    principalId: str
    name: str
    issued: int
    expires: int
    origin: Proof
    policy: str = ""
    policyArns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    sourceIdentity: str = ""
    mfaAt: int = 0
    ancestors: tuple[tuple[str, str, int], ...] = ()
    sourceKey: str = ""


class Recovered(Shape):
    """What the ledger found when it was opened."""

    cutBytes: int
    lostLines: int


class RestoredFrom(Shape):
    """The backup that the state before this line comes from: when it was taken, and the ledger's line that it goes up to. `laterLines`
    are those between that one and this: the ledger has them, the state has not."""

    taken: datetime
    headLine: int
    laterLines: int


class Details(Shape):
    """What CloudTrail has no place for."""

    status: int
    decisions: list[Decided] = []
    decisionsOmitted: int = 0
    reason: str = ""
    warnings: tuple[str, ...] = ()
    why: Refused | None = None
    claimedKeyId: str = ""
    session: Lineage | None = None
    minted: Minted | None = None
    recovered: Recovered | None = None
    restored: RestoredFrom | None = None


class Body(Shape, tag_field="eventVersion", tag="1.11"):
    """A ledger line without its number and MAC."""

    userIdentity: Identity
    eventTime: datetime
    eventSource: str
    eventName: str
    awsRegion: str
    sourceIPAddress: str
    userAgent: str
    requestID: str
    eventID: str
    readOnly: bool
    recipientAccountId: str
    daypass: Details
    errorCode: str = ""
    errorMessage: str = ""
    requestParameters: Any = None
    responseElements: Any = None


class Entry(Body, tag_field="eventVersion", tag="1.11"):
    """A whole ledger line."""

    seq: int = 0
    prev: str = ""
    mac: str = ""


def refused_of(why: Why) -> Refused:
    """`why` as a line shows it, without what stands in the line already."""
    statements = [
        Considered(
            one.layer, one.policy, one.statement, one.effect,
            [Failed(item.element, item.operator, item.key, item.expected, item.actual) for item in one.failed], one.actions, one.resources,
        )
        for one in why.statements
    ]  # fmt: skip
    return Refused(why.account, why.owner, statements, dict(why.context), why.omitted)


def lineage_of(session: Session) -> Lineage:
    """Where `session` comes from."""
    line = session.ancestors
    own = session.id.hex()
    return Lineage(own, line[-1].id.hex() if line else "", line[0].id.hex() if line else own, len(line), Proof(*session.origin))


def minted_of(session: Session) -> Minted:
    """`session` as a line shows it."""
    ancestors = tuple((ancestor.id.hex(), ancestor.principal_id, ancestor.issued) for ancestor in session.ancestors)
    return Minted(
        session.id.hex(), session.key_id, session.kind, session.account, session.principal_id, session.name,
        session.issued, session.expires, Proof(*session.origin), session.policy, session.policy_arns, session.tags, session.transitive,
        session.source_identity, session.mfa_at, ancestors, session.source_key,
    )  # fmt: skip


def session_of(minted: Minted) -> Session:
    """The session that `minted` shows."""
    ancestors = tuple(Ancestor(bytes.fromhex(id), principal, issued) for id, principal, issued in minted.ancestors)
    return Session(
        bytes.fromhex(minted.session), minted.keyId, minted.kind, minted.account, minted.principalId, minted.name,
        minted.issued, minted.expires, _origin(minted.origin), minted.policy, minted.policyArns, minted.tags, minted.transitive,
        minted.sourceIdentity, minted.mfaAt, ancestors, minted.sourceKey,
    )  # fmt: skip


def _origin(proof: Proof) -> Origin:
    return Origin(proof.kind, proof.issuer, proof.subject, proof.audience, proof.tokenId)


def moment(seconds: int) -> datetime:
    """Epoch seconds as UTC."""
    return datetime.fromtimestamp(seconds, UTC)
