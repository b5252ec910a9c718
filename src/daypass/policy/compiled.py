"""Policies made ready to be asked many times: which statements speak of an action and a resource, and what do they say. Does not gather
or combine layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from daypass.policy.conditions import Holds
from daypass.policy.document import Document, Kind, Statement, read_document
from daypass.policy.principal import NOT, Closeness, Named
from daypass.policy.rules import Rule, compile_rule
from daypass.policy.variables import Context
from daypass.values.caller import Caller
from daypass.values.folding import fold

MAX_ACTIONS = 512  # actions remembered per rulebook; more than any caller asks, and a bound for one who tries them all
_SETTLED = 32_768  # pairs of action and resource remembered, of all rulebooks together
_UNIONS = 16_384  # groups of policies that were asked together
_FEW = 8  # so many rules are gone through faster than found by their resource

_NONE_NAMED: Mapping[str, str] = {}

Ready = tuple[tuple[Rule, Holds | None], ...]  # rules that mean an action and a resource, with what is left to test


class Settled(NamedTuple):
    """What speaks of one action on one resource."""

    denies: Ready
    allows: Ready


class _Speaking:
    """The rules that speak of one action, found by the beginning of the resource, so that their number does not count."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._always: list[tuple[int, Rule]] = []
        self._by_head: dict[str, list[tuple[int, Rule]]] = {}
        for numbered in enumerate(rules):
            heads = numbered[1].target.heads if len(rules) > _FEW else None
            if heads is None:
                self._always.append(numbered)
            for head in heads or ():
                self._by_head.setdefault(head, []).append(numbered)
        self._lengths = sorted({len(head) for head in self._by_head})

    def of(self, resource: str) -> Iterable[Rule]:
        """Every rule that could mean `resource`, in the order of the policy."""
        if not self._by_head:
            return [rule for _, rule in self._always]
        found = dict(self._always)
        for length in self._lengths:
            found.update(self._by_head.get(resource[:length], ()))
        return [found[number] for number in sorted(found)]


class Rulebook:
    """Rules that are one: immutable but for what it remembers of actions already asked."""

    __slots__ = ("_settled", "_speaking", "rules")

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._settled: Callable[[Rulebook, str, str], Settled] = settled
        self._speaking: dict[str, _Speaking] = {}

    def speaking(self, action: str, resource: str) -> Iterable[Rule]:
        """The rules that speak of `action` and could mean `resource`."""
        found = self._speaking.get(action)
        if found is None:
            folded = fold(action)
            found = _Speaking([rule for rule in self.rules if rule.covers(folded)])
            if len(self._speaking) >= MAX_ACTIONS:
                self._speaking.clear()
            self._speaking[action] = found
        return found.of(resource)

    def judge(self, action: str, resource: str, context: Context) -> Rule | None:
        """What decides in a policy of the caller's side: the first deny that holds, else the first allow, else None."""
        denies, allows = self._settled(self, action, resource)
        for rule, holds in denies:
            if holds is None or holds(context):
                return rule
        for rule, holds in allows:
            if holds is None or holds(context):
                return rule
        return None

    def judge_caller(
        self, caller: Caller, bounded: bool, action: str, resource: str, context: Context
    ) -> tuple[Rule | None, Closeness]:
        """The same for a resource's own policy: a deny that means `caller`, else the allow that names it most closely, and how closely.

        `bounded` tells whether the caller has a permissions boundary.
        """
        denies, allows = self._settled(self, action, resource)
        for rule, holds in denies:
            if rule.means(caller, bounded) and (holds is None or holds(context)):
                return rule, NOT
        allow, best = None, NOT
        for rule, holds in allows:
            closeness = rule.closeness(caller)
            if closeness > best and (holds is None or holds(context)):
                allow, best = rule, closeness
        return allow, best


@lru_cache(_SETTLED)
def settled(book: Rulebook, action: str, resource: str) -> Settled:
    """Which rules of `book` speak of this action on this resource. Nothing that can change is asked."""
    denies: list[tuple[Rule, Holds | None]] = []
    allows: list[tuple[Rule, Holds | None]] = []
    for rule in book.speaking(action, resource):
        means = rule.target.settle(resource)
        if means is not False:
            (denies if rule.effect == "Deny" else allows).append((rule, _both(means, rule.holds)))
    return Settled(tuple(denies), tuple(allows))


def _both(means: Holds | bool, holds: Holds | None) -> Holds | None:
    if isinstance(means, bool):
        return holds
    return means if holds is None else lambda context: means(context) and holds(context)


class Policy(Rulebook):
    """A compiled policy."""

    __slots__ = ("bound", "document", "kind", "name")

    def __init__(self, document: Document, kind: Kind, name: str, bound: Mapping[str, str]) -> None:
        super().__init__(tuple(compile_rule(one, document.variables, name, bound) for one in document.statements))
        self.document = document
        self.kind = kind
        self.name = name
        self.bound = bound

    @classmethod
    def for_once(cls, kind: Kind, policies: Iterable[Policy]) -> Policy:
        """Several policies of a layer as one that is asked on one occasion: no memory outlives it, whoever's texts they are."""
        made = cls(Document(True, ()), kind, "", _NONE_NAMED)
        made.rules = tuple(rule for policy in policies for rule in policy.rules)
        made._settled = settled.__wrapped__
        return made

    def __repr__(self) -> str:
        return f"Policy({self.kind}, {self.name!r}, {len(self.rules)} statements)"

    def principals(self) -> frozenset[Named]:
        """Every principal that the policy names, as (type, value)."""
        return frozenset(named for one in self.document.statements for named in one.principals or ())


@lru_cache(_UNIONS)
def union(policies: tuple[Policy, ...]) -> Rulebook:
    """Several policies that together are one layer, asked as one."""
    return Rulebook(tuple(rule for policy in policies for rule in policy.rules))


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
