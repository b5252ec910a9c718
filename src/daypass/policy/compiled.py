"""A policy made ready to be asked many times: which statements speak of an action, and do they hold here. Does not combine policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from daypass.policy.conditions import Holds, compile_condition
from daypass.policy.document import Document, Effect, Kind, Statement, read_document
from daypass.policy.match import Matcher, compile_any, compile_glob, read_tokens
from daypass.policy.principal import Closeness, Named, Principals
from daypass.policy.variables import Context, Template, bind, constant, read_template
from daypass.values.caller import Caller
from daypass.values.folding import fold

MAX_REMEMBERED = 512  # actions remembered per policy; more than any caller asks, and a bound for one who tries them all
_PRINCIPAL_ARN = "aws:principalarn"

Applies = Callable[[str, Context], bool]
_NONE_NAMED: Mapping[str, str] = {}


class Rule(NamedTuple):
    """A compiled statement. `label` is its Sid, or its position.

    `principals` is None in policies that belong to a principal.
    """

    policy: str
    label: str
    effect: Effect
    covers: Matcher  # of a folded action
    applies: Applies  # to this resource, in this context
    principals: Principals | None = None
    not_principal: bool = False
    names_principal: bool = False  # whether its condition speaks of aws:PrincipalArn


Candidates = tuple[tuple[Rule, ...], tuple[Rule, ...]]  # denies and allows that speak of one action


class Policy:
    """A compiled policy; immutable but for what it remembers of actions already asked."""

    __slots__ = ("_remembered", "_rules", "bound", "document", "kind", "name")

    def __init__(self, document: Document, kind: Kind, name: str, bound: Mapping[str, str]) -> None:
        self.document = document
        self.kind = kind
        self.name = name
        self.bound = bound
        self._rules = tuple(_compile(one, document.variables, name, bound) for one in document.statements)
        self._remembered: dict[str, Candidates] = {}

    def __repr__(self) -> str:
        return f"Policy({self.kind}, {self.name!r}, {len(self._rules)} statements)"

    def principals(self) -> frozenset[Named]:
        """Every principal that the policy names, as (type, value)."""
        return frozenset(named for one in self.document.statements for named in one.principals or ())

    def candidates(self, action: str) -> Candidates:
        """The rules that speak of `action`: denies, allows."""
        found = self._remembered.get(action)
        if found is None:
            folded = fold(action)
            covering = [rule for rule in self._rules if rule.covers(folded)]
            found = (
                tuple(rule for rule in covering if rule.effect == "Deny"),
                tuple(rule for rule in covering if rule.effect == "Allow"),
            )
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[action] = found
        return found

    def judge(self, action: str, resource: str, context: Context) -> Rule | None:
        """What decides in a policy of the caller's side: the first deny that holds, else the first allow, else None."""
        denies, allows = self._remembered.get(action) or self.candidates(action)
        for rule in denies:
            if rule.applies(resource, context):
                return rule
        for rule in allows:
            if rule.applies(resource, context):
                return rule
        return None

    def judge_caller(
        self, caller: Caller, bounded: bool, action: str, resource: str, context: Context
    ) -> tuple[Rule | None, Closeness]:
        """The same for a resource's own policy: a deny that means `caller`, else the allow that names it most closely, and how closely.

        `bounded` tells that the caller has a permissions boundary, which no NotPrincipal spares (IAM User Guide, "NotPrincipal").
        """
        denies, allows = self.candidates(action)
        for rule in denies:
            if _means(rule, caller, bounded) and rule.applies(resource, context):
                return rule, Closeness.NOT
        allow, best = None, Closeness.NOT
        for rule in allows:
            closeness = _closeness(rule, caller)
            if closeness > best and rule.applies(resource, context):
                allow, best = rule, closeness
        return allow, best


def read_policy(text: str, kind: Kind, *, name: str = "", principals: Mapping[str, str] = _NONE_NAMED) -> Policy:
    """Read and compile a policy of `kind`, called `name` (its ARN or inline name) in decisions.

    `principals` maps a principal's ARN in the text to the unique id that it is bound to: then only a caller with that id is meant.
    Raises PolicyError with AWS's message.
    """
    return Policy(read_document(text, kind), kind, name, principals)


def unreadable(kind: Kind, name: str) -> Policy:
    """What stands in for a stored policy that cannot be read: it denies everything (attacks row C43)."""
    everyone = frozenset({("AWS", "*")}) if kind in ("trust", "resource", "rcp") else None
    deny = Statement("Unreadable", 1, "Deny", everyone, False, ("*",), False, ("*",), False, {})
    return Policy(Document(True, (deny,)), kind, name, {})


def _compile(one: Statement, variables: bool, policy: str, bound: Mapping[str, str]) -> Rule:
    covers = compile_any([read_tokens(fold(action)) for action in one.actions])
    return Rule(
        policy=policy,
        label=one.sid or str(one.position),
        effect=one.effect,
        covers=(lambda action: not covers(action)) if one.not_action else covers,
        applies=_compile_applies(one, variables, compile_condition(one.condition, variables=variables)),
        principals=None if one.principals is None else Principals(one.principals, bound),
        not_principal=one.not_principal,
        names_principal=any(fold(key) == _PRINCIPAL_ARN for keys in one.condition.values() for key in keys),
    )


def _compile_applies(one: Statement, variables: bool, holds: Holds | None) -> Applies:
    """One test for the resource and the conditions; the common shapes have their own, since it runs at every decision."""
    if one.not_resource if one.resources == () else one.resources == ("*",) and not one.not_resource:
        return (lambda resource, context: True) if holds is None else (lambda resource, context: holds(context))
    templates: list[Template] = [read_template(text, variables=variables, wildcards=True) for text in one.resources]
    fixed = compile_any([tokens for template in templates if (tokens := constant(template)) is not None])
    open_ = tuple(bind(template, compile_glob) for template in templates if constant(template) is None)
    if not open_ and not one.not_resource:
        if holds is None:
            return lambda resource, context: fixed(resource)
        return lambda resource, context: fixed(resource) and holds(context)

    def applies(resource: str, context: Context) -> bool:
        named = fixed(resource) or any((matches := bound(context)) is not None and matches(resource) for bound in open_)
        return named is not one.not_resource and (holds is None or holds(context))

    return applies


def _means(rule: Rule, caller: Caller, bounded: bool) -> bool:
    """Whether a deny is aimed at `caller`. INVARIANT: a deny of everyone means everyone, whatever kind of caller it is."""
    if rule.principals is None:
        return True
    if rule.not_principal:
        return bounded or not rule.principals.spare(caller)
    return rule.principals.everyone or rule.principals.closeness(caller) is not Closeness.NOT


def _closeness(rule: Rule, caller: Caller) -> Closeness:
    """How closely an allow names `caller`. Everyone, narrowed by aws:PrincipalArn, names a session's role and not the session itself."""
    if rule.principals is None or rule.not_principal:
        return Closeness.NOT
    closeness = rule.principals.closeness(caller)
    if closeness is Closeness.DIRECT and caller.kind == "role" and rule.principals.everyone and rule.names_principal:
        return Closeness.ROLE
    return closeness
