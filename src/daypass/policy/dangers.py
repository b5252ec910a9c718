"""What is legal in a policy and seldom meant: a sentence for the author on each. Refuses nothing; what has a setting is in rails/."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from daypass.policy.conditions import quantified
from daypass.policy.document import Document, Kind, Statement
from daypass.policy.keys import FAMILIES, MULTIVALUED, SINGLE, TAGS
from daypass.policy.operators import OPERATORS
from daypass.values.folding import fold

Found = Iterator[tuple[str, str]]  # the element, what is wrong with it
Find = Callable[[Statement, Kind], Found]


class Warned(NamedTuple):
    """A legal but dangerous place: the danger's `name`, the statement (Sid or position), the place as errors give it, and a sentence."""

    name: str
    statement: str
    where: str
    says: str


_MFA_PRESENT = "aws:multifactorauthpresent"


def warnings(document: Document, kind: Kind) -> tuple[Warned, ...]:
    """What to say to the author of a policy of `kind`, statement by statement."""
    found = []
    for one in document.statements:
        label, place = one.sid or str(one.position), f"Statement[{one.position}]"
        for name, find in DANGERS.items():
            found += [Warned(name, label, f"{place}.{element}", says) for element, says in find(one, kind)]
        if not document.variables:
            found += [Warned("old-variable", label, f"{place}.{element}", says) for element, says in _old_variables(one)]
    return tuple(found)


def _broad(one: Statement, kind: Kind) -> Found:
    if one.effect != "Allow":
        return
    if one.not_action:
        yield "NotAction", "Allow with NotAction allows everything else, of all services, and what AWS will add. List the actions instead."
    if one.not_resource and one.resources:
        yield "NotResource", "Allow with NotResource allows every other resource, of all accounts and services. List the resources instead."
    if kind == "identity" and "*" in one.actions and "*" in one.resources and not one.condition and not one.not_action:
        yield "Action", "This allows every action on every resource: whoever has it is an administrator."


def _not_principal(one: Statement, kind: Kind) -> Found:
    if one.not_principal and one.effect == "Deny":  # of an allow the guard rail not-principal speaks
        yield "NotPrincipal", (
            "NotPrincipal spares a session only if its account, its role and the session itself are all listed, and nobody who has a "
            'permissions boundary. Deny "*" with a condition on aws:PrincipalArn instead.'
        )


def _absent_allows(one: Statement, kind: Kind) -> Found:
    """Conditions of an Allow that a request without the key meets."""
    if one.effect != "Allow":
        return
    present = {fold(key) for key, values in one.condition.get("Null", {}).items() if [fold(value) for value in values] == ["false"]}
    for operator, key, _ in _lines(one):
        quantifier, name, if_exists = quantified(operator)
        if fold(key) in present or name == "Null":
            continue
        if quantifier == "ForAllValues:":
            why = "ForAllValues is also true when the request has no such key"
        elif if_exists:
            why = "IfExists is also true when the request has no such key"
        elif not quantifier and (known := OPERATORS.get(name)) is not None and known.negated:
            why = f"{name} is also true when the request has no such key"
        else:
            continue
        yield f"Condition.{operator}.{key}", f'{why}. Add "Null": {{"{key}": "false"}} if it must have one.'


def _absent_escapes(one: Statement, kind: Kind) -> Found:
    """Denies that a caller escapes by having no such key."""
    if one.effect != "Deny":
        return
    for operator, key, values in _lines(one):
        if operator == "Bool" and fold(key) == _MFA_PRESENT and "false" in map(fold, values):
            yield f"Condition.{operator}.{key}", (
                f"Requests signed with long-term keys have no {key}, so this deny does not reach them. Use BoolIfExists."
            )
    for text in one.resources:
        if "${" in _without_literals(text) and not one.not_resource and ", '" not in text:
            yield "Resource", f"A caller without the key of the variable in {text} is not denied: what cannot be resolved matches nothing."


def _set_operators(one: Statement, kind: Kind) -> Found:
    for operator, key, _ in _lines(one):
        quantifier, name, _if_exists = quantified(operator)
        if fold(key) in MULTIVALUED and not quantifier and name != "Null":
            says = f"{key} has several values; without ForAllValues or ForAnyValue no value is compared. Say which of the two you mean."
            yield f"Condition.{operator}.{key}", says
        elif quantifier and (fold(key) in SINGLE or fold(key).startswith(TAGS)):
            says = f"{key} has one value; {quantifier[:-1]} only changes what an absent key means. Leave it out."
            yield f"Condition.{operator}.{key}", says


def _keys(one: Statement, kind: Kind) -> Found:
    for operator, key, _ in _lines(one):
        folded = fold(key)
        name = quantified(operator)[1]
        if folded.startswith("aws:") and folded not in SINGLE | MULTIVALUED and not folded.startswith(TAGS):
            yield f"Condition.{operator}.{key}", f"No request has a key {key}: look for a misspelling."
        families = FAMILIES.get(folded)
        if families and name != "Null" and not any(family in name for family in families):
            yield f"Condition.{operator}.{key}", f"{name} compares {key} as text, so that the same value in another form differs."


def _literal_wildcards(one: Statement, kind: Kind) -> Found:
    for operator, key, values in _lines(one):
        name = quantified(operator)[1]
        if name.startswith("String") and "Like" not in name:
            for value in values:
                if any(wild in _without_literals(value) for wild in "*?"):
                    yield f"Condition.{operator}.{key}", f'In {name} the wildcard in "{value}" is an ordinary character. Use StringLike.'


def _other_letters(one: Statement, kind: Kind) -> Found:
    for element, texts in (("Resource", one.resources), *((f"Condition.{o}.{k}", values) for o, k, values in _lines(one))):
        for text in texts:
            if not text.isascii():
                yield element, f'"{text}" has letters beyond ASCII. They are compared as they are, so a letter that looks alike differs.'


def _old_variables(one: Statement) -> Found:
    places = (("Resource", one.resources), *((f"Condition.{operator}.{key}", values) for operator, key, values in _lines(one)))
    for element, texts in places:
        if any("${" in text for text in texts):
            yield element, 'Policies without "Version": "2012-10-17" have no variables: ${…} is plain text here.'


def _lines(one: Statement) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    return ((operator, key, values) for operator, keys in one.condition.items() for key, values in keys.items())


def _without_literals(text: str) -> str:
    """`text` without the variables that stand for a wildcard or a dollar themselves."""
    return text.replace("${*}", "").replace("${?}", "").replace("${$}", "")


DANGERS: Mapping[str, Find] = {
    "broad-allow": _broad,
    "not-principal": _not_principal,
    "absent-key-allows": _absent_allows,
    "absent-key-escapes": _absent_escapes,
    "set-operator": _set_operators,
    "unknown-or-mistyped-key": _keys,
    "literal-wildcard": _literal_wildcards,
    "other-letters": _other_letters,
}
