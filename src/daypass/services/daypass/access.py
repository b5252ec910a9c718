"""DecideAccess and ListAllowedPrincipals: may they, asked ahead. The one `decide` answers; nothing is done and no session is made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from daypass import policy
from daypass.policy import rails
from daypass.policy.document import TRUST_ACTIONS
from daypass.services.daypass.principals import Standing, Supposing, everyone, get_caller, standing_of, target_facts
from daypass.services.daypass.server import on_account
from daypass.services.sts.credentials import find_role, role_tags, trust_of
from daypass.store.records import Role
from daypass.values.arn import read_arn
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Values
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.context import Context
from daypass.way.operation import Output, operation

DEFAULT_LOOKED_AT = 250  # principals per call of ListAllowedPrincipals
_AT_ONCE = 25  # principals gathered under the lock at a time, so that nobody waits for long
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+", re.ASCII)
_ROOT_MAY_NOT = "Roles may not be assumed by root accounts."


class Question(NamedTuple):
    """An ask, as far as it is the same for everybody: what is wanted, and the condition keys supposed of the request."""

    action: str
    resource: str
    supposed: Mapping[str, Values]

    def ask(self, ctx: Context, caller: Caller) -> Ask:
        """The ask of `caller`. A resource whose ARN names no account is taken for one of the caller's own."""
        role = find_role(ctx, self.resource)
        if fold(self.action) in TRUST_ACTIONS:
            if role is None:
                raise _no_role(ctx, self.resource)
            return Ask(self.action, self.resource, role.account, role_tags(role), "must", trust_for(ctx, role, self.action))
        arn = read_arn(self.resource)
        account = arn.account if arn and arn.account else caller.account
        return Ask(self.action, self.resource, account, _tags_of(ctx, self.resource))


@operation("daypass", asks=on_account("DecideAccess"))
def decide_access(
    ctx: Context, *, principal: str, action: str, resource: str, context: Sequence[Mapping[str, Any]] | None = None
) -> Output:
    """Whether `principal` may do `action` on `resource` now, or what of the request would have to be otherwise.

    Raises Refusal (ValidationError) for a principal, action or role that is not there.
    """
    question = read_question(action, resource, context)
    caller = get_caller(ctx, principal)
    ask = question.ask(ctx, caller)

    def work() -> Mapping[str, Any]:
        [answer] = _answers(ctx, question, [caller])
        return shown(*answer)

    return {**ctx.elsewhere(work), "ResourceAccount": ask.account}


@operation("daypass", asks=on_account("ListAllowedPrincipals"))
def list_allowed_principals(
    ctx: Context,
    *,
    action: str,
    resource: str,
    context: Sequence[Mapping[str, Any]] | None = None,
    max_results: int = DEFAULT_LOOKED_AT,
    next_token: str | None = None,
) -> Output:
    """Who may do `action` on `resource`, of the next `max_results` principals: roles, users and roots of every account.

    Those are left out whom no request could get it.
    """
    question = read_question(action, resource, context)
    after = tuple(next_token.split("|", 2)) if next_token else ("", "", "")
    if len(after) != 3:
        raise Refusal("ValidationError", "The NextToken is not one that this server gave")

    def work() -> dict[str, Any]:
        with ctx.node.store.reading():
            listed = list(everyone(ctx, action))
        waiting = [(place, caller) for place, caller in listed if place > after]
        looked_at = waiting[:max_results]
        found = [shown(*answer) for answer in _answers(ctx, question, [caller for _, caller in looked_at])]
        output = {
            "Principals": [one for one in found if one["Verdict"] != "denied"],
            "Examined": len(listed) - len(waiting) + len(looked_at),
            "Total": len(listed),
        }
        if len(waiting) > len(looked_at):
            output["NextToken"] = "|".join(looked_at[-1][0])
        return output

    return ctx.elsewhere(work)


def read_question(action: str, resource: str, context: Sequence[Mapping[str, Any]] | None) -> Question:
    """The question in these parameters. Raises Refusal (ValidationError) unless the action is one by its full name."""
    if _ACTION.fullmatch(action) is None:
        raise Refusal("ValidationError", f"{action} is no action: give one by its full name, without wildcards, such as s3:GetObject")
    if resource != "*" and read_arn(resource) is None:
        raise Refusal("ValidationError", f"{resource} is no resource: give an ARN, or * for an action that has none")
    return Question(action, resource, read_context(context))


def read_context(entries: Sequence[Mapping[str, Any]] | None) -> dict[str, Values]:
    """Condition keys, lower-case: one value is a single-valued key, none or several are a set. Raises Refusal for a key given twice."""
    context: dict[str, Values] = {}
    for entry in entries or ():
        key, values = fold(entry["Key"]), entry["Values"]
        if key in context:
            raise Refusal("ValidationError", f"The context key {entry['Key']} comes twice; give its values together")
        context[key] = values[0] if len(values) == 1 else tuple(values)
    return context


def _answers(ctx: Context, question: Question, callers: Iterable[Caller]) -> Iterator[tuple[Caller, policy.Supposition, Mapping[str, str]]]:
    """Each caller's answer, and how its keys are spelled; on an outside thread, so the state is read under its lock, a few at a time."""
    supposing = Supposing(question.supposed)
    waiting = iter(callers)
    while batch := list(islice(waiting, _AT_ONCE)):
        with ctx.node.store.reading():
            gathered = [_gathered(ctx, question, caller) for caller in batch]
        for standing, ask, facts, layers in gathered:
            caller = standing.caller
            if (rule := _never(ctx, question, caller, ask)) is not None:
                yield caller, policy.Supposition("denied", Decision(False, True, "none", statement=rule)), {}
                continue
            suppose = supposing.of(caller)
            answer = suppose.ask(ask, caller, {**facts, **standing.facts, **question.supposed}, layers)
            yield caller, answer, suppose.spelled


def _gathered(ctx: Context, question: Question, caller: Caller) -> tuple[Standing, Ask, Mapping[str, Values], policy.Layers]:
    ask = question.ask(ctx, caller)
    return standing_of(ctx, caller), ask, target_facts(ctx, ask), ctx.store.layers_of(caller, ask)


def _never(ctx: Context, question: Question, caller: Caller, ask: Ask) -> str | None:
    """The rule by which the operation itself refuses, whatever policies say."""
    assumes = fold(question.action) in TRUST_ACTIONS
    if caller.kind == "root" and fold(question.action) == "sts:assumerole":
        return _ROOT_MAY_NOT
    closed = [account for account in (caller.account, ask.account if assumes else "") if account in ctx.store.closed_accounts]
    return f"The account {closed[0]} is closed." if closed else None


def _no_role(ctx: Context, resource: str) -> Refusal:
    arn = read_arn(resource)
    account = arn.account if arn else ""
    owner = ctx.store.accounts.find(account)
    where = f"account {account} ({owner.name})" if owner else f"account {account or '(none)'}, which is not here"
    return Refusal("ValidationError", f"There is no role {resource} in {where}; see: aws iam list-roles")


def _tags_of(ctx: Context, arn: str) -> dict[str, Values]:
    """The tags of an IAM entity of this ARN, as condition keys."""
    store = ctx.store
    kinds = (store.roles, store.users, store.policies, store.instance_profiles, store.oidc_providers)
    tags = next((found.tags for records in kinds if (found := records.by_arn(arn)) is not None), ())
    return {f"{prefix}:resourcetag/{fold(key)}": value for key, value in tags for prefix in ("aws", "iam")}


def trust_for(ctx: Context, role: Role, action: str) -> policy.Policy:
    """The trust policy of `role` as it counts for `action`: trusting nobody where a guard rail forbids to act upon it (web_identity.py)."""
    trust = ctx.store.trust_of(role)
    by_token = fold(action) == "sts:assumerolewithwebidentity"
    acted_upon = not by_token or rails.usable(trust.document, trust.kind, role.account, ctx.node.rules.rails)
    return trust if acted_upon else trust_of(ctx, None)


def shown(caller: Caller, answer: policy.Supposition, spelled: Mapping[str, str]) -> dict[str, Any]:
    """An answer as the model spells it."""
    decision = answer.decision
    return {
        "Principal": caller.principal_arn or caller.arn,
        "Account": caller.account,
        "Kind": caller.kind,
        "Verdict": answer.verdict,
        "Explicit": decision.explicit,
        "Layer": decision.layer,
        "Policy": decision.policy,
        "Statement": decision.statement,
        "Assumed": shown_context(answer.assumed, spelled),
    }


def shown_context(assumed: policy.Assumed, spelled: Mapping[str, str]) -> list[dict[str, Any]]:
    """What would have to hold, as context entries in the policies' own spelling; one without values must be absent."""
    return [
        {"Key": spelled.get(key, key), "Values": [] if value is None else [value] if isinstance(value, str) else list(value)}
        for key, value in sorted(assumed.items())
    ]
