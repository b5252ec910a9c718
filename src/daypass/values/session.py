"""A session: what a temporary credential says of itself once its sealed token is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from daypass.values.secret import Secret

# A role session (AssumeRole*), a user's own (GetSessionToken), a stranger's for whom a user vouches (GetFederationToken), an account's
# root for one task (AssumeRoot).
SessionKind = Literal["role", "user", "federated-user", "root"]

MAX_ANCESTORS = 8  # DESIGN §3: ancestors' ids to a depth of 8; a deeper chain is refused at mint


class Ancestor(NamedTuple):
    """One session that this one descends from: id (16 bytes), principal's unique id, issue time (epoch seconds)."""

    id: bytes
    principal_id: str
    issued: int


class Origin(NamedTuple):
    """The proof from which a session was minted.

    `kind` is "sigv4", "oidc" or "operator"; `issuer` the access key id, the provider's ARN or "uid:N";
    `subject` the `sub` of a token, else ""; `token_id` its `jti`, else "".
    """

    kind: str
    issuer: str
    subject: str = ""
    audience: str = ""
    token_id: str = ""


@dataclass(slots=True)
class Session:
    """Who and how narrowed; never the permissions themselves, which are read live at each decision.

    Times are epoch seconds. `tags` hold session tags (inherited ones too), `transitive` the keys that pass on to children.
    `source_key` is the long-term access key at the root of the lineage, "" when there is none.
    """

    id: bytes
    key_id: str
    kind: SessionKind
    account: str
    principal_id: str
    name: str
    issued: int
    expires: int
    origin: Origin
    policy: str = ""
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    mfa_at: int = 0
    ancestors: tuple[Ancestor, ...] = ()
    source_key: str = ""


@dataclass(slots=True)
class Pass:
    """A temporary credential as it is handed out: the session, its secret access key and its sealed token.

    `packed_size` is the percentage of the token budget that policies and tags take.
    """

    session: Session
    secret: Secret
    token: Secret
    packed_size: int = 0
