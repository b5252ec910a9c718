"""A policy made ready to be asked many times: which statements speak of an action, and do they hold here. Does not combine policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from daypass.policy.conditions import Holds, compile_condition
from daypass.policy.document import Document, Effect, Kind, Statement, read_document
from daypass.policy.match import Matcher, compile_any, compile_glob, read_tokens
from daypass.policy.principal import Closeness, Named, Principals
from daypass.policy.variables import Context, Template, constant, expand, read_template
from daypass.values.caller import Caller
from daypass.values.folding import fold

MAX_REMEMBERED = 512  # actions remembered per policy; more than any caller asks, and a bound for one who tries them all
_PRINCIPAL_ARN = "aws:principalarn"

ResourceTest = Callable[[str, Context], bool]
_NONE_NAMED: Mapping[str, str] = {}


class Rule(NamedTuple):
    """A compiled statement. `label` is its Sid, or its position.

    `principals` is None in policies that belong to a principal, `holds` None when there is no condition.
    """

    policy: str
    label: str
    effect: Effect
    covers: Matcher  # of a folded action
    resource: ResourceTest
    holds: Holds | None
    principals: Principals | None
    not_principal: bool
    names_principal: bool  # whether its condition speaks of aws:PrincipalArn


Candidates = tuple[tuple[Rule, ...], tuple[Rule, ...]]  # denies and allows that speak of one action


class Policy:
    """A compiled policy; immutable but for what it remembers of actions already asked."""

    __slots__ = ("_remembered", "_rules", "document", "kind", "name")

    def __init__(self, document: Document, kind: Kind, name: str, bound: Mapping[str, str]) -> None:
        self.document = document
        self.kind = kind
        self.name = name
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

    def judge(self, action: str, resource: str, context: Context) -> tuple[Rule | None, Rule | None]:
        """The first deny and the first allow that hold, for a policy of the caller's side."""
        denies, allows = self.candidates(action)
        return _first(denies, resource, context), _first(allows, resource, context)

    def judge_caller(
        self, caller: Caller, bounded: bool, action: str, resource: str, context: Context
    ) -> tuple[Rule | None, Rule | None, Closeness]:
        """The same for a resource's own policy: a deny that means `caller`, and the allow that names it most closely.

        `bounded` tells that the caller has a permissions boundary, which no NotPrincipal spares (IAM User Guide, "NotPrincipal").
        """
        denies, allows = self.candidates(action)
        denied = next((rule for rule in denies if _means(rule, caller, bounded) and _applies(rule, resource, context)), None)
        allowed, best = None, Closeness.NOT
        for rule in allows:
            closeness = _closeness(rule, caller)
            if closeness > best and _applies(rule, resource, context):
                allowed, best = rule, closeness
        return denied, allowed, best


def read_policy(text: str, kind: Kind, *, name: str = "", principals: Mapping[str, str] = _NONE_NAMED) -> Policy:
    """Read and compile a policy of `kind`, called `name` (its ARN or inline name) in decisions.

    `principals` maps a principal's ARN in the text to the unique id that it is bound to: then only a caller with that id is meant.
    Raises PolicyError with AWS's message.
    """
    return Policy(read_document(text, kind), kind, name, principals)


def unreadable(kind: Kind, name: str) -> Policy:
    """What stands in for a stored policy that cannot be read: it denies everything (attacks row C43)."""
    everyone = frozenset({("AWS", "*")}) if kind in ("trust", "resource") else None
    deny = Statement("Unreadable", 1, "Deny", everyone, False, ("*",), False, ("*",), False, {})
    return Policy(Document(True, (deny,)), kind, name, {})


def _compile(one: Statement, variables: bool, policy: str, bound: Mapping[str, str]) -> Rule:
    covers = compile_any([read_tokens(fold(action)) for action in one.actions])
    return Rule(
        policy=policy,
        label=one.sid or str(one.position),
        effect=one.effect,
        covers=(lambda action: not covers(action)) if one.not_action else covers,
        resource=_compile_resources(one, variables),
        holds=compile_condition(one.condition, variables=variables),
        principals=None if one.principals is None else Principals(one.principals, bound),
        not_principal=one.not_principal,
        names_principal=any(fold(key) == _PRINCIPAL_ARN for keys in one.condition.values() for key in keys),
    )


def _compile_resources(one: Statement, variables: bool) -> ResourceTest:
    templates: list[Template] = [read_template(text, variables=variables, wildcards=True) for text in one.resources]
    fixed = compile_any([tokens for template in templates if (tokens := constant(template)) is not None])
    open_ = tuple(template for template in templates if constant(template) is None)
    negated = one.not_resource
    if not open_:
        return (lambda resource, context: not fixed(resource)) if negated else (lambda resource, context: fixed(resource))

    def test(resource: str, context: Context) -> bool:
        expanded = (expand(template, context) for template in open_)
        matched = fixed(resource) or any(tokens is not None and compile_glob(tokens)(resource) for tokens in expanded)
        return matched is not negated

    return test


def _applies(rule: Rule, resource: str, context: Context) -> bool:
    return rule.resource(resource, context) and (rule.holds is None or rule.holds(context))


def _first(rules: tuple[Rule, ...], resource: str, context: Context) -> Rule | None:
    for rule in rules:
        if rule.resource(resource, context) and (rule.holds is None or rule.holds(context)):
            return rule
    return None


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
