"""A plain model of an account, on JSON and strings: who has which policies, and what IAM's guide says about an ask. No code of src.

The decision itself is spec/policy_spec.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from spec import policy_spec

Document = dict[str, Any]


@dataclass(eq=False)
class Managed:
    """A managed policy of the account."""

    arn: str
    versions: dict[str, Document]
    default: str = "v1"
    made: int = 1

    @property
    def document(self) -> Document:
        """The version in force."""
        return self.versions[self.default]


@dataclass(eq=False)
class Holder:
    """A user, a role or a group: what it holds. `trust` and `bound` are a role's."""

    kind: str
    name: str
    account: str
    id: str
    inline: dict[str, Document] = field(default_factory=dict)
    attached: list[Managed] = field(default_factory=list)
    boundary: Managed | None = None
    groups: list[Holder] = field(default_factory=list)
    trust: Document | None = None
    bound: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:iam::{self.account}:{self.kind}/{self.name}"

    def documents(self) -> list[Document]:
        """All identity policies that count for it now."""
        own = [*self.inline.values(), *(policy.document for policy in self.attached)]
        return own + [document for group in self.groups for document in group.documents()]


@dataclass(eq=False)
class Credential:
    """What a caller signs with: a long-term key or a session; `session` are its session policies, None when there are none."""

    holder: Holder
    keys: Any
    kind: str = "key"  # "key", "user-session", "role-session"
    session: list[Document] | None = None
    ends: Any = None

    def caller(self) -> dict[str, str]:
        """As spec/policy_spec.py wants it."""
        holder = self.holder
        role = holder.kind == "role"
        arn = f"arn:aws:sts::{holder.account}:assumed-role/{holder.name}/me" if role else holder.arn
        return {
            "kind": "role" if role else "user", "account": holder.account, "arn": arn, "principal_arn": holder.arn,
            "principal_id": holder.id, "provider_arn": "",
        }  # fmt: skip


@dataclass
class Asked:
    """One ask of an operation. `role` is the role whose trust policy must allow, for the operations that ask one."""

    action: str
    resource: str
    owner: str
    context: dict[str, Any] = field(default_factory=dict)
    role: Holder | None = None


def answer(credential: Credential, asked: Asked, **instead: Any) -> str:
    """What the guide says; `instead` replaces identity, boundary, trust for suppositions."""
    holder = credential.holder
    caller = credential.caller()
    trust = instead.get("trust", asked.role.trust if asked.role else None)
    ask = (asked.action, asked.resource, asked.owner, "must" if asked.role else "none", trust)
    context = asked.context | {"aws:principalarn": holder.arn, "aws:principalaccount": holder.account}
    return policy_spec.decide(
        ask,
        caller,
        context,
        identity=instead.get("identity", holder.documents()),
        boundary=instead.get("boundary", holder.boundary.document if holder.boundary else None),
        session=credential.session,
        scps=[[ALL]],
        rcps=[],
        bound=asked.role.bound if asked.role else None,
    )


def allows(credential: Credential, asks: list[Asked]) -> bool:
    """Whether the caller may do what asks all of these. A user's session without MFA may not call IAM at all (STS API reference)."""
    if credential.kind == "user-session" and any(asked.action.startswith("iam:") for asked in asks):
        return False
    return all(answer(credential, asked) == "allowed" for asked in asks)


ALL: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass
class Account:
    """Everything in one account, and roles of a partner that may trust it."""

    id: str
    users: list[Holder] = field(default_factory=list)
    roles: list[Holder] = field(default_factory=list)
    groups: list[Holder] = field(default_factory=list)
    policies: list[Managed] = field(default_factory=list)
    profile: str = "profile"
    unborn: list[Holder] = field(default_factory=list)  # a user and a role that someone may come to make

    def principals(self) -> Iterator[Holder]:
        """Users and roles, the partner's roles as well."""
        yield from self.users
        yield from self.roles
