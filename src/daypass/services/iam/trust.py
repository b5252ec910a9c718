"""Trust policies: bind each principal named in one to the unique id it has now, and show a policy as its principals are called today.

A principal that is deleted and made again by the same name is another one and is not trusted (fact sheet A, §3.14). Does not evaluate
a trust policy (policy/ does, with the binding that is made here), nor judge whether it is wise.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from daypass.services.iam import quotas
from daypass.services.iam.documents import read_document, weight
from daypass.store.records import Role
from daypass.values.arn import Arn, read_arn, role_session_arn
from daypass.values.errors import Refusal
from daypass.values.ids import is_account_id

if TYPE_CHECKING:
    from daypass.way.context import Context


def read_trust(ctx: Context, text: str) -> dict[str, str]:
    """Check a trust policy and bind its principals: principal as written → unique id.

    Raises LimitExceeded, MalformedPolicyDocument: bad grammar, an unknown AWS principal, a provider of another account.
    Source: IAM User Guide, "AWS JSON policy elements: Principal".
    """
    quotas.within("ACLSizePerRole", quotas.TRUST_SIZE, weight(text))  # (1) size
    document = read_document(ctx, text, "trust")  # (2) grammar, guard rails
    bound = {}
    for kind, principal in sorted(document.principals()):
        if kind == "AWS" and principal != "*" and not _is_account(ctx, principal):
            bound[principal] = _get_unique_id(ctx, principal)  # (3) whom it means now
        elif kind == "Federated":
            _check_provider(ctx, principal)  # (4) a provider of this account only
    return bound


def _invalid(kind: str, principal: str) -> Refusal:
    return Refusal("MalformedPolicyDocument", f'Invalid principal in policy: "{kind}":"{principal}"')


def _is_account(ctx: Context, principal: str) -> bool:
    """Whether this names an account that exists. An account needs no binding: its number is its unique id and never used again."""
    number = principal
    if (arn := read_arn(principal)) and arn == Arn("aws", "iam", "", arn.account, "root"):
        number = arn.account
    return is_account_id(number) and ctx.store.accounts.find(number) is not None


def _get_unique_id(ctx: Context, principal: str) -> str:
    if (unique_id := find_unique_id(ctx, principal)) is None:
        raise _invalid("AWS", principal)
    return unique_id


def find_unique_id(ctx: Context, principal: str) -> str | None:
    """The unique id of the user, role or role session that is named by ARN or by the unique id itself."""
    arn = read_arn(principal)
    if arn is None:
        named = ctx.store.principal(principal)
        return named.id if named else None
    if arn.service == "sts":
        role = _find_role_of_session(ctx, arn)
        return role.id if role else None
    found = ctx.store.users.by_arn(principal) or ctx.store.roles.by_arn(principal)
    return found.id if found else None


def _find_role_of_session(ctx: Context, arn: Arn) -> Role | None:
    parts = arn.resource.split("/")
    if len(parts) != 3 or parts[0] != "assumed-role" or not parts[2]:
        return None
    role = ctx.store.roles.named(arn.account, parts[1])
    # The whole ARN must be the one that a session has, so that no other spelling (case, region, partition) is bound to the role.
    return role if role and role_session_arn(role.account, role.name, parts[2]) == str(arn) else None


def _check_provider(ctx: Context, principal: str) -> None:
    """A provider need not exist yet (fact sheet A, §4.6), but one of another account is never consulted and is refused at once."""
    arn = read_arn(principal)
    if arn and (arn.partition, arn.service, arn.account) != ("aws", "iam", ctx.account):
        raise _invalid("FEDERATED", principal)


def shown_trust(ctx: Context, role: Role) -> str:
    """The trust policy's text, each bound principal under today's ARN, or as its unique id once it is gone."""
    renamed = {}
    for principal, unique_id in role.trusted.items():
        if (name := _name_today(ctx, principal, unique_id)) != principal:
            renamed[principal] = name
    if not renamed:
        return role.trust
    document = json.loads(role.trust)  # was read strictly when it was stored
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if isinstance(principals := statement.get("Principal"), dict) and "AWS" in principals:
            principals["AWS"] = _rename(principals["AWS"], renamed)
    return json.dumps(document)


def _rename(principals: Any, renamed: dict[str, str]) -> Any:
    if isinstance(principals, list):
        return [renamed.get(principal, principal) for principal in principals]
    return renamed.get(principals, principals)


def _name_today(ctx: Context, principal: str, unique_id: str) -> str:
    found = ctx.store.principal(unique_id)
    if found is None:
        return unique_id
    arn = read_arn(principal)
    if arn and arn.service == "sts":
        return role_session_arn(found.account, found.name, arn.resource.rsplit("/", 1)[1])
    return found.arn
