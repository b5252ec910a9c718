"""A policy as a formula over the action, the resource and the condition keys of a request, for z3. Knows no question and solves nothing.

What has no exact formula (a variable inside an ARN, a key read both as text and as number, …) becomes a truth value of its own that may be
either: whatever holds for both holds for the policy, so a proof that nothing differs stays a proof.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from daypass.policy.compiled import Policy
from daypass.policy.conditions import quantified
from daypass.policy.document import Statement
from daypass.policy.keys import MULTIVALUED
from daypass.policy.match import Token, Wild
from daypass.policy.operands import read_moment, read_network, read_number
from daypass.policy.operators import ARN_PARTS, OPERATORS
from daypass.policy.rules import Rule
from daypass.policy.variables import Template, Variable, constant, read_template
from daypass.values.decision import Values
from daypass.values.folding import fold

Term = Any  # a z3 expression; z3 has no types of its own

MAX_SLOTS = 6  # values that a set is thought to have at most; a policy pair with more set operators on one key is not encoded
_DIGITS = {"number": 20, "moment": 9}  # after the point, at most (operands.py)
_LARGEST = 10**20  # of a number, likewise
_FIRST_MOMENT, _LAST_DATE, _LAST_MOMENT = -62_135_596_800, 253_402_300_799, 999_999_999_999  # year 1, year 9999, the largest epoch
_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96, which are IPv4 addresses


def sort_of(operator: str) -> str:
    """As what an operator reads values: "number", "moment", "address", or "text"; "" for Null, which reads none."""
    name = quantified(operator)[1]
    if name == "Null":
        return ""
    return {"N": "number", "D": "moment", "I": "address"}.get(name.removeprefix("Not")[0], "text") if "String" not in name else "text"


class Key:
    """A condition key of the request: absent, one value, or (where it may be a set) several.

    `slots` are its values, `used` tells which of them there are; `single` that it is one value and no set. Numbers and moments are whole
    numbers of 1/`scale`, fine enough that between any two limits of the policies there is one.
    """

    def __init__(self, z3: Any, name: str, sort: str, slots: int, digits: int) -> None:
        self.name, self.sort = name, sort
        self.scale = 10 ** min(digits + 1, _DIGITS.get(sort, 0))
        self.null = z3.Bool(f"{name} null")  # of a value that is not text: it is the empty text
        self.present, self.single = z3.Bool(f"{name} present"), z3.Bool(f"{name} single")
        self.used = [z3.Bool(f"{name} used {at}") for at in range(slots)]
        self.readable = [z3.Bool(f"{name} readable {at}") for at in range(slots)]
        self.is_v4 = [z3.Bool(f"{name} v4 {at}") for at in range(slots)]
        self.slots = [(z3.String if sort == "text" else z3.Int)(f"{name} {at}") for at in range(slots)]
        self.rules = [z3.Implies(z3.Not(self.single), z3.Or(self.used))]
        if name.startswith("aws:") and name not in MULTIVALUED:
            self.rules.append(self.single)
        if sort == "number":
            self.rules += [z3.And(slot > -_LARGEST * self.scale, slot < _LARGEST * self.scale) for slot in self.slots]
        elif sort == "moment":
            self.rules += [z3.And(slot >= _FIRST_MOMENT * self.scale, slot <= _LAST_MOMENT * self.scale) for slot in self.slots]
        elif sort == "address":
            for slot, is_v4 in zip(self.slots, self.is_v4, strict=True):
                self.rules += [slot >= 0, z3.If(is_v4, slot < 2**32, z3.And(slot < 2**128, z3.Or(slot < _MAPPED, slot >= _MAPPED + 2**32)))]


class Terms:
    """The formulas of some policies over one request. `rules` are what holds of every request, `opaque` the truth values that are free."""

    def __init__(self, z3: Any, policies: Sequence[Policy]) -> None:
        self.z3 = z3
        self.action, self.resource = z3.String("action"), z3.String("resource")
        self.keys: dict[str, Key] = {}
        self.opaque: dict[str, Term] = {}
        self.conditions: dict[str, tuple[str, str, tuple[str, ...], bool]] = {}  # opaque name -> operator, key, values, variables
        for name, (sort, slots, digits) in _keys_of(policies).items():
            self.keys[name] = Key(z3, name, sort, slots, digits)
        self.letters = z3.Star(_letters(z3, policies))
        self.rules: list[Term] = [rule for key in self.keys.values() for rule in key.rules]
        texts = [slot for key in self.keys.values() if key.sort == "text" for slot in key.slots]
        self.rules += [z3.InRe(text, self.letters) for text in [self.resource, *texts]]

    def allows(self, policy: Policy, allow: Callable[[Rule], bool], deny: Callable[[Rule], bool]) -> Term:
        """That `policy` allows the request: an allow for which `allow` holds applies and no deny for which `deny` does."""
        z3 = self.z3
        both = list(zip(policy.document.statements, policy.rules, strict=True))
        variables = policy.document.variables
        allows = [self._applies(one, variables) for one, rule in both if rule.effect == "Allow" and allow(rule)]
        denies = [self._applies(one, variables) for one, rule in both if rule.effect == "Deny" and deny(rule)]
        return z3.And(z3.Or(allows), z3.Not(z3.Or(denies)))

    def pin(self, name: str, value: str | None) -> Term:
        """That the request's key has exactly this value, or is absent; true when no policy speaks of it."""
        key = self.keys.get(name)
        if key is None or key.sort != "text":
            return self.z3.BoolVal(True)
        if value is None:
            return self.z3.Not(key.present)
        return self.z3.And(key.present, key.single, key.slots[0] == literal(self.z3, value))

    def text(self, name: str) -> Term | None:
        """The value of a key that is read as text; None when no policy reads it so."""
        key = self.keys.get(name)
        return key.slots[0] if key is not None and key.sort == "text" else None

    def has(self, name: str) -> Term:
        """That the request has the key, with one value."""
        return self.z3.And(self.keys[name].present, self.keys[name].single)

    def _applies(self, one: Statement, variables: bool) -> Term:
        z3 = self.z3
        actions = z3.Or([z3.InRe(self.action, _glob(z3, read_template(fold(a), variables=False, wildcards=True))) for a in one.actions])
        resources = z3.Or([self._text(self.resource, text, variables, "Like") for text in one.resources])
        parts = [z3.Not(actions) if one.not_action else actions, z3.Not(resources) if one.not_resource else resources]
        for operator, keys in one.condition.items():
            parts += [self._condition(operator, self.keys[fold(key)], values, variables) for key, values in keys.items()]
        return z3.And(parts)

    def _condition(self, operator: str, key: Key, values: tuple[str, ...], variables: bool) -> Term:
        z3 = self.z3
        quantifier, name, if_exists = quantified(operator)
        absent = z3.Not(key.present)
        if name == "Null":
            wanted = {fold(value) == "true" for value in values}
            return z3.BoolVal(True) if len(wanted) == 2 else absent if wanted == {True} else key.present
        if sort_of(operator) != key.sort or len(key.slots) > MAX_SLOTS:
            return self._opaque(operator, key.name, key.name, values, variables)
        negated = OPERATORS[name].negated
        passes = [z3.Xor(self._test(name, key, at, values, variables), negated) for at in range(len(key.slots))]
        if quantifier == "ForAllValues:":
            several = z3.And([z3.Implies(used, one) for used, one in zip(key.used, passes, strict=True)])
            null = key.slots[0] == "" if key.sort == "text" else z3.And(z3.Not(key.readable[0]), key.null)
            return z3.If(absent, True, z3.If(key.single, z3.Or(null, passes[0]), several))
        if quantifier:
            several = z3.Or([z3.And(used, one) for used, one in zip(key.used, passes, strict=True)])
            return z3.If(absent, if_exists, z3.If(key.single, passes[0], several))
        return z3.If(absent, negated or if_exists, z3.If(key.single, passes[0], negated))

    def _test(self, name: str, key: Key, at: int, values: tuple[str, ...], variables: bool) -> Term:
        """Whether the value in a slot matches one of the policy's."""
        z3, slot = self.z3, key.slots[at]
        match key.sort:
            case "number" | "moment":
                read = read_number if key.sort == "number" else read_moment
                limits = [limit for value in values if (limit := read(value)) is not None]
                return z3.And(key.readable[at], z3.Or([_compared(name, slot, limit * key.scale) for limit in limits]))
            case "address":
                networks = [network for value in values if (network := read_network(value)) is not None]
                ranges = [(n.version == 4, n.prefix << n.shift, (n.prefix + 1) << n.shift) for n in networks]
                inside = [z3.And(key.is_v4[at] == v4, slot >= low, slot < high) for v4, low, high in ranges]
                return z3.And(key.readable[at], z3.Or(inside))
        if name == "BinaryEquals":
            return z3.Or([slot == literal(z3, value) for value in values])
        form = "Arn" if name.startswith("Arn") else "Like" if "Like" in name else "Fold" if "IgnoreCase" in name or name == "Bool" else ""
        return z3.Or([self._text(slot, value, variables, form) for value in values])

    def _text(self, subject: Term, text: str, variables: bool, form: str) -> Term:
        """Whether `subject` matches a text of a policy: equal, "Like" a pattern, an "Arn" part by part, equal but for case ("Fold")."""
        z3 = self.z3
        template = read_template(text, variables=variables, wildcards=form in ("Like", "Arn"))
        tokens = constant(template)
        if tokens is not None:
            if form == "Arn":
                return _arn(z3, subject, tokens)
            if form == "Fold":
                return z3.InRe(subject, _concat(z3, [_any_case(z3, letter) for letter in "".join(map(str, tokens))]))
            return z3.InRe(subject, _glob(z3, tokens)) if form else subject == literal(z3, "".join(map(str, tokens)))
        runs = _runs(template)
        if form in ("Arn", "Fold") or len(runs) > 2 or any(part is Wild.ONE for part in template):
            return self._opaque("", str(subject), str(subject), (text,), variables)
        resolved = [self._variable(part) for part in template if isinstance(part, Variable)]
        if any(one is None for one in resolved):
            return self._opaque("", str(subject), str(subject), (text,), variables)
        held = z3.And([there for one in resolved if one is not None for there in (one[0],)])
        ends = [self._joined(run) for run in runs]
        if len(ends) == 1:
            return z3.And(held, subject == ends[0])
        long_enough = z3.Length(subject) >= z3.Length(ends[0]) + z3.Length(ends[1])
        return z3.And(held, z3.PrefixOf(ends[0], subject), z3.SuffixOf(ends[1], subject), long_enough)

    def _variable(self, variable: Variable) -> tuple[Term, Term] | None:
        """Whether a variable can be resolved, and to what; None when its key is not read as text."""
        key = self.keys[variable.key]
        if key.sort != "text":
            return None
        if variable.default is None:
            return self.z3.And(key.present, key.single), key.slots[0]
        value = self.z3.If(key.present, key.slots[0], literal(self.z3, variable.default))
        return self.z3.Or(self.z3.Not(key.present), key.single), value

    def _joined(self, run: Sequence[str | Variable]) -> Term:
        z3 = self.z3
        parts = []
        for part in run:
            found = self._variable(part) if isinstance(part, Variable) else (None, literal(z3, part))
            parts.append(found[1] if found else literal(z3, ""))
        return parts[0] if len(parts) == 1 else z3.Concat(parts) if parts else literal(z3, "")

    def _opaque(self, operator: str, key: str, subject: str, values: tuple[str, ...], variables: bool) -> Term:
        name = f"{operator} {subject}: {' '.join(values)}".strip()
        if name not in self.opaque:
            self.opaque[name] = self.z3.Bool(f"opaque {name}")
            self.conditions[name] = (operator, key, values, variables)
        return self.opaque[name]


def _keys_of(policies: Sequence[Policy]) -> Mapping[str, tuple[str, int, int]]:
    """Every condition key that the policies speak of: as what it is read, how many values of a set can matter, how many digits after a
    point.

    A set needs one value for each set operator on the key, since each asks at most for one value that passes or fails.
    """
    sorts: dict[str, str] = {}
    sets: dict[str, int] = {}
    digits: dict[str, int] = {}
    for policy in policies:
        for one in policy.document.statements:
            texts = list(one.resources)
            for operator, keys in one.condition.items():
                for name, values in keys.items():
                    key = fold(name)
                    sorts[key] = sorts.get(key) or sort_of(operator)
                    sets[key] = sets.get(key, 0) + bool(quantified(operator)[0])
                    digits[key] = max([digits.get(key, 0), *(len(value.partition(".")[2].rstrip("Z")) for value in values)])
                    texts += values
            if policy.document.variables:
                templates = (read_template(text, variables=True, wildcards=True) for text in texts if "${" in text)
                for part in (part for template in templates for part in template if isinstance(part, Variable)):
                    sorts[part.key] = sorts.get(part.key) or "text"
    return {key: (sort or "text", max(sets.get(key, 0), 1), digits.get(key, 0)) for key, sort in sorts.items()}


def _letters(z3: Any, policies: Sequence[Policy]) -> Term:
    """The letters that requests are made of: printable ASCII and what the policies use beyond it. A pattern treats all others alike."""
    used = {letter for policy in policies for one in policy.document.statements for text in _texts(one) for letter in text}
    beyond = sorted(letter for letter in used if not " " <= letter <= "~")
    return z3.Union([z3.Range(" ", "~"), *(z3.Re(literal(z3, letter)) for letter in beyond)]) if beyond else z3.Range(" ", "~")


def _texts(one: Statement) -> Iterable[str]:
    yield from one.resources
    for keys in one.condition.values():
        for values in keys.values():
            yield from values


def literal(z3: Any, text: str) -> Term:
    """A string constant; z3 would read `\\u{…}` inside it as an escape."""
    return z3.StringVal(text.replace("\\", "\\u{5c}"))


def read_literal(text: str) -> str:
    """The text of a string constant as z3 prints it."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def _compared(name: str, slot: Term, limit: Decimal) -> Term:
    """A whole number against a limit that may lie between two of them."""
    floor = int(limit.to_integral_value(rounding="ROUND_FLOOR"))
    exact = limit == floor
    match name.removeprefix("Numeric").removeprefix("Date"):
        case "LessThan":
            return slot < floor if exact else slot <= floor
        case "LessThanEquals":
            return slot <= floor
        case "GreaterThan":
            return slot > floor
        case "GreaterThanEquals":
            return slot >= floor if exact else slot > floor
        case _:
            return slot == floor if exact else slot != slot


def _concat(z3: Any, parts: Sequence[Term]) -> Term:
    return z3.Re("") if not parts else parts[0] if len(parts) == 1 else z3.Concat(parts)


def _glob(z3: Any, tokens: Sequence[Token | Variable]) -> Term:
    """The pattern as a regular expression over all letters."""
    any_letter = z3.AllChar(z3.ReSort(z3.StringSort()))
    wild = {Wild.ANY: z3.Star(any_letter), Wild.ONE: any_letter}
    return _concat(z3, [wild[token] if isinstance(token, Wild) else z3.Re(literal(z3, str(token))) for token in tokens])


def _arn(z3: Any, subject: Term, tokens: Sequence[Token]) -> Term:
    """As operators.py matches ARNs: six parts, each by itself; only the last may have colons."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        pieces = [token] if isinstance(token, Wild) else token.split(":", ARN_PARTS - len(parts))
        parts[-1].append(pieces[0])
        parts.extend([piece] for piece in pieces[1:])
    if len(parts) != ARN_PARTS:
        return z3.BoolVal(False)
    inside = z3.Union(z3.Range("\\u{0}", "9"), z3.Range(";", "\\u{2ffff}"))
    colon = z3.Re(":")
    made: list[Term] = []
    for number, part in enumerate(parts):
        letter = inside if number < ARN_PARTS - 1 else z3.AllChar(z3.ReSort(z3.StringSort()))
        wild = {Wild.ANY: z3.Star(letter), Wild.ONE: letter}
        made += [wild[token] if isinstance(token, Wild) else z3.Re(literal(z3, token)) for token in part]
        made += [colon] if number < ARN_PARTS - 1 else []
    return z3.InRe(subject, _concat(z3, made))


def _any_case(z3: Any, letter: str) -> Term:
    other = letter.swapcase()
    alike = letter.isascii() and letter.isalpha()
    return z3.Union(z3.Re(letter), z3.Re(other)) if alike else z3.Re(literal(z3, letter))


def _runs(template: Template) -> list[list[str | Variable]]:
    """The template cut at each `*`."""
    runs: list[list[str | Variable]] = [[]]
    for part in template:
        if part is Wild.ANY:
            runs.append([])
        elif not isinstance(part, Wild):
            runs[-1].append(part)
    return runs


def value_of(key: Key, model: Any) -> Values | None:
    """The value that a solution gives to a key, as a request would bring it; None when it is absent."""
    if not _is(model, key.present):
        return None
    if _is(model, key.single):
        return _shown(key, 0, model)
    return tuple(_shown(key, at, model) for at in range(len(key.slots)) if _is(model, key.used[at]))


def _is(model: Any, term: Term) -> bool:
    return str(model.eval(term, model_completion=True)) == "True"


def _shown(key: Key, at: int, model: Any) -> str:
    found = model.eval(key.slots[at], model_completion=True)
    if key.sort == "text":
        return read_literal(found.as_string())
    if not _is(model, key.readable[at]):
        return "" if at == 0 and _is(model, key.null) else "unreadable"
    number = found.as_long()
    if key.sort == "address":
        return _address(number, _is(model, key.is_v4[at]))
    if key.sort == "number":
        plain = f"{Decimal(number).scaleb(1 - len(str(key.scale))):f}"
        return plain.rstrip("0").removesuffix(".") if "." in plain else plain
    return _moment(number, key.scale)


def _address(number: int, is_v4: bool) -> str:
    from ipaddress import IPv4Address, IPv6Address

    return str(IPv4Address(number) if is_v4 else IPv6Address(number))


def _moment(number: int, scale: int) -> str:
    from datetime import UTC, datetime, timedelta

    seconds, rest = divmod(number, scale)
    fraction = f".{rest:0{len(str(scale)) - 1}}" if rest else ""
    if seconds > _LAST_DATE:
        return f"{seconds}{fraction}"
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}{fraction}Z"
