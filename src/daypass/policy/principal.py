"""Who a resource's own policy names, and how closely that names a caller. Does not weigh it against other policies (decide.py does)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum

from daypass.policy.syntax import PolicyError
from daypass.values.arn import read_arn
from daypass.values.caller import Caller
from daypass.values.ids import is_account_id

Named = tuple[str, str]  # type ("AWS", "Federated", "Service", "CanonicalUser") and value, as written

EVERYONE = "*"
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,124}")
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")  # IAM model, `existingUserNameType`
_PATH = re.compile(r"[!-)+->@-~]*")  # printable ASCII but `*` and `?`
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_CANONICAL = re.compile(r"[0-9a-f]{64}")
_PROVIDER_KINDS = ("oidc-provider", "saml-provider")


class Closeness(IntEnum):
    """How a policy names a caller; what else must allow depends on it (IAM User Guide, "Policy evaluation logic")."""

    NOT = 0
    ACCOUNT = 1  # through its account: the account's own policies must allow as well
    ROLE = 2  # the role behind the session, the user behind the federated one: its boundary and session policies still limit
    DIRECT = 3  # the user, this very session, the provider, the service, or everyone


NOT, ACCOUNT, ROLE, DIRECT = Closeness  # a member by its own name is found much faster
_PRINCIPALS = ("user", "role", "federated-user")


def read_principals(element: object) -> frozenset[Named]:
    """The principals of a `Principal` or `NotPrincipal` element.

    Raises PolicyError for a form that AWS does not take: wildcards inside an ARN, groups, other partitions, bad account ids.
    """
    if element == EVERYONE:
        return frozenset({("AWS", EVERYONE)})
    if not isinstance(element, dict) or not element:
        raise PolicyError(f'Invalid principal in policy: "{element}"' if isinstance(element, str) else "Syntax errors in policy.")
    named = set()
    for kind, values in element.items():
        well_formed = _FORMS.get(kind)
        if well_formed is None:
            raise PolicyError(f'Invalid principal in policy: "{kind}"')
        for value in values if isinstance(values, list) and values else [values]:
            if not isinstance(value, str) or not well_formed(value):
                raise PolicyError(f'Invalid principal in policy: "{kind if kind == "AWS" else kind.upper()}":"{value}"')
            named.add((kind, value))
    return frozenset(named)


def _is_aws(value: str) -> bool:
    return value == EVERYONE or is_account_id(value) or _UNIQUE_ID.fullmatch(value) is not None or _is_principal_arn(value)


def _is_principal_arn(value: str) -> bool:
    arn = read_arn(value)
    if arn is None or arn.partition != "aws" or arn.region or not is_account_id(arn.account):
        return False
    kind, *path = arn.resource.split("/")
    if arn.service == "iam" and arn.resource == "root":
        return True
    if not path or not _NAME.fullmatch(path[-1]) or not all(_PATH.fullmatch(step) for step in path):
        return False
    if arn.service == "sts":
        return (kind == "assumed-role" and len(path) == 2 and path[0] != "") or (kind == "federated-user" and len(path) == 1)
    return arn.service == "iam" and kind in ("user", "role")


def _is_federated(value: str) -> bool:
    arn = read_arn(value)
    if arn is None:
        return _HOST.fullmatch(value) is not None
    kind, _, name = arn.resource.partition("/")
    named = name != "" and _PATH.fullmatch(name) is not None
    return arn[:3] == ("aws", "iam", "") and is_account_id(arn.account) and kind in _PROVIDER_KINDS and named


_FORMS: Mapping[str, Callable[[str], bool]] = {
    "AWS": _is_aws,
    "Federated": _is_federated,
    "Service": lambda value: _HOST.fullmatch(value) is not None,
    "CanonicalUser": lambda value: _CANONICAL.fullmatch(value) is not None,
}


class Principals:
    """The principals of one statement, ready to be compared with a caller.

    `bound` maps a principal's ARN to the unique id that it had when the policy was saved: such a principal is only who has that id,
    so that one deleted and made again by the same name is not meant (fact sheet A, §3.14). A canonical user is another name of the
    account that `bound` gives for it, and nobody without.
    """

    def __init__(self, named: Iterable[Named], bound: Mapping[str, str]) -> None:
        named = frozenset(named)
        aws = {value for kind, value in named if kind == "AWS"}
        self.everyone = EVERYONE in aws
        self._federated = frozenset(value for kind, value in named if kind == "Federated")
        self._services = frozenset(value for kind, value in named if kind == "Service")
        owners = {bound[value] for kind, value in named if kind == "CanonicalUser" and value in bound}
        self._accounts = owners | {_account_of(value) for value in aws if is_account_id(value) or value.endswith(":root")}
        sessions = {value for value in aws if value.startswith("arn:aws:sts:")}
        self._sessions = {value: bound.get(value, "") for value in sessions}
        self._ids = frozenset(bound.get(value, value) for value in aws - sessions)
        self._arns = frozenset(value for value in aws - sessions if value not in bound)

    def closeness(self, caller: Caller) -> Closeness:
        """How closely these principals name `caller`.

        A verified token is named by its provider alone, a service by its own name; the operator on the host by the service that
        stands for its socket.
        """
        kind = caller.kind
        if kind == "web-identity":
            return DIRECT if caller.provider_arn in self._federated else NOT
        if kind == "service":
            return DIRECT if caller.provider_arn in self._services else NOT
        if self.everyone or (self._sessions and self._names_session(caller)):
            return DIRECT
        if self._names_principal(caller):
            return DIRECT if kind == "user" else ROLE
        if kind == "operator" and caller.provider_arn in self._services:
            return DIRECT
        return ACCOUNT if caller.account in self._accounts else NOT

    def spare(self, caller: Caller) -> bool:
        """Whether a `NotPrincipal` of these leaves `caller` out: its account, its principal and its session must all be listed."""
        kind = caller.kind
        if kind == "web-identity":
            return caller.provider_arn in self._federated
        if kind == "service":
            return caller.provider_arn in self._services
        if caller.account not in self._accounts:
            return False
        if kind == "root":
            return True
        return self._names_principal(caller) and (kind == "user" or self._names_session(caller))

    def _names_session(self, caller: Caller) -> bool:
        bound = self._sessions.get(caller.arn) if caller.kind in ("role", "federated-user") else None
        return bound is not None and bound in ("", caller.principal_id)

    def _names_principal(self, caller: Caller) -> bool:
        return caller.kind in _PRINCIPALS and (caller.principal_id in self._ids or caller.principal_arn in self._arns)


def _account_of(value: str) -> str:
    return value if is_account_id(value) else value.split(":")[4]
