"""Random policies, callers, resources and requests for the differential test of `decide`. Deterministic by its seed."""

from __future__ import annotations

import json
import random  # noqa: TID251 — cases are random, and their seed is printed
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daypass.policy import Kind
from daypass.policy.operators import OPERATORS
from daypass.values.caller import Caller
from daypass.values.decision import Values

HERE, THERE = "111111111111", "222222222222"
PROVIDER = f"arn:aws:iam::{HERE}:oidc-provider/idp.example"
SERVICE = "rolesanywhere.amazonaws.com"
CANONICAL = "c" * 64


def _user(account: str, name: str) -> Caller:
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Caller("user", account, arn, f"AIDA{name:A>17}", arn, f"AIDA{name.upper():A>17}")


def _role(account: str, session: str) -> Caller:
    arn = f"arn:aws:sts::{account}:assumed-role/r/{session}"
    return Caller("role", account, arn, f"AROAR:{session}", f"arn:aws:iam::{account}:role/app/r", "AROA" + "R" * 17)


def _federated(by: Caller) -> Caller:
    arn = f"arn:aws:sts::{by.account}:federated-user/f"
    return Caller("federated-user", by.account, arn, f"{by.account}:f", by.principal_arn, by.principal_id)


def _root(account: str) -> Caller:
    return Caller("root", account, f"arn:aws:iam::{account}:root", account, f"arn:aws:iam::{account}:root", account)


def _linked(path: str) -> Caller:
    arn = f"arn:aws:iam::{HERE}:role/{path}/AWSServiceRoleForX"
    return Caller("role", HERE, f"arn:aws:sts::{HERE}:assumed-role/AWSServiceRoleForX/s", "AROAL:s", arn, "AROA" + "L" * 17)


LINKED = _linked("aws-service-role/x.amazonaws.com")
CALLERS = [
    _user(HERE, "a"),
    _user(THERE, "a"),
    _role(HERE, "s"),
    _role(THERE, "t"),
    _root(HERE),
    Caller("web-identity", HERE, "", "sub", "", "", provider_arn=PROVIDER),
    Caller("anonymous", "", "", "anonymous", "", ""),
    Caller("operator", HERE, "", "o", f"arn:aws:iam::{HERE}:role/app/r", "AROA" + "R" * 17, provider_arn="ec2.amazonaws.com"),
    Caller("service", "", "", SERVICE, "", "", provider_arn=SERVICE),
    _federated(_user(HERE, "a")),
    _federated(_root(HERE)),
    LINKED,
    _linked("x:role/aws-service-role"),
]
LIKELY = [*CALLERS[:4], *CALLERS[:4], CALLERS[9]]
ACTIONS = ["sts:AssumeRole", "sts:TagSession", "s3:GetObject", "s3:PutObject", "iam:GetUser"]
ACTION_PATTERNS = [*ACTIONS, "STS:assumerole", "s3:*", "s3:Get*", "s3:?etObject", "*", "*", "sts:*Role", "sts:*e*s*"]
RESOURCES = [
    f"arn:aws:iam::{HERE}:role/app/r", f"arn:aws:iam::{THERE}:role/app/r", "arn:aws:s3:::data/a/x", "arn:aws:s3:::data/*", "*",
]  # fmt: skip
RESOURCE_PATTERNS = [
    *RESOURCES, "*", "*", "arn:aws:s3:::data/${aws:username}/*", "arn:aws:s3:::data/${aws:PrincipalTag/team, 'a'}/?", "arn:*:iam::*:role/*",
    "arn:aws:s3:::${*}", "arn:aws:s3:::d?ta/*", "arn:aws:iam::1*:*/r", "arn:aws:s3:::data/${aws:TagKeys}*",
    "arn:aws:iam::${aws:PrincipalAccount}:role/*", "arn:*:iam::${AWS:principalAccount}:*/r",
]  # fmt: skip
PRINCIPALS = [
    "*", {"AWS": "*"}, {"AWS": HERE}, {"AWS": THERE}, {"AWS": f"arn:aws:iam::{HERE}:root"}, {"AWS": [THERE, CALLERS[0].arn]},
    {"AWS": CALLERS[1].arn}, {"AWS": CALLERS[2].principal_arn}, {"AWS": CALLERS[2].arn}, {"AWS": CALLERS[3].principal_arn},
    {"AWS": [CALLERS[2].principal_id, CALLERS[0].principal_id]}, {"Federated": PROVIDER}, {"Service": "ec2.amazonaws.com"},
    {"Service": ["ec2.amazonaws.com", SERVICE]}, {"CanonicalUser": CANONICAL}, {"CanonicalUser": [CANONICAL, "d" * 64], "AWS": THERE},
    {"AWS": CALLERS[9].arn}, {"AWS": [HERE, CALLERS[0].arn, CALLERS[9].arn]}, {"AWS": [CALLERS[9].arn, HERE], "Service": SERVICE},
    {"AWS": [HERE, CALLERS[2].principal_arn, CALLERS[2].arn]}, {"AWS": [HERE, CALLERS[0].arn], "Federated": PROVIDER},
]  # fmt: skip
ARNS = [CALLERS[0].arn, CALLERS[2].principal_arn, "arn:aws:sns:eu-west-1:1:topic:sub", "arn:aws:sns:eu-west-1:1", "no arn"]
TEXTS = ["a", "A", "b", "", "a*", "axb", "\u017f", "s", "\u212a", "k", "${aws:username}", "e\u0301", "\u00e9"]
NUMBERS = ["1", "01", "-1", "1.0", "2.50", "10", "1e1", "٣", "", "nan", "+1", "1_0", " 1", "9" * 20]
DATES = [
    "2026", "2026-01", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T02:00:00+02:00", "1767225600",
    "1767225600.5", "2026-01-01t00:00:00z", "2026-02-30", "2025-12-31T23:59:59Z", "2027",
]  # fmt: skip
ADDRESSES = [
    "10.1.2.3", "::ffff:10.1.2.3", "10.1.2.3%eth0", "2001:db8::1", "192.168.0.1", "::a01:203", "10.1.2", "010.1.2.3", "10.1.2.3/32",
]  # fmt: skip

# family → its keys with the values that requests have, and the values that policies have
FAMILIES: dict[str, tuple[dict[str, list[str]], list[Any]]] = {
    "String": (
        {"aws:username": TEXTS, "aws:PrincipalTag/team": TEXTS, "aws:TagKeys": TEXTS, "aws:PrincipalAccount": [HERE, THERE, "1*"]},
        [*TEXTS, "a?", "*", "?", "*b", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/none, 'b'}", "${*}", "a${?}", "${aws:TagKeys}", 1,
         True],
    ),
    "Arn": (
        {"aws:PrincipalArn": ARNS, "aws:SourceArn": ARNS},
        [*ARNS, "arn:aws:iam::*:user/*", "arn:*:*:*:*:*", "arn:aws:sns:*:topic*", "arn:aws:iam::1?1111111111:role/*", "${aws:PrincipalArn}",
         "arn:aws:iam::*:user/${aws:username}", "*"],
    ),
    "Numeric": ({"s3:max-keys": NUMBERS}, ["1", 1, "1.00", "-1", "2.5", 10, "+10"]),
    "Date": (
        {"aws:CurrentTime": DATES},
        ["2026", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500Z", 1767225600, "2025-12-31T23:59:59-00:00"],
    ),
    "Bool": ({"aws:SecureTransport": ["true", "false", "TRUE", "yes", ""]}, [True, "true", "False", False, "${aws:SecureTransport}"]),
    "Binary": ({"x:blob": ["YQ==", "YQ", "Yg=="]}, ["YQ==", "Yg==", "YR=="]),
    "Ip": (
        {"aws:SourceIp": ADDRESSES},
        ["10.0.0.0/8", "10.1.2.3", "::/0", "0.0.0.0/0", "::ffff:10.0.0.0/104", "2001:db8::/32", "10.1.2.3/31", "::ffff:10.1.2.3"],
    ),
}  # fmt: skip
NULL_KEYS = ["aws:username", "aws:TagKeys", "aws:SourceIp"]
MULTIVALUED = "aws:TagKeys"


def _family(operator: str) -> str:
    return "Ip" if "IpAddress" in operator else next(family for family in FAMILIES if operator.startswith(family))


@dataclass
class World:
    """Policies as JSON objects; compiled once, asked several times."""

    documents: dict[str, Any] = field(default_factory=dict)
    kind: Kind = "resource"
    bound: Mapping[str, str] = field(default_factory=dict)
    focus: str = ""  # the one condition operator that decides here, "" in mixed worlds


class Generator:
    """Random policies that AWS would save, over small pools so that they often meet the request."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def some(self, pool: list[Any], most: int = 3) -> Any:
        """One of the pool as a scalar, or a list of a few."""
        count = self.random.choice([1, 1, *range(1, most + 1)])
        picked = [self.random.choice(pool) for _ in range(count)]
        return picked[0] if count == 1 and self.random.random() < 0.7 else picked

    def operator(self) -> str:
        """An operator in any of its forms."""
        name = self.random.choice([*OPERATORS, "Null"])
        if name == "Null":
            return name
        quantifier = self.random.choice(["", "", "ForAllValues:", "ForAnyValue:"])
        return quantifier + name + self.random.choice(["", "", "IfExists"])

    def operands(self, operator: str) -> dict[str, Any]:
        """Keys and values for an operator, keys in any case."""
        if operator == "Null":
            return {self.random.choice(NULL_KEYS): self.some(["true", "false", "True", True, False], 1)}
        keys, values = FAMILIES[_family(operator.rpartition(":")[2])]
        names = self.random.sample(list(keys), self.random.choice([1, 1, len(keys)]))
        return {self.random.choice([name, name.lower(), name.upper()]): self.some(values) for name in names}

    def condition(self) -> dict[str, Any]:
        """A Condition block, often empty."""
        return {operator: self.operands(operator) for operator in (self.operator() for _ in range(self.random.choice([0, 0, 0, 1, 1, 2])))}

    def statement(self, kind: Kind) -> dict[str, Any]:
        """A statement of a policy of `kind`."""
        effect = self.random.choice(["Allow"] * 5 + ["Deny"])
        made: dict[str, Any] = {"Effect": effect}
        if kind == "rcp":
            made = {"Effect": "Deny", "Principal": "*", "Action": self.some(["s3:Get*", "sts:*", "sts:AssumeRole", "s3:PutObject"])}
            made[self.random.choice(["Resource"] * 4 + ["NotResource"])] = self.some(RESOURCE_PATTERNS)
            return made | {"Condition": self.condition()}
        if kind == "trust":
            made["Action"] = self.some(["sts:AssumeRole", "sts:*", "sts:TagSession", "STS:Assume*"])
        else:
            made[self.random.choice(["Action"] * 8 + ["NotAction"])] = self.some(ACTION_PATTERNS)
            made[self.random.choice(["Resource"] * 8 + ["NotResource"])] = self.some(RESOURCE_PATTERNS)
        if kind in ("trust", "resource"):
            negate = kind == "resource" and self.random.random() < (0.4 if effect == "Deny" else 0.15)
            pool = PRINCIPALS[2:] if negate else PRINCIPALS
            if kind == "trust":
                pool = [one for one in pool if "CanonicalUser" not in one]
            made["NotPrincipal" if negate else "Principal"] = self.random.choice(pool)
        if effect == "Allow" and self.random.random() < 0.62:  # a broad one, so that enough is allowed
            made = {name: made[name] for name in ("Effect", "Principal", "NotPrincipal") if name in made}
            return made | ({"Action": "sts:*"} if kind == "trust" else {"Action": "*", "Resource": "*"})
        made["Condition"] = self.condition()
        return made

    def crowd(self) -> list[dict[str, Any]]:
        """Many statements on single resources, as those who list each bucket write them."""
        pool = [*RESOURCES[:4], "arn:aws:s3:::data/a/*", "arn:aws:s3:::data/a/?", "arn:aws:iam::*:role/app/r"]
        pool += [f"arn:aws:s3:::data-{number}/*" for number in range(20)]
        effects = ["Allow"] * 9 + ["Deny"]
        return [
            {"Effect": self.random.choice(effects), "Action": self.some(ACTION_PATTERNS), "Resource": self.some(pool)}
            for _ in range(self.random.randint(10, 40))
        ]

    def policy(self, kind: Kind) -> dict[str, Any]:
        """A policy of one to three statements; a 2008 one knows no variables."""
        version = "2012-10-17" if kind in ("scp", "rcp") else self.random.choice(["2012-10-17"] * 6 + ["2008-10-17"])
        statements = [self.statement(kind) for _ in range(self.random.choice([1, 1, 2, 3]))]
        if kind == "identity" and self.random.random() < 0.05:
            statements += self.crowd()
        if kind in ("boundary", "session", "scp") and self.random.random() < 0.6:
            statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        if kind == "rcp":
            statements = [s for s in statements if s["Effect"] == "Deny"]
            if self.random.random() < 0.85 or not statements:
                statements.append({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})
        if "${aws:SecureTransport}" in json.dumps(statements):
            version = "2012-10-17"  # to a 2008 policy it is a bad boolean
        return {"Version": version, "Statement": statements[0] if len(statements) == 1 else statements}

    def world(self) -> World:
        """Either one condition on one allow, so that it alone decides, or every layer at once."""
        if self.random.random() < 0.35:
            operator = self.operator()
            statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: self.operands(operator)}}
            return World({"identity": [{"Version": "2012-10-17", "Statement": statement}]}, focus=operator.rpartition(":")[2])
        kind: Kind = self.random.choice(["trust", "resource"])
        chance = self.random.random
        documents = {
            "identity": [self.policy("identity") for _ in range(self.random.choice([0, 1, 1, 2]))],
            "boundary": self.policy("boundary") if chance() < 0.25 else None,
            "session": [self.policy("session")] if chance() < 0.25 else [] if chance() < 0.03 else None,
            "scps": [self.level("scp") for _ in range(self.random.choice([0, 0, 0, 1, 2]))],
            "rcps": [self.level("rcp") for _ in range(self.random.choice([0, 0, 0, 1, 2]))],
            "resource": self.policy(kind) if chance() < 0.8 else None,
        }
        arns = [CALLERS[0].arn, CALLERS[2].principal_arn, CALLERS[2].arn]
        ids = [CALLERS[0].principal_id, CALLERS[2].principal_id, "AIDAGONE"]
        bound = {arn: self.random.choice(ids) for arn in arns if chance() < 0.3}
        return World(documents, kind, bound | {CANONICAL: self.random.choice([HERE, THERE])})

    def level(self, kind: Kind) -> list[dict[str, Any]]:
        """The policies at one level of an organization."""
        return [self.policy(kind) for _ in range(self.random.choice([1, 1, 1, 2]))]

    def context(self) -> dict[str, Values]:
        """A request's condition keys: each may be absent, single or multi-valued."""
        made: dict[str, Values] = {}
        for keys, _ in FAMILIES.values():
            for key, values in keys.items():
                form = self.random.choice("111111m-" if key != MULTIVALUED else "mm1-")
                if form == "1":
                    made[key.lower()] = self.random.choice(values)
                elif form == "m":
                    made[key.lower()] = tuple(self.random.choice(values) for _ in range(self.random.choice([0, 1, 2, 2])))
        return made
