"""Service and resource control policies: made, changed, shown, deleted. What they are attached to is in attachments.py.

Other types of policy are not offered: nothing here would heed them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass import policy
from daypass.policy.document import Document
from daypass.services.daypass.first_start import letters
from daypass.services.organizations import refusals
from daypass.services.organizations.asks import By, managed
from daypass.services.organizations.places import get_organization, get_policy
from daypass.services.organizations.show import AVAILABLE, PAGE, Members, page, show_full_access, show_policy
from daypass.services.organizations.tagging import Given, read_tags
from daypass.store.guards import FULL_ACCESS, FULL_ACCESS_IDS, RCP_SERVICES
from daypass.store.records import Organization, OrganizationPolicy, OrganizationPolicyType
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

_KINDS: Mapping[OrganizationPolicyType, policy.Kind] = {"SERVICE_CONTROL_POLICY": "scp", "RESOURCE_CONTROL_POLICY": "rcp"}

_EVERYONE = frozenset({("AWS", "*")})


def available(kind: str) -> OrganizationPolicyType:
    """The type of policy of this name. Raises PolicyTypeNotAvailableForOrganizationException for one that this server does not know."""
    found = next((known for known in AVAILABLE if known == kind), None)
    if found is None:
        message = f"The policy type {kind} is not available: only {' and '.join(AVAILABLE)} are."
        raise Refusal("PolicyTypeNotAvailableForOrganizationException", message)
    return found


@operation("organizations", asks=managed("organizations:CreatePolicy", by=By.DELEGATE), writes=True)
def create_policy(ctx: Context, *, content: str, description: str, name: str, type: str, tags: Given = ()) -> Output:
    """Make a policy, attached to nothing yet."""
    organization = get_organization(ctx)
    kind = available(type)
    _check_name(ctx, organization, name)
    _check_text(content, kind)
    held = sum(1 for one in ctx.store.organization_policies.of(organization.account) if one.kind == kind)
    if held >= refusals.POLICIES[kind]:
        raise refusals.violation(
            "POLICY_NUMBER_LIMIT_EXCEEDED", f"An organization has at most {refusals.POLICIES[kind]} of these policies."
        )
    while ctx.store.organization_policies.find(id := f"p-{letters(ctx.random, 8)}") is not None:
        pass
    made = OrganizationPolicy(
        id=id,
        account=organization.account,
        created=ctx.now,
        organization=organization.id,
        title=name,
        kind=kind,
        text=content,
        description=description,
        tags=read_tags(tags),
    )
    ctx.changes.put(made)
    return _shown(made)


def _check_name(ctx: Context, organization: Organization, name: str, besides: str = "") -> None:
    others = (one for one in ctx.store.organization_policies.of(organization.account) if one.id != besides)
    if any(one.title == name for one in others) or name in (id.removeprefix("p-") for id in FULL_ACCESS_IDS.values()):
        raise Refusal("DuplicatePolicyException", "A policy with the same name already exists.")


def _check_text(text: str, kind: OrganizationPolicyType) -> None:
    if len(text) > (most := refusals.POLICY_SIZE[kind]):
        raise refusals.violation("POLICY_CONTENT_LIMIT_EXCEEDED", f"A policy of this type has at most {most} characters.")
    try:
        read = policy.read_policy(text, _KINDS[kind])
    except policy.PolicyError as error:
        raise _malformed(str(error)) from None
    if kind == "RESOURCE_CONTROL_POLICY":
        _check_resource_control(read.document)


def _check_resource_control(document: Document) -> None:
    """Such a policy denies, whoever asks, actions of the services that it can guard (AWS Organizations User Guide, "RCP syntax")."""
    for statement in document.statements:
        if statement.effect != "Deny":
            raise _malformed("the Effect of a resource control policy is Deny.")
        if statement.not_principal or statement.principals != _EVERYONE:
            raise _malformed('the Principal of a resource control policy is "*".')
        if statement.not_action or any(fold(action.partition(":")[0]) not in RCP_SERVICES for action in statement.actions):
            raise _malformed("a resource control policy names Actions, each with the prefix of a service that supports such policies.")


def _malformed(why: str) -> Refusal:
    message = f"The provided policy document does not meet the requirements of the specified policy type: {why}"
    return Refusal("MalformedPolicyDocumentException", message)


def show_any_policy(ctx: Context, organization: Organization, id: str) -> Members:
    """The PolicySummary of one of the organization's own or of AWS's."""
    kind = next((kind for kind, full in FULL_ACCESS_IDS.items() if full == id), None)
    return show_full_access(kind) if kind else show_policy(get_policy(ctx, organization, id))


def _shown(one: OrganizationPolicy) -> Output:
    return {"Policy": {"PolicySummary": show_policy(one), "Content": one.text}}


@operation("organizations", asks=managed("organizations:UpdatePolicy", "policy_id", by=By.DELEGATE), writes=True)
def update_policy(
    ctx: Context, *, policy_id: str, name: str | None = None, description: str | None = None, content: str | None = None
) -> Output:
    """Change a policy; what it says holds at once wherever it is attached."""
    organization = get_organization(ctx)
    found = get_policy(ctx, organization, policy_id)
    if name is not None:
        _check_name(ctx, organization, name, besides=found.id)
    if content is not None:
        _check_text(content, found.kind)
    changed = replace(
        found,
        title=found.title if name is None else name,
        description=found.description if description is None else description,
        text=found.text if content is None else content,
    )
    ctx.changes.put(changed)
    return _shown(changed)


@operation("organizations", asks=managed("organizations:DescribePolicy", "policy_id", by=By.READER))
def describe_policy(ctx: Context, *, policy_id: str) -> Output:
    """Show a policy with its text."""
    organization = get_organization(ctx)
    for kind in AVAILABLE:
        if policy_id == FULL_ACCESS_IDS[kind]:
            return {"Policy": {"PolicySummary": show_full_access(kind), "Content": FULL_ACCESS[kind]}}
    return _shown(get_policy(ctx, organization, policy_id))


@operation("organizations", asks=managed("organizations:DeletePolicy", "policy_id", by=By.DELEGATE), writes=True)
def delete_policy(ctx: Context, *, policy_id: str) -> None:
    """Delete a policy that is attached to nothing."""
    found = get_policy(ctx, get_organization(ctx), policy_id)
    if ctx.store.tree.attached(found.id):
        raise Refusal("PolicyInUseException", "The policy is attached to one or more entities. Detach it from all of them first.")
    ctx.changes.delete(found)


@operation("organizations", asks=managed("organizations:ListPolicies", by=By.READER))
def list_policies(ctx: Context, *, filter: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The policies of a type, AWS's own among them; none of a type that is not offered."""
    organization = get_organization(ctx)
    ids = [one.id for one in ctx.store.organization_policies.of(organization.account) if one.kind == filter]
    ids += [FULL_ACCESS_IDS[kind] for kind in AVAILABLE if kind == filter]
    return page(ctx, "Policies", ids, partial(show_any_policy, ctx, organization), next_token, max_results, of=filter, key=str)
