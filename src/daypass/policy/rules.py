"""A statement made ready to be asked: whom, which action and which resource it speaks of, and whether its conditions hold.

Does not combine statements (compiled.py, decide.py do).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from daypass.policy.conditions import Condition, Holds, all_hold, compile_condition
from daypass.policy.document import Effect, Statement
from daypass.policy.match import Matcher, compile_any, compile_glob, read_tokens
from daypass.policy.principal import DIRECT, NOT, ROLE, Closeness, Principals
from daypass.policy.variables import Context, Template, bind, constant, read_template
from daypass.values.caller import Caller
from daypass.values.decision import Decision, Layer
from daypass.values.folding import fold

_PRINCIPAL_ARN = "aws:principalarn"


@dataclass(frozen=True, slots=True)
class Target:
    """A Resource or NotResource element. `heads` are literal beginnings, one of which each resource meant has; None when it may be any.

    A pattern with variables is compiled for the values that they have (`open_`); one that cannot be resolved matches nothing.
    """

    fixed: Matcher
    open_: tuple[Callable[[Context], Matcher | None], ...]
    negated: bool
    heads: tuple[str, ...] | None  # each once

    def settle(self, resource: str) -> Holds | bool:
        """Whether the element means `resource`: an answer, or a test of the context when variables decide."""
        if self.fixed(resource):
            return not self.negated
        if not self.open_:
            return self.negated
        return lambda context: (
            any((matches := bound(context)) is not None and matches(resource) for bound in self.open_) is not self.negated
        )

    def means(self, resource: str, context: Context) -> bool:
        """Whether the element means `resource` in `context`."""
        settled = self.settle(resource)
        return settled if isinstance(settled, bool) else settled(context)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A compiled statement. `label` is its Sid, or its position.

    `principals` is None in policies that belong to a principal. `told` keeps the decisions that it has made, by layer.
    """

    policy: str
    label: str
    effect: Effect
    statement: Statement
    covers: Matcher  # of a folded action
    target: Target
    conditions: tuple[Condition, ...]
    holds: Holds | None  # all of `conditions`; None when there is none
    principals: Principals | None = None
    not_principal: bool = False
    names_principal: bool = False  # whether its condition speaks of aws:PrincipalArn
    told: dict[Layer, Decision] = field(default_factory=dict, repr=False)

    def means(self, caller: Caller, bounded: bool) -> bool:
        """Whether a deny is aimed at `caller`. INVARIANT: a deny of everyone means everyone, whatever kind of caller it is.

        `bounded` tells that the caller has a permissions boundary, which no NotPrincipal spares (IAM User Guide, "NotPrincipal").
        """
        if self.principals is None:
            return True
        if self.not_principal:
            return bounded or not self.principals.spare(caller)
        return self.principals.everyone or self.principals.closeness(caller) is not NOT

    def closeness(self, caller: Caller) -> Closeness:
        """How closely an allow names `caller`. Everyone, narrowed by aws:PrincipalArn, names a session's role and not the session.

        An allow of all but some means everyone, the anonymous too, whom its list names in no way: neither itself, nor its role or account.
        """
        if self.principals is None or (self.not_principal and self.effect == "Deny"):
            return NOT
        closeness, everyone = self.principals.closeness(caller), self.principals.everyone
        if self.not_principal:
            everyone = closeness is NOT and caller.kind not in ("web-identity", "service")
            closeness = DIRECT if everyone else NOT
        if closeness is DIRECT and caller.kind == "role" and everyone and self.names_principal:
            return ROLE
        return closeness


def compile_rule(one: Statement, variables: bool, policy: str, bound: Mapping[str, str]) -> Rule:
    """The rule of a statement in the policy called `policy`. Raises PolicyError for what its conditions or variables cannot be."""
    covers = compile_any([read_tokens(fold(action)) for action in one.actions])
    conditions = compile_condition(one.condition, variables=variables)
    return Rule(
        policy=policy,
        label=one.sid or str(one.position),
        effect=one.effect,
        statement=one,
        covers=(lambda action: not covers(action)) if one.not_action else covers,
        target=_compile_target(one, variables),
        conditions=conditions,
        holds=all_hold(conditions),
        principals=None if one.principals is None else Principals(one.principals, bound),
        not_principal=one.not_principal,
        names_principal=any(one.key == _PRINCIPAL_ARN for one in conditions),
    )


def _compile_target(one: Statement, variables: bool) -> Target:
    templates = [read_template(text, variables=variables, wildcards=True) for text in one.resources]
    open_ = tuple(bind(template, compile_glob) for template in templates if constant(template) is None)
    fixed = compile_any([tokens for template in templates if (tokens := constant(template)) is not None])
    heads = tuple(dict.fromkeys(_head(template) for template in templates))
    return Target(fixed, open_, one.not_resource, None if one.not_resource or "" in heads else heads)


def _head(template: Template) -> str:
    """The literal text that a template begins with."""
    return first if template and isinstance(first := template[0], str) else ""
