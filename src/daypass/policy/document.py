"""Read a policy document and check it as AWS does when it is saved. Does not compile or evaluate it (compiled.py, decide.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from daypass.policy.match import compile_glob, read_tokens
from daypass.policy.principal import EVERYONE, Named, read_principals
from daypass.policy.syntax import PolicyError, read_json
from daypass.values.folding import fold

Kind = Literal["identity", "trust", "boundary", "session", "scp", "rcp", "resource"]
Effect = Literal["Allow", "Deny"]

LATEST = "2012-10-17"  # the version that knows policy variables
PARTITION = "aws"
_VERSIONS = (LATEST, "2008-10-17")
_WITH_PRINCIPAL = ("trust", "resource", "rcp")
_OF_ORGANIZATIONS = ("scp", "rcp")
_STATEMENT = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
TRUST_ACTIONS = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
)
_SID = re.compile(r"[0-9A-Za-z]*")
_VENDOR = re.compile(r"[A-Za-z0-9.-]+")
_ACTION_NAME = re.compile(r"[A-Za-z0-9_*?-]+")
# The one variable that AWS's own policies have before the resource part: as the whole account (AmazonTimestreamInfluxDBServiceRolePolicy).
_IN_OWN_ACCOUNT = re.compile(r"(arn:[^:]*:[^:]*:[^:]*:)\$\{aws:PrincipalAccount\}(?=:)", re.IGNORECASE | re.ASCII)
_CONDITION_KEY = re.compile(r"[^:]+:.+", re.DOTALL)

SYNTAX = "Syntax errors in policy."
INVALID_JSON = "This policy contains invalid Json"
NO_VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
TWO_COLONS = "Actions/Condition can contain only one colon."
OLD_VERSION = "Policy document must be version 2012-10-17 or greater."
NOT_PARSED = "The policy failed legacy parsing"
NOT_STS = "AssumeRole policy may only specify STS AssumeRole actions."


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as written, every scalar made a tuple. `position` counts from 1."""

    sid: str
    position: int
    effect: Effect
    principals: frozenset[Named] | None
    not_principal: bool
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...]
    not_resource: bool
    condition: Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Document:
    """A policy document that AWS would save."""

    variables: bool  # whether its version knows policy variables
    statements: tuple[Statement, ...]


def read_document(text: str, kind: Kind) -> Document:
    """Read the text of a policy of `kind`. Raises PolicyError with AWS's message."""
    root = read_json(text, INVALID_JSON if kind == "trust" else SYNTAX)
    if not isinstance(root, dict):
        raise PolicyError(SYNTAX)
    _known(root, {"Version", "Id", "Statement"}, kind, "")
    version = root.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        raise PolicyError(SYNTAX, "Version")
    if kind in _OF_ORGANIZATIONS and version != LATEST:
        raise PolicyError(OLD_VERSION, "Version")
    if type(root.get("Id", "")) is not str:
        raise PolicyError(SYNTAX, "Id")
    given = root.get("Statement")
    listed = given if isinstance(given, list) and given else [given]
    statements = tuple(_statement(one, kind, number) for number, one in enumerate(listed, 1))
    sids = [one.sid for one in statements if one.sid]
    if len(set(sids)) != len(sids):
        raise PolicyError("Statement IDs (SID) in a single policy must be unique.")
    return Document(version == LATEST, statements)


def _statement(one: object, kind: Kind, number: int) -> Statement:
    where = f"Statement[{number}]"
    if not isinstance(one, dict):
        raise PolicyError(SYNTAX, where)
    _known(one, _STATEMENT, kind, where)
    effect = one.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(_bad_effect(effect, kind), f"{where}.Effect")
    principals, not_principal = _principals(one, kind, where)
    actions, not_action = _actions(one, kind, where)
    resources, not_resource = _resources(one, kind, where)
    return Statement(
        sid=_sid(one, kind, where),
        position=number,
        effect="Allow" if effect == "Allow" else "Deny",
        principals=principals,
        not_principal=not_principal,
        actions=actions,
        not_action=not_action,
        resources=resources,
        not_resource=not_resource,
        condition=_condition(one.get("Condition", {}), f"{where}.Condition"),
    )


def _bad_effect(effect: object, kind: Kind) -> str:
    if kind == "trust" and effect is None:
        return "Missing required field Effect"
    return NOT_PARSED if isinstance(effect, str) and fold(effect) in ("allow", "deny") else SYNTAX


def _known(given: Mapping[str, object], names: set[str], kind: Kind, where: str) -> None:
    if unknown := sorted(given.keys() - names):
        raise PolicyError(f"Unknown field {unknown[0]}" if kind == "trust" else SYNTAX, f"{where}.{unknown[0]}".lstrip("."))


def _sid(one: Mapping[str, object], kind: Kind, where: str) -> str:
    sid = one.get("Sid", "")
    if type(sid) is not str:
        raise PolicyError(SYNTAX, f"{where}.Sid")
    if kind != "resource" and not _SID.fullmatch(sid):
        raise PolicyError(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*", f"{where}.Sid"
        )
    return sid


def _texts(value: object, where: str, *, scalars: bool = False) -> tuple[str, ...]:
    """A scalar or a list of them, not empty; numbers and booleans become text where `scalars` may stand."""
    texts = []
    for one in value if isinstance(value, list) and value else [value]:
        if scalars and isinstance(one, bool):
            texts.append("true" if one else "false")
        elif type(one) is str or (scalars and isinstance(one, str)):
            texts.append(str(one))
        else:
            raise PolicyError(SYNTAX, where)
    return tuple(texts)


def _either(one: Mapping[str, object], name: str, where: str) -> tuple[object, bool]:
    """The element `name` or its negation `Not…`, of which at most one may stand; None when neither does."""
    if name in one and f"Not{name}" in one:
        raise PolicyError(SYNTAX, f"{where}.Not{name}")
    negated = f"Not{name}" in one
    present = negated or name in one
    value = one.get(f"Not{name}" if negated else name)
    if present and value is None:
        raise PolicyError(SYNTAX, f"{where}.{name}")
    return value, negated


def _principals(one: Mapping[str, object], kind: Kind, where: str) -> tuple[frozenset[Named] | None, bool]:
    element, negated = _either(one, "Principal", where)
    if kind not in _WITH_PRINCIPAL:
        if element is not None:
            raise PolicyError("Policy document should not specify a principal.", where)
        return None, False
    if element is None:
        raise PolicyError("Missing required field Principal", where)
    if negated and kind == "trust":
        raise PolicyError("Has prohibited field NotPrincipal", where)
    principals = read_principals(element)
    if kind == "rcp" and (negated or principals != {("AWS", EVERYONE)}):
        raise PolicyError(SYNTAX, f"{where}.Principal: a resource control policy is about everyone")
    if kind == "trust" and (canonical := next((value for type_, value in principals if type_ == "CanonicalUser"), None)):
        raise PolicyError(f'Invalid principal in policy: "CANONICALUSER":"{canonical}"', where)
    if negated and ("AWS", EVERYONE) in principals:
        raise PolicyError(SYNTAX, f"{where}.NotPrincipal")
    return principals, negated


def _actions(one: Mapping[str, object], kind: Kind, where: str) -> tuple[tuple[str, ...], bool]:
    element, negated = _either(one, "Action", where)
    if element is None or element == []:
        raise PolicyError("Missing required field Action" if kind == "trust" else "Policy statement must contain actions.", where)
    actions = _texts(element, f"{where}.Action")
    if kind == "trust" and (negated or not all(_is_trust_action(action) for action in actions)):
        raise PolicyError(NOT_STS, where)
    for action in actions:
        _check_action(action, f"{where}.Action")
    return actions, negated


def _check_action(action: str, where: str) -> None:
    """Raise PolicyError unless `action` is `*` or a service's prefix and a name, which alone may have wildcards."""
    vendor, colon, name = action.partition(":")
    if action == "*":
        return
    if not colon or not vendor or vendor == "*":
        raise PolicyError(NO_VENDOR, where)
    if ":" in name:
        raise PolicyError(TWO_COLONS, where)
    if not _VENDOR.fullmatch(vendor):
        raise PolicyError(f"Vendor {vendor} is not valid", where)
    if not _ACTION_NAME.fullmatch(name):
        raise PolicyError(SYNTAX, where)


def _is_trust_action(action: str) -> bool:
    matches = compile_glob(read_tokens(fold(action)))
    return fold(action).startswith("sts:") and any(matches(known) for known in TRUST_ACTIONS)


def _resources(one: Mapping[str, object], kind: Kind, where: str) -> tuple[tuple[str, ...], bool]:
    element, negated = _either(one, "Resource", where)
    if kind == "trust":
        if element is not None:
            raise PolicyError(f"Has prohibited field {'NotResource' if negated else 'Resource'}", where)
        return (), True  # a trust policy speaks of its own role: all but nothing
    if element is None or element == []:
        raise PolicyError("Policy statement must contain resources.", where)
    resources = _texts(element, f"{where}.Resource")
    for resource in resources:
        _check_resource(resource, f"{where}.Resource")
    return resources, negated


def _check_resource(resource: str, where: str) -> None:
    """Raise PolicyError unless `resource` is `*` or has all parts of an ARN, variables and vendor wildcards only where they may stand."""
    if resource == "*":
        return
    parts = _IN_OWN_ACCOUNT.sub(r"\1*", resource, count=1).split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise PolicyError(f'Resource {resource} must be in ARN format or "*".', where)
    if not compile_glob(read_tokens(parts[1]))(PARTITION):
        raise PolicyError(f'Partition "{parts[1]}" is not valid for resource "{resource}".', where)
    if "*" in parts[2] or "?" in parts[2] or not parts[2]:
        raise PolicyError("Resource vendor must be fully qualified and cannot contain regexes.", where)
    if any("${" in part for part in parts[1:5]):
        raise PolicyError(f'Resource {resource} must be in ARN format or "*".', f"{where}: a policy variable before the resource part")
    if parts[2] == "iam" and parts[3]:
        raise PolicyError(f"IAM resource {resource} cannot contain region information.", where)


def _condition(element: object, where: str) -> dict[str, dict[str, tuple[str, ...]]]:
    if not isinstance(element, dict):
        raise PolicyError(SYNTAX, where)
    condition: dict[str, dict[str, tuple[str, ...]]] = {}
    for operator, keys in element.items():
        if not isinstance(keys, dict) or not keys:
            raise PolicyError(SYNTAX, f"{where}.{operator}")
        for key in keys:
            if not _CONDITION_KEY.fullmatch(key):
                raise PolicyError(NO_VENDOR, f"{where}.{operator}.{key}")
        condition[operator] = {key: _texts(values, f"{where}.{operator}.{key}", scalars=True) for key, values in keys.items()}
    return condition
