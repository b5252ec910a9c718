"""Is one policy broader than another? A yes comes with a request that proves it, and a no is a proof; what is neither is "unknown".

Likely requests are tried first, then z3 looks for one; `decide` has the last word on each. Does not say whether broader is wrong, and
reads no files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any, NamedTuple

from daypass.policy.compare_callers import BY_CALLER, OWNER, Who, callers
from daypass.policy.compare_samples import contexts, fitting, names, places, words
from daypass.policy.compare_terms import Term, Terms, literal, read_literal, value_of
from daypass.policy.compiled import Policy, read_policy
from daypass.policy.decide import Layers, decide
from daypass.policy.document import TRUST_ACTIONS
from daypass.policy.example import OTHER, example
from daypass.policy.principal import ACCOUNT, ROLE
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values
from daypass.values.folding import fold

SECONDS = 10.0  # that z3 may take for one question
PATIENCE = 1000  # milliseconds more, for a request that reads better
THE_ROLE = f"arn:aws:iam::{OWNER}:role/the-role"  # whose trust policy is asked about
_ALL = read_policy('{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}', "identity")


class Request(NamedTuple):
    """A request that tells two policies apart. With `alone` the caller has no permission of its own, so that a trust or resource policy
    grants it by itself; else it has every permission that its own account can give; a `bounded` one has a permissions boundary."""

    caller: Caller
    action: str
    resource: str
    context: Mapping[str, Values]
    alone: bool = False
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """`broader`: True with the `request` that only the new policy allows, False when there is none, None when neither could be shown;
    `unclear` then names what could not be put into a formula, or not solved in time."""

    broader: bool | None
    request: Request | None = None
    unclear: tuple[str, ...] = ()


def compare(
    new: Policy, old: Policy, *, seconds: float = SECONDS, progress: Callable[[int, int], None] = lambda done, total: None
) -> Comparison:
    """Whether `new` allows a request that `old` does not; both are of one kind. Raises ImportError when z3 is not there.

    `progress` is told how many questions of how many are answered; each takes z3 `seconds` at most.

    INVARIANT: broader is True only for a request on which `decide` itself said so; False only when z3 proved that there is none.
    """
    questions = [(who, alone) for who in callers(new, old) for alone in ((False, True) if _can_be_alone(new, who) else (False,))]
    for who, alone in questions:
        for request in _likely(new, old, who, alone):
            if tells_apart(new, old, request):
                return Comparison(True, request)
    # whose account a canonical user is only the server knows; without it nobody is meant
    canonical = [value for kind, value in new.principals() if kind == "CanonicalUser" and value not in new.bound]
    unclear = [f"the canonical user {value[:12]}…" for value in sorted(canonical)]
    for number, (who, alone) in enumerate(questions):
        progress(number, len(questions))
        found = _Question(new, old, who, alone, seconds).ask()
        if found.broader:
            return found
        unclear += found.unclear
    return Comparison(None, None, tuple(dict.fromkeys(unclear))) if unclear else Comparison(False)


def tells_apart(new: Policy, old: Policy, request: Request) -> bool:
    """Whether `decide` allows the request by `new` and not by `old`."""
    return allowed(new, request) and not allowed(old, request)


def allowed(policy: Policy, request: Request) -> bool:
    """What `decide` says of the request when `policy` stands where its kind belongs and nothing else limits."""
    caller, kind = request.caller, policy.kind
    layers = Layers(
        identity=() if request.alone else (_ALL,),
        boundary=_ALL if request.bounded else None,
        session=(_ALL,) if caller.kind == "federated-user" else None,
    )
    match kind:
        case "identity":
            layers = Layers((policy,))
        case "boundary":
            layers = replace(layers, boundary=policy)
        case "session":
            layers = replace(layers, session=(policy,))
        case "scp":
            layers = replace(layers, scps=((policy,),))
        case "rcp":
            layers = replace(layers, rcps=((policy,),))
    own = policy if kind in BY_CALLER else None
    account = caller.account if own is None or request.alone else OWNER
    ask = Ask(request.action, request.resource, account, combine="must" if own else "none", policy=own)
    return decide(ask, caller, request.context, layers).allowed


def _can_be_alone(policy: Policy, who: Who) -> bool:
    return policy.kind in BY_CALLER and who.caller.kind in ("user", "role")


def _likely(new: Policy, old: Policy, who: Who, alone: bool) -> Iterator[Request]:
    by_caller = new.kind in BY_CALLER
    known = (THE_ROLE,) if new.kind == "trust" else places(new, old)
    targets = [(action, place) for action in names(new, old) for place in (known if new.kind == "trust" else fitting(action, known))]
    for keys, (action, resource) in product(contexts(new, old), targets):
        context = {**who.facts(), **keys} if by_caller else keys
        if not by_caller or who.takes(context):
            yield Request(who.as_told(context) if by_caller else who.caller, action, resource, context, alone, who.bounded)


class _Question:
    """One kind of caller, one z3 solver."""

    def __init__(self, new: Policy, old: Policy, who: Who, alone: bool, seconds: float) -> None:
        import z3  # type: ignore[import-untyped]  # it has no types; only whoever compares policies loads it

        self._z3, self._new, self._old, self._who, self._alone = z3, new, old, who, alone
        self._terms = Terms(z3, (new, old))
        self._solver = z3.Solver()
        self._solver.set("timeout", int(seconds * 1000))
        self._names = {fold(name): name for name in names(new, old)}
        frame = who.frame(self._terms) if new.kind in BY_CALLER else ()
        self._solver.add(*self._terms.rules, self._allows(new), z3.Not(self._allows(old)), *self._form(), *frame)

    def ask(self) -> Comparison:
        """The proof that there is no request, or one: with an action that is known if there is such a one."""
        said = str(self._solver.check())
        if said == "unsat":
            return Comparison(False)
        if said == "unknown":
            return Comparison(None, None, (f"z3 gave up: {self._solver.reason_unknown()}",))
        found = [self._request(self._solver.model())]
        self._solver.set("timeout", PATIENCE)
        for wishes in self._wishes():
            if str(self._solver.check(*wishes)) == "sat":
                found.append(self._request(self._solver.model()))
        for request in [*found[1:], found[0]]:
            if tells_apart(self._new, self._old, request):
                return Comparison(True, request)
        return Comparison(None, None, tuple(self._terms.opaque) or ("z3 found a request that decide does not confirm",))

    def _allows(self, policy: Policy) -> Term:
        if policy.kind not in BY_CALLER:
            return self._terms.allows(policy, lambda rule: True, lambda rule: True)
        least = ROLE if self._alone else ACCOUNT
        caller, bounded = self._who.caller, self._who.bounded
        return self._terms.allows(policy, lambda rule: rule.closeness(caller) >= least, lambda rule: rule.means(caller, bounded))

    def _form(self) -> Iterator[Term]:
        """The form of an action and of a resource; a trust policy speaks of one role."""
        z3, terms = self._z3, self._terms
        if self._new.kind == "trust":
            yield z3.Or([terms.action == literal(z3, action) for action in TRUST_ACTIONS])
            yield terms.resource == literal(z3, THE_ROLE)
            return
        letters = z3.Union(z3.Range("a", "z"), z3.Range("0", "9"), z3.Re("-"))
        yield z3.InRe(terms.action, z3.Concat(z3.Plus(letters), z3.Re(":"), z3.Plus(z3.Union(letters, z3.Re("_")))))
        inside = z3.Union(z3.Range("\\u{0}", "9"), z3.Range(";", "\\u{2ffff}"))
        colon, part, some = z3.Re(":"), z3.Star(inside), z3.Plus(inside)
        rest = z3.Plus(z3.AllChar(z3.ReSort(z3.StringSort())))
        arn = z3.Concat(z3.Re("arn:"), some, colon, some, colon, part, colon, part, colon, rest)
        yield z3.Or(terms.resource == literal(z3, "*"), z3.InRe(terms.resource, arn))

    def _wishes(self) -> Iterator[list[Term]]:
        """What would make a request plain to read, the most first."""
        z3, terms = self._z3, self._terms
        known = [z3.Or([terms.action == literal(z3, action) for action in self._names])]
        values = [self._plain(name) for name in terms.keys]
        where = [z3.Or([terms.resource == literal(z3, place) for place in places(self._new, self._old)])]
        yield known + values + ([] if self._new.kind == "trust" else where)
        yield known + values
        yield known

    def _plain(self, name: str) -> Term:
        """That a key is a value that stands in the policies, or another plain word."""
        key = self._terms.keys[name]
        if key.sort != "text":
            return key.readable[0]
        plain = dict.fromkeys(chain(words(name, self._new), words(name, self._old), (OTHER,)))
        return self._z3.Or([key.slots[0] == literal(self._z3, word) for word in plain])

    def _request(self, model: Any) -> Request:
        """The request of a solution; what the solution leaves open is made up as it wants it."""
        terms = self._terms
        folded = read_literal(model.eval(terms.action, model_completion=True).as_string())
        resource = read_literal(model.eval(terms.resource, model_completion=True).as_string())
        context = {name: value for name, key in terms.keys.items() if (value := value_of(key, model)) is not None}
        for name, (operator, key, values, variables) in terms.conditions.items():
            if operator:
                holds = str(model.eval(terms.opaque[name], model_completion=True)) == "True"
                found = example(operator, values, context, holds=holds, variables=variables, known=False)
                context = {**context, key: found[0]} if found and found[0] is not None else {k: v for k, v in context.items() if k != key}
        caller = self._who.as_told(context) if self._new.kind in BY_CALLER else self._who.caller
        return Request(caller, self._names.get(folded, folded), resource, context, self._alone, self._who.bounded)
