"""SimulateCustomPolicy and SimulatePrincipalPolicy: what policies would decide, asked before acting. Gathers what is asked, does nothing.

The answers are the engine's own (simulate_run.py), with the organization's policies and the trust policies of the account's roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from daypass import policy
from daypass.policy.operators import OPERATORS
from daypass.services import pages
from daypass.services.daypass.principals import caller_of, standing_of
from daypass.services.iam import entities
from daypass.services.iam.asks import on_anything
from daypass.services.iam.listing import INVALID_MARKER, PAGE
from daypass.services.iam.simulate_run import Scene, Simulation, Trust
from daypass.services.iam.simulate_sources import Entity, Exclusions, Source, boundary, check_size, given, own
from daypass.store.records import Group, Role, User
from daypass.values.arn import read_arn, root_arn
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import Output, operation

if TYPE_CHECKING:
    from daypass.way.context import Context

MAX_COMBINATIONS = 10_000  # of actions and resources in one simulation; a page evaluates as many as it shows
MAX_WORK = 10**9  # characters of policies times those that they are held against; the worst patterns take some 3 ns for each
BASE_SIZE = 1000  # characters that stand for what an evaluation costs whatever its policies
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+", re.ASCII)
_OF_PRINCIPAL = ("aws:principal", "aws:userid", "aws:username")  # what is known of a caller before it sends anything
# How the values of a type are read (IAM API reference, ContextEntry); all others are text.
_READ_AS = {"numeric": "NumericEquals", "boolean": "Bool", "ip": "IpAddress", "binary": "BinaryEquals", "date": "DateEquals"}


def on_source(action: str) -> Any:
    """Ask for `action` on the user, group or role `policy_source_arn`."""

    def asks(ctx: Context, params: Mapping[str, Any]) -> Iterator[Ask]:
        arn = params["policy_source_arn"]
        yield Ask(action, arn, ctx.account, tags_of(find_entity(ctx, arn)))

    return asks


def find_entity(ctx: Context, arn: str) -> Entity | None:
    """The user, group or role of the caller's account with this ARN."""
    found = ctx.store.users.by_arn(arn) or ctx.store.groups.by_arn(arn) or ctx.store.roles.by_arn(arn)
    return found if found is not None and found.account == ctx.account else None


def get_entity(ctx: Context, arn: str) -> Entity:
    """The same. Raises InvalidInput for the ARN of something else, NoSuchEntity."""
    parts = read_arn(arn)
    kind = parts.resource.partition("/")[0] if parts and parts.service == "iam" else ""
    if parts is None or kind not in ("user", "group", "role"):
        raise Refusal("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    if (found := find_entity(ctx, arn)) is None:
        raise entities.no_such(f"The {kind} with name {parts.resource.rpartition('/')[2]} cannot be found.")
    return found


def tags_of(entity: Entity | None) -> dict[str, Values]:
    """The condition keys of an entity's tags."""
    tags = entity.tags if entity else ()
    return {f"{prefix}:resourcetag/{fold(key)}": value for key, value in tags for prefix in ("aws", "iam")}


@operation("iam", asks=on_anything("iam:SimulateCustomPolicy"))
def simulate_custom_policy(
    ctx: Context,
    *,
    policy_input_list: Sequence[str],
    action_names: Sequence[str],
    permissions_boundary_policy_input_list: Sequence[str] | None = None,
    ordered_organization_policy_input_list: Sequence[Mapping[str, Any]] | None = None,
    resource_arns: Sequence[str] | None = None,
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: Sequence[Mapping[str, Any]] | None = None,
    max_items: int = PAGE,
    marker: str | None = None,
) -> Output:
    """What the policies given would decide for a caller who has nothing else. A ResourcePolicy without Resource is a role's trust policy.

    Raises Refusal: InvalidInput.
    """
    if resource_policy is not None and caller_arn is None:
        raise Refusal("InvalidInput", "CallerArn is required with a ResourcePolicy.")
    caller = _caller(ctx, caller_arn) if caller_arn else _nobody(ctx)
    levels = [
        given(level.get("ServiceControlPolicyInputList"), f"OrderedOrganizationPolicyInputList.{number}")
        for number, level in enumerate(ordered_organization_policy_input_list or (), 1)
    ]
    scene = Scene(
        caller=caller,
        owner=_owner(ctx, resource_owner, resource_arns, resource_policy),
        context={**_known_of(ctx, caller), **read_context(context_entries)},
        identity=given(policy_input_list, "PolicyInputList"),
        boundary=_one_boundary(permissions_boundary_policy_input_list),
        scp_texts=levels,
        resource_policy=resource_policy or "",
    )
    return _simulate(ctx, scene, action_names, resource_arns, marker, max_items, "custom")


@operation("iam", asks=on_source("iam:SimulatePrincipalPolicy"))
def simulate_principal_policy(
    ctx: Context,
    *,
    policy_source_arn: str,
    action_names: Sequence[str],
    policy_input_list: Sequence[str] | None = None,
    permissions_boundary_policy_input_list: Sequence[str] | None = None,
    policy_exclusion_list: Sequence[Mapping[str, Any]] | None = None,
    resource_arns: Sequence[str] | None = None,
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: Sequence[Mapping[str, Any]] | None = None,
    max_items: int = PAGE,
    marker: str | None = None,
) -> Output:
    """What the policies of a user, group or role would decide, with its boundary, the organization's policies and, for a role of the
    account that is to be assumed, its trust policy; `policy_input_list` is added, `policy_exclusion_list` left out.

    Raises Refusal: NoSuchEntity, InvalidInput.
    """
    entity = get_entity(ctx, policy_source_arn)
    without = Exclusions(policy_exclusion_list)
    if caller_arn is None and resource_policy is not None and isinstance(entity, Group):
        raise Refusal("InvalidInput", "CallerArn is required with a ResourcePolicy when the PolicySourceArn is a group.")
    caller = _caller(ctx, caller_arn) if caller_arn else _nobody(ctx) if isinstance(entity, Group) else caller_of(ctx, entity)
    bounds = _one_boundary(permissions_boundary_policy_input_list)
    if not bounds and not without.type("permission-boundary"):
        bounds = [one for one in boundary(ctx, entity) if not without.names(one)]
    guards = ctx.store.layers_of(_root(ctx), Ask("sts:", "", ctx.account))
    scene = Scene(
        caller=caller,
        owner=_owner(ctx, resource_owner, resource_arns, resource_policy),
        context={**_known_of(ctx, caller), **read_context(context_entries)},
        identity=[*without.keep(own(ctx, entity)), *given(policy_input_list, "PolicyInputList")],
        boundary=bounds,
        scps=() if without.type("scp") else guards.scps,
        rcps=() if without.type("rcp") else guards.rcps,
        resource_policy=resource_policy or "",
        facts={arn: tags_of(find_entity(ctx, arn)) for arn in resource_arns or ()},
        trusts={arn: _trust(role) for arn in resource_arns or () if isinstance(role := find_entity(ctx, arn), Role)},
    )
    return _simulate(ctx, scene, action_names, resource_arns, marker, max_items, entity.id)


def _simulate(
    ctx: Context, scene: Scene, actions: Sequence[str], resources: Sequence[str] | None, marker: str | None, limit: int, of: str
) -> Output:
    """One page of results, worked out on an outside thread."""
    if wrong := next((action for action in actions if _ACTION.fullmatch(action) is None), None):
        raise Refusal("InvalidInput", f"Invalid action name: {wrong}. Give its full name, without wildcards.")
    for arn in resources or ():
        if arn != "*" and read_arn(arn) is None:
            raise Refusal("InvalidInput", f"Invalid resource: {arn}. It must be an ARN or *.")
    actions, resources = list(dict.fromkeys(actions)), list(dict.fromkeys(resources or ("*",)))
    if len(actions) * len(resources) > MAX_COMBINATIONS:
        raise Refusal("InvalidInput", f"A simulation may have {MAX_COMBINATIONS} combinations of actions and resources.")
    size = check_size([*scene.identity, *scene.boundary, *(one for level in scene.scp_texts for one in level)])
    pairs = [(action, resource) for action in actions for resource in resources]

    def cut(limit: int) -> tuple[list[int], str | None]:
        scope, refusal = f"{ctx.account}/iam/simulate/{of}", Refusal("ValidationError", INVALID_MARKER)
        return pages.cut(range(len(pairs)), key=lambda n: f"{n:05d}", scope=scope, marker=marker, limit=limit, refusal=refusal)

    def work() -> Output:
        numbers, _ = cut(limit)
        numbers, following = cut(_affordable([pairs[number] for number in numbers], size))
        results = Simulation(scene).results(pairs[number] for number in numbers)
        return {"EvaluationResults": results, "IsTruncated": following is not None} | ({"Marker": following} if following else {})

    return ctx.elsewhere(work)


def _affordable(page: Sequence[tuple[str, str]], size: int) -> int:
    """How many of a page are evaluated at once: one, and as many more as MAX_WORK allows. What is left comes with the next page.

    INVARIANT: what one request costs is bounded, whatever is written into its policies; patterns take time in proportion to their own
    length and that of the text (policy/match.py).
    """
    work = count = 0
    for action, resource in page:
        work += (size + BASE_SIZE) * (len(action) + len(resource))
        if count and work > MAX_WORK:
            break
        count += 1
    return max(count, 1)


def read_context(entries: Iterable[Mapping[str, Any]] | None) -> dict[str, Values]:
    """ContextEntries as condition keys, lower-case: a value for a plain type, a set of them for a list type.

    Raises InvalidInput for a key that comes twice, several values of a plain type, and a value that its type does not have.
    """
    context: dict[str, Values] = {}
    for entry in entries or ():
        name, values = entry.get("ContextKeyName", ""), tuple(entry.get("ContextKeyValues") or ())
        kind: str = entry.get("ContextKeyType", "string")
        if fold(name) in context:
            raise Refusal("InvalidInput", f"The context key {name} comes twice.")
        if (test := OPERATORS.get(_READ_AS.get(kind.removesuffix("List"), ""))) is not None:
            try:
                test.compile(values, False)
            except policy.PolicyError:
                raise Refusal("InvalidInput", f"Invalid context value: a value of {name} is no {kind.removesuffix('List')}.") from None
        if kind.endswith("List"):
            context[fold(name)] = values
        elif len(values) == 1:
            context[fold(name)] = values[0]
        else:
            raise Refusal("InvalidInput", f"Invalid context value: {name} is no list and must have one value.")
    return context


def _trust(role: Role) -> Trust:
    return Trust(Source(f"role_{role.name}_trust-policy", "resource", role.trust), role.trusted)


def _one_boundary(texts: Sequence[str] | None) -> list[Source]:
    if len(texts or ()) > 1:
        raise Refusal("InvalidInput", "PermissionsBoundaryPolicyInputList takes one policy.")
    return given(texts, "PermissionsBoundaryPolicyInputList")


def _owner(ctx: Context, owner: str | None, resources: Sequence[str] | None, resource_policy: str | None) -> str:
    """The account that the resources belong to: as it is said, with a policy of theirs as their ARN says, else the caller's."""
    if owner is not None:
        arn = read_arn(owner)
        if arn is None or str(arn) != root_arn(arn.account):
            raise Refusal("InvalidInput", f"Invalid ResourceOwner: {owner} is no ARN of an account.")
        return arn.account
    found = {arn.account for text in resources or () if (arn := read_arn(text)) and arn.account} if resource_policy else set()
    if len(found) > 1:
        raise Refusal("InvalidInput", "ResourceOwner is required: the resources are of several accounts.")
    return found.pop() if found else ctx.account


def _caller(ctx: Context, arn: str) -> Caller:
    """The caller that an ARN names: one of the account as it is, one of another account by its ARN alone. Raises InvalidInput."""
    found = find_entity(ctx, arn)
    if isinstance(found, User | Role):
        return caller_of(ctx, found)
    parts = read_arn(arn)
    if parts is None or parts.service != "iam" or parts.resource.partition("/")[0] != "user":
        raise Refusal("InvalidInput", f"Invalid CallerArn: {arn} is no ARN of a user.")
    return Caller("user", parts.account, arn, arn, arn, "")


def _nobody(ctx: Context) -> Caller:
    """A caller of the account of whom nothing else is known."""
    return Caller("user", ctx.account, "", "", "", "")


def _root(ctx: Context) -> Caller:
    arn = root_arn(ctx.account)
    return Caller("root", ctx.account, arn, ctx.account, arn, ctx.account)


def _known_of(ctx: Context, caller: Caller) -> dict[str, Values]:
    return {key: value for key, value in standing_of(ctx, caller).facts.items() if key.startswith(_OF_PRINCIPAL)}
