"""The organization's resource policy: which members may do what with its policies. Is not consulted here (asks.py hands it to `decide`).

Source: AWS Organizations User Guide, "Resource-based delegation policies for AWS Organizations".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass import policy
from daypass.policy.match import compile_glob, read_tokens
from daypass.services.daypass.first_start import letters
from daypass.services.iam.trust import find_unique_id
from daypass.services.organizations.asks import DELEGABLE, By, managed
from daypass.services.organizations.places import find_place, get_organization
from daypass.services.organizations.refusals import invalid
from daypass.services.organizations.tagging import Given, read_tags
from daypass.store.records import Account, Organization, ResourcePolicy
from daypass.values.arn import read_arn
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.values.ids import is_account_id
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


@operation("organizations", asks=managed("organizations:PutResourcePolicy"), writes=True)
def put_resource_policy(ctx: Context, *, content: str, tags: Given = ()) -> Output:
    """Set the policy; tags are for a new one only."""
    organization = get_organization(ctx)
    trusted = _read(ctx, organization, content)
    old = organization.resource_policy
    if old is not None and tags:
        raise Refusal("ConstraintViolationException", "Tags can't be given with an update: use TagResource.")
    made = ResourcePolicy(
        id=old.id if old else f"rp-{letters(ctx.random, 8)}",
        text=content,
        trusted=trusted,
        tags=old.tags if old else read_tags(tags),
    )
    ctx.changes.put(replace(organization, resource_policy=made))
    return {"ResourcePolicy": _show(organization, made)}


def _read(ctx: Context, organization: Organization, text: str) -> dict[str, str]:
    """Check the policy and bind its principals to the unique ids that they have now, as in a trust policy. Raises InvalidInputException."""
    try:
        document = policy.read_policy(text, "resource")  # (1) grammar
    except policy.PolicyError as error:
        raise invalid("INVALID_RESOURCE_POLICY_JSON", f"The policy isn't valid: {error}") from None
    for statement in document.document.statements:
        if statement.not_action or statement.not_principal:
            raise invalid("INVALID_RESOURCE_POLICY_JSON", "NotAction and NotPrincipal can't be used.")
        for action in statement.actions:  # (2) nothing that a member could never be let do
            matches = compile_glob(read_tokens(fold(action)))
            if not any(matches(fold(known)) for known in DELEGABLE):
                raise invalid("UNSUPPORTED_ACTION_IN_RESOURCE_POLICY", f"The action {action} can't be delegated.")
    bound = {}
    for kind, principal in sorted(document.principals()):
        number = _account_of(principal)
        if kind != "AWS" or not isinstance(find_place(ctx.store, organization, number), Account):
            raise invalid("INVALID_PRINCIPAL", f"{principal} isn't an account of the organization, nor a principal in one.")  # (3)
        if principal not in (number, f"arn:aws:iam::{number}:root"):
            if (unique_id := find_unique_id(ctx, principal)) is None:
                raise invalid("INVALID_PRINCIPAL", f"The principal {principal} doesn't exist.")
            bound[principal] = unique_id  # (4) whom it means now
    return bound


def _account_of(principal: str) -> str:
    arn = read_arn(principal)
    return arn.account if arn is not None else principal if is_account_id(principal) else ""


def _show(organization: Organization, one: ResourcePolicy) -> dict[str, Any]:
    arn = organization.arn.replace(":organization/", ":resourcepolicy/") + f"/{one.id}"
    return {"ResourcePolicySummary": {"Id": one.id, "Arn": arn}, "Content": one.text}


def _get(organization: Organization) -> ResourcePolicy:
    if organization.resource_policy is None:
        raise Refusal("ResourcePolicyNotFoundException", "We can't find a resource policy.")
    return organization.resource_policy


@operation("organizations", asks=managed("organizations:DescribeResourcePolicy", by=By.READER))
def describe_resource_policy(ctx: Context) -> Output:
    """Show the policy."""
    organization = get_organization(ctx)
    return {"ResourcePolicy": _show(organization, _get(organization))}


@operation("organizations", asks=managed("organizations:DeleteResourcePolicy"), writes=True)
def delete_resource_policy(ctx: Context) -> None:
    """Delete the policy; nothing is delegated by it any more."""
    organization = get_organization(ctx)
    _get(organization)
    ctx.changes.put(replace(organization, resource_policy=None))
