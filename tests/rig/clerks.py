"""Clerks: clients that change what is theirs at random, and know at each moment what must be there and what may be.

Each has a part of the account by the prefix of its names, makes one change at a time, and keeps `facts`: what it was told is done. A
change without an answer is `doubt`: all of it is there, or nothing. `settle` holds the two against what the server shows (observe.py).
"""

from __future__ import annotations

import copy
import json
import random  # noqa: TID251  # cases of a test, from a seed
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rig.node import Keys, Refused
from rig.observe import Facts
from rig.remote import Remote, Unanswered

MOST = 4  # entities of a kind that a clerk has at once
MOST_ACCOUNTS = 3
Answer = dict[str, Any]


@dataclass
class Step:
    """One call; `then` learns what the server chose."""

    service: str
    operation: str
    parameters: dict[str, Any]
    then: Callable[[Answer], None] | None = None


def document(rng: random.Random) -> dict[str, Any]:
    """A policy that no two draws make the same."""
    action, resource = f"s3:Get{rng.choice(('Object', 'BucketTagging'))}", f"arn:aws:s3:::b{rng.randrange(10**6)}/*"
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


class Clerk:
    """One client, by the name that all of its entities begin with. Everything random comes from `seed`."""

    def __init__(self, name: str, seed: int, remote: Remote, keys: Keys, account: str, saml: str) -> None:
        self.name, self.account = name, account
        self.facts: Facts = {}
        self.doubt: Facts | None = None
        self.acknowledged: list[str] = []  # request ids
        self.refused: list[Refused] = []
        self.secrets: dict[str, Keys] = {}  # long-term keys by their ids
        self.sessions: list[tuple[str, Keys]] = []  # live ones, with the role's name
        self.ended: list[Keys] = []  # whose ending was acknowledged
        self._doubted_role = ""  # whose sessions may be over, or not
        self._keys, self._remote, self._saml = keys, remote, saml
        self._rng = random.Random(seed)
        self._made = 0
        self._spent: set[str] = set()  # roles with an ending: it takes what is minted later in its second as well
        self._held: dict[str, list[str]] = {}  # ids of access keys by user, oldest first
        self._next: dict[str, int] = {}  # the number of a policy's next version: never given twice

    # -- working and settling

    def work(self) -> bool:
        """Make one change; False when the server did not answer."""
        after = copy.deepcopy(self.facts)
        step = None
        while step is None:
            step = self._rng.choice(STEPS)(self, after)
        try:
            answer, request_id = self._remote.told(step.service, step.operation, step.parameters, self._keys)
        except Unanswered:
            self.doubt = after
            return False
        except Refused as refused:
            self.refused.append(refused)
            self._doubted_role = ""
            return True
        self.acknowledged.append(request_id)
        self.facts, self._doubted_role = after, ""
        if step.then is not None:
            step.then(answer)
        return True

    def settle(self, seen: Facts) -> str:
        """Hold `seen` (the server's, of this clerk's names) against what must be there; "" when all is well."""
        possible = [self.facts] if self.doubt is None else [self.facts, self.doubt]
        if _plain(seen) not in map(_plain, possible):
            names = {name for facts in possible for name in facts.keys() | seen.keys() if facts.get(name) != seen.get(name)}
            parts = [f"{name}: {[facts.get(name) for facts in possible]} but {seen.get(name)}" for name in sorted(names)]
            return f"{self.name}: " + "; ".join(parts)
        if self.doubt is not None:
            self.facts, self.doubt = copy.deepcopy(seen), None
            self._learn_ids()
        roles = {name.removeprefix("role/") for name in self.facts if name.startswith("role/")}
        self.ended += [keys for role, keys in self.sessions if role not in roles]
        # an ending without an answer has ended all of the role's sessions or none: neither is promised any more
        self.sessions = [(role, keys) for role, keys in self.sessions if role in roles and role != self._doubted_role]
        self._doubted_role = ""
        return ""

    def _learn_ids(self) -> None:
        """Of what a change without an answer has made, if it has."""
        for user in self._users():
            listed = self._remote.call("iam", "ListAccessKeys", {"UserName": user}, self._keys)["AccessKeyMetadata"]
            self._held[user] = [key["AccessKeyId"] for key in listed]
        for name, fact in self.facts.items():
            if name.startswith("policy/"):
                newest = max(int(version[1:]) for version in fact["versions"])
                self._next[name] = max(self._next.get(name, 2), newest + 1)

    def good(self) -> list[Keys]:
        """Some credentials that must work."""
        active = [
            self.secrets[id]
            for user in self._users()
            for id, state in zip(self._held.get(user, ()), self.facts[f"user/{user}"]["keys"], strict=True)
            if state == "Active" and id in self.secrets
        ]
        return [*active[-1:], *(keys for _, keys in self.sessions[-1:])]

    def _users(self) -> list[str]:
        return [name.removeprefix("user/") for name in self.facts if name.startswith("user/")]

    # -- what steps are made of

    def fresh(self, kind: str) -> str:
        """A name that was never used."""
        self._made += 1
        return f"{self.name}{kind}{self._made}"

    def pick(self, after: Facts, kind: str) -> str:
        """The name of one that is there, "" for none."""
        names = [name.removeprefix(f"{kind}/") for name in after if name.startswith(f"{kind}/")]
        return self._rng.choice(names) if names else ""

    def room(self, after: Facts, kind: str) -> bool:
        """Whether there may be one more."""
        return sum(1 for name in after if name.startswith(f"{kind}/")) < MOST

    def arn(self, kind: str, name: str) -> str:
        """Its ARN."""
        return f"arn:aws:iam::{self.account}:{kind}/{name}"

    def entity(self, after: Facts) -> tuple[str, str]:
        """A user, group or role that is there: kind and name."""
        kind = self._rng.choice(("User", "Group", "Role"))
        return kind, self.pick(after, kind.lower())


def _create(kind: str) -> Callable[[Clerk, Facts], Step | None]:
    def step(clerk: Clerk, after: Facts) -> Step | None:
        if not clerk.room(after, kind.lower()):
            return None
        name = clerk.fresh(kind[0].lower())
        made: dict[str, Any] = {"attached": [], "inline": {}}
        given: dict[str, Any] = {f"{kind}Name": name}
        if kind != "Group":
            made["tags"] = {"made": name}
            given["Tags"] = [{"Key": "made", "Value": name}]
        if kind == "User":
            made |= {"groups": [], "keys": []}
        if kind == "Role":
            trust = {"Effect": "Allow", "Principal": {"AWS": clerk.arn("root", "")[:-1]}, "Action": "sts:AssumeRole"}
            made["trust"] = {"Version": "2012-10-17", "Statement": [trust]}
            given["AssumeRolePolicyDocument"] = json.dumps(made["trust"])
        after[f"{kind.lower()}/{name}"] = made
        return Step("iam", f"Create{kind}", given)

    return step


def _delete(kind: str) -> Callable[[Clerk, Facts], Step | None]:
    def step(clerk: Clerk, after: Facts) -> Step | None:
        name = clerk.pick(after, kind.lower())
        found = after.get(f"{kind.lower()}/{name}")
        members = [user for user in after.values() if kind == "Group" and name in user.get("groups", ())]
        if found is None or found["attached"] or found["inline"] or found.get("groups") or found.get("keys") or members:
            return None
        if clerk._rng.random() < 0.5:  # so that something stays
            return None
        del after[f"{kind.lower()}/{name}"]
        return Step("iam", f"Delete{kind}", {f"{kind}Name": name})

    return step


def _put_inline(clerk: Clerk, after: Facts) -> Step | None:
    kind, name = clerk.entity(after)
    if not name:
        return None
    text = document(clerk._rng)
    which = clerk._rng.choice(("p", "q"))
    after[f"{kind.lower()}/{name}"]["inline"][which] = text
    return Step("iam", f"Put{kind}Policy", {f"{kind}Name": name, "PolicyName": which, "PolicyDocument": json.dumps(text)})


def _delete_inline(clerk: Clerk, after: Facts) -> Step | None:
    kind, name = clerk.entity(after)
    inline = after[f"{kind.lower()}/{name}"]["inline"] if name else {}
    if not inline:
        return None
    which = clerk._rng.choice(sorted(inline))
    del inline[which]
    return Step("iam", f"Delete{kind}Policy", {f"{kind}Name": name, "PolicyName": which})


def _attach(clerk: Clerk, after: Facts) -> Step | None:
    (kind, name), policy = clerk.entity(after), clerk.pick(after, "policy")
    if not name or not policy:
        return None
    attached = after[f"{kind.lower()}/{name}"]["attached"]
    there = policy in attached
    (attached.remove if there else attached.append)(policy)
    attached.sort()
    verb = "Detach" if there else "Attach"
    return Step("iam", f"{verb}{kind}Policy", {f"{kind}Name": name, "PolicyArn": clerk.arn("policy", policy)})


def _tag(clerk: Clerk, after: Facts) -> Step | None:
    kind = clerk._rng.choice(("User", "Role"))
    name = clerk.pick(after, kind.lower())
    if not name:
        return None
    tags = after[f"{kind.lower()}/{name}"]["tags"]
    if "t" in tags and clerk._rng.random() < 0.3:
        del tags["t"]
        return Step("iam", f"Untag{kind}", {f"{kind}Name": name, "TagKeys": ["t"]})
    tags["t"] = str(clerk._rng.randrange(10**6))
    return Step("iam", f"Tag{kind}", {f"{kind}Name": name, "Tags": [{"Key": "t", "Value": tags["t"]}]})


def _membership(clerk: Clerk, after: Facts) -> Step | None:
    user, group = clerk.pick(after, "user"), clerk.pick(after, "group")
    if not user or not group:
        return None
    groups = after[f"user/{user}"]["groups"]
    there = group in groups
    (groups.remove if there else groups.append)(group)
    groups.sort()
    return Step("iam", "RemoveUserFromGroup" if there else "AddUserToGroup", {"UserName": user, "GroupName": group})


def _key(clerk: Clerk, after: Facts) -> Step | None:
    user = clerk.pick(after, "user")
    if not user:
        return None
    states, held = after[f"user/{user}"]["keys"], clerk._held.setdefault(user, [])
    if len(states) < 2 and clerk._rng.random() < 0.6:
        states.append("Active")

        def keep(answer: Answer) -> None:
            keys = Keys.of(answer["AccessKey"])
            clerk.secrets[keys.id] = keys
            held.append(keys.id)

        return Step("iam", "CreateAccessKey", {"UserName": user}, keep)
    if not states:
        return None
    which = clerk._rng.randrange(len(states))
    given = {"UserName": user, "AccessKeyId": held[which]}
    if clerk._rng.random() < 0.5:
        del states[which]
        return Step("iam", "DeleteAccessKey", given, lambda answer: _gone(clerk, held.pop(which)))
    states[which] = "Inactive" if states[which] == "Active" else "Active"
    return Step("iam", "UpdateAccessKey", given | {"Status": states[which]})


def _gone(clerk: Clerk, id: str) -> None:
    if id in clerk.secrets:
        clerk.ended.append(clerk.secrets.pop(id))


def _policy(clerk: Clerk, after: Facts) -> Step | None:
    name = clerk.pick(after, "policy")
    if clerk.room(after, "policy") and (not name or clerk._rng.random() < 0.3):
        name, text = clerk.fresh("p"), document(clerk._rng)
        after[f"policy/{name}"] = {"versions": {"v1": text}, "default": "v1"}
        return Step("iam", "CreatePolicy", {"PolicyName": name, "PolicyDocument": json.dumps(text)})
    found, arn = after[f"policy/{name}"], clerk.arn("policy", name)
    others = sorted(found["versions"].keys() - {found["default"]})
    choice = clerk._rng.choice(("add", "add", "default", "drop", "delete"))
    if choice == "add" and len(found["versions"]) < 5:
        number = clerk._next.get(f"policy/{name}", 2)
        text, made = document(clerk._rng), f"v{number}"
        found["versions"][made] = text
        is_default = clerk._rng.random() < 0.5
        if is_default:
            found["default"] = made
        given = {"PolicyArn": arn, "PolicyDocument": json.dumps(text), "SetAsDefault": is_default}
        return Step("iam", "CreatePolicyVersion", given, lambda answer: clerk._next.update({f"policy/{name}": number + 1}))
    if choice == "default" and others:
        found["default"] = clerk._rng.choice(others)
        return Step("iam", "SetDefaultPolicyVersion", {"PolicyArn": arn, "VersionId": found["default"]})
    if choice == "drop" and others:
        del found["versions"][others[0]]
        return Step("iam", "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": others[0]})
    if choice == "delete" and not others and not any(name in entity.get("attached", ()) for entity in after.values()):
        del after[f"policy/{name}"]
        return Step("iam", "DeletePolicy", {"PolicyArn": arn})
    return None


def _oidc(clerk: Clerk, after: Facts) -> Step | None:
    host = clerk.pick(after, "oidc")
    if not host:
        host = f"{clerk.fresh('o')}.example.test"
        after[f"oidc/{host}"] = {"clients": ["app"]}
        return Step("iam", "CreateOpenIDConnectProvider", {"Url": f"https://{host}", "ClientIDList": ["app"], "ThumbprintList": ["a" * 40]})
    arn, clients = clerk.arn("oidc-provider", host), after[f"oidc/{host}"]["clients"]
    if len(clients) < 3:
        clients.append(clerk.fresh("client"))
        clients.sort()
        added = max(clients, key=lambda text: (len(text), text))
        return Step("iam", "AddClientIDToOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn, "ClientID": added})
    del after[f"oidc/{host}"]
    return Step("iam", "DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn})


def _saml(clerk: Clerk, after: Facts) -> Step | None:
    name = clerk.pick(after, "saml")
    if name:
        del after[f"saml/{name}"]
        return Step("iam", "DeleteSAMLProvider", {"SAMLProviderArn": clerk.arn("saml-provider", name)})
    name = clerk.fresh("s")
    after[f"saml/{name}"] = {}
    return Step("iam", "CreateSAMLProvider", {"Name": name, "SAMLMetadataDocument": clerk._saml})


def _account(clerk: Clerk, after: Facts) -> Step | None:
    if clerk._rng.random() < 0.9 or sum(1 for name in after if name.startswith("account/")) >= MOST_ACCOUNTS:
        return None
    name = clerk.fresh("a")
    after[f"account/{name}"] = {"email": f"{name}@example.test", "status": "ACTIVE"}
    return Step("organizations", "CreateAccount", {"AccountName": name, "Email": f"{name}@example.test"})


def _session(clerk: Clerk, after: Facts) -> Step | None:
    role = clerk.pick(after, "role")
    if not role or role in clerk._spent:
        return None
    given = {"RoleArn": clerk.arn("role", role), "RoleSessionName": "s1"}
    return Step("sts", "AssumeRole", given, lambda answer: clerk.sessions.append((role, Keys.of(answer["Credentials"]))))


def _revoke(clerk: Clerk, after: Facts) -> Step | None:
    roles = [role for role, _ in clerk.sessions if f"role/{role}" in after]
    if not roles:
        return None
    role = clerk._rng.choice(roles)
    clerk._doubted_role = role
    clerk._spent.add(role)

    def over(answer: Answer) -> None:
        clerk.ended += [keys for name, keys in clerk.sessions if name == role]
        clerk.sessions = [(name, keys) for name, keys in clerk.sessions if name != role]

    return Step("daypass", "RevokeSessions", {"RoleArn": clerk.arn("role", role)}, over)


STEPS = [
    *(_create(kind) for kind in ("User", "Group", "Role")), *(_delete(kind) for kind in ("User", "Group", "Role")),
    _put_inline, _put_inline, _delete_inline, _attach, _attach, _tag, _membership, _key, _key, _policy, _policy, _oidc, _saml, _account,
    _session, _session, _revoke,
]  # fmt: skip


def _plain(facts: Facts) -> Facts:
    """`facts` with the keys of a user in no order: which of two that were made in the same second is the older, no list tells."""
    return {name: fact | {"keys": sorted(fact["keys"])} if "keys" in fact else fact for name, fact in facts.items()}
