"""Attacks on decisions about sessions: default allow, trust, stale caches, revocation, conditions, limits. Each has a benign twin."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, Target, accepted, allow, keys_of, member, policy, refused, trust
from rig.http import Bend, form, json_call, sign, who_am_i
from rig.idp import Idp
from rig.node import Keys, Refused, TestNode
from rig.server import Server

DENY_ALL = {"Effect": "Deny", "Action": "*", "Resource": "*"}
OVER = ("ExpiredToken", "InvalidClientTokenId")


class Federation:
    """A provider at a path of the test issuer, and calls with its tokens."""

    def __init__(self, target: Target, idp: Idp, path: str, *audiences: str) -> None:
        self.target, self.idp, self.path = target, idp, path
        self.name = idp.name + path
        self.arn = f"arn:aws:iam::{target.account}:oidc-provider/{self.name}"
        clients = {f"ClientIDList.member.{number}": each for number, each in enumerate(("sts.amazonaws.com", *audiences), 1)}
        accepted(target.iam("CreateOpenIDConnectProvider", Url=idp.issuer(path), **clients))

    def trust(self, operator: str, **claims: Any) -> str:
        condition = {operator: {f"{self.name}:{claim}": value for claim, value in claims.items()}}
        return trust({"Federated": self.arn}, action="sts:AssumeRoleWithWebIdentity", condition=condition)

    def present(self, role: str, **claims: Any) -> Any:
        token = self.idp.token(self.idp.claims(path=self.path, **claims))
        given = {"RoleArn": role, "RoleSessionName": "web", "WebIdentityToken": token}
        return form(self.target.url, {"Action": "AssumeRoleWithWebIdentity", **given}).send()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = TestNode(tmp_path)
    yield made
    made.close()


# -- what a trust policy says, exactly


def test_C25_a_trust_in_audience_is_held_to_the_audience(target: Target, idp: Idp) -> None:
    made = Federation(target, idp, "/c25", "pool-a", "pool-b")
    role = target.plain_role("c25", made.trust("StringEquals", aud="pool-a"))
    for audience in ("pool-b", "sts.amazonaws.com", "POOL-A", "pool-a ", ["pool-b", "pool-a"], None, ""):
        reply = made.present(role, aud=audience)
        assert reply.status in (400, 403) and b"SecretAccessKey" not in reply.body, (audience, reply)
    accepted(made.present(role, aud="pool-a"))


@pytest.mark.parametrize(
    ("pattern", "fits", "misfits"),
    [
        ("repo:acme/*", ("repo:acme/app", "repo:acme/"), ("repo:acme-evil/app", "repo:acme", "Repo:acme/app", "xrepo:acme/app")),
        ("repo:acme*", ("repo:acme/app", "repo:acme-evil/app"), ("repo:acm", "REPO:ACME/app")),
        (
            "repo:acme/app:ref:refs/heads/main",
            ("repo:acme/app:ref:refs/heads/main",),
            ("repo:acme/app:ref:refs/heads/main2", "repo:acme/app"),
        ),
        ("repo:?cme/app", ("repo:acme/app",), ("repo:cme/app", "repo:aacme/app")),
        ("repo:[a-z]*", ("repo:[a-z]x",), ("repo:acme",)),
    ],
)
def test_C26_a_subject_matches_as_aws_says_and_no_more(
    target: Target, idp: Idp, pattern: str, fits: tuple[str, ...], misfits: tuple[str, ...]
) -> None:
    label = format(abs(hash(pattern)) % 10**9, "09d")
    made = Federation(target, idp, f"/c26-{label}")
    role = target.plain_role(f"c26-{label}", made.trust("StringLike", sub=pattern))
    for subject in misfits:
        refused(made.present(role, sub=subject), "AccessDenied", status=403)
    for subject in fits:
        accepted(made.present(role, sub=subject))


def test_C26_a_claim_that_is_absent_satisfies_no_condition(target: Target, idp: Idp) -> None:
    made = Federation(target, idp, "/c26absent")
    role = target.plain_role("c26absent", made.trust("ForAnyValue:StringEquals", sub="repo:acme/app", amr="mfa"))
    refused(made.present(role), "AccessDenied", status=403)
    refused(made.present(role, sub=None, amr=["mfa"]), "InvalidIdentityToken", "AccessDenied")
    accepted(made.present(role, amr=["mfa"]))


# -- default deny


def test_C43_nothing_is_allowed_where_no_policy_says_so(target: Target) -> None:
    bare = target.user("c43bare")
    refused(target.iam("ListUsers", bare), "AccessDenied", status=403)
    refused(target.own("ListSessions", bare), "AccessDeniedException")
    accepted(target.call("GetCallerIdentity", bare))
    second = keys_of(target.iam("CreateAccessKey", UserName="c43bare"))  # a new key of a restricted user is as restricted
    refused(target.iam("ListUsers", second), "AccessDenied", status=403)


def test_C43_what_is_taken_away_in_mid_session_is_gone(target: Target) -> None:
    role = target.plain_role("c43gone", trust({"AWS": target.account}), allow("iam:ListUsers"))
    session = keys_of(target.assume(role, target.alice))
    user = target.user("c43gone")
    accepted(target.iam("CreateGroup", GroupName="c43gone"))
    accepted(target.iam("PutGroupPolicy", GroupName="c43gone", PolicyName="p", PolicyDocument=policy(allow("iam:ListUsers"))))
    accepted(target.iam("AddUserToGroup", GroupName="c43gone", UserName="c43gone"))
    for keys in (session, user):
        accepted(target.iam("ListUsers", keys))
    accepted(target.iam("DeleteRolePolicy", RoleName="c43gone", PolicyName="allowed"))
    accepted(target.iam("RemoveUserFromGroup", GroupName="c43gone", UserName="c43gone"))
    for keys in (session, user):
        refused(target.iam("ListUsers", keys), "AccessDenied", status=403)


def test_C43_a_session_policy_that_is_gone_or_emptied_denies(target: Target) -> None:
    arn = member(target.iam("CreatePolicy", PolicyName="c43session", PolicyDocument=policy(allow("iam:ListUsers"))), "Arn")
    role = target.plain_role("c43session", trust({"AWS": target.account}), allow("iam:ListUsers", "iam:ListRoles"))
    session = keys_of(target.assume(role, target.alice, **{"PolicyArns.member.1.arn": arn}))
    accepted(target.iam("ListUsers", session))
    refused(target.iam("ListRoles", session), "AccessDenied", status=403)
    accepted(target.iam("DeletePolicy", PolicyArn=arn))
    refused(target.iam("ListUsers", session), "AccessDenied", status=403)


def test_C43_a_stored_policy_that_cannot_be_read_denies(node: TestNode) -> None:
    from msgspec.structs import replace

    from daypass.store import Changes

    operator = node.operator()
    node.call("iam", "CreateUser", {"UserName": "user"}, operator)
    node.call("iam", "PutUserPolicy", {"UserName": "user", "PolicyName": "p", "PolicyDocument": ALLOW_ALL}, operator)
    keys = Keys.of(node.call("iam", "CreateAccessKey", {"UserName": "user"}, operator)["AccessKey"])
    node.call("iam", "ListUsers", {}, keys)
    user = node.store.snapshot.users.named(node.account, "user")
    assert user is not None
    changes = Changes()
    changes.put(replace(user, inline={**user.inline, "torn": '{"Version":"2012-10-17","Statement":[{"Effect":"Den'}))
    node.store.write(changes)
    with pytest.raises(Refused, match="AccessDenied"):
        node.call("iam", "ListUsers", {}, keys)


@pytest.mark.parametrize("layer", ["trust", "identity", "session", "boundary"])
def test_C44_one_refusal_holds_at_every_door(target: Target, idp: Idp, layer: str) -> None:
    """The same role by AssumeRole of a user, of a session, of another account, and by web identity."""
    made = Federation(target, idp, f"/c44{layer}")
    everyone = {"AWS": [target.account, target.partner]}
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Principal": everyone, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Federated": made.arn}, "Action": "sts:AssumeRoleWithWebIdentity"},
    ]
    role = target.plain_role(f"c44{layer}", policy(*statements), allow("*"))
    user = target.user(f"c44{layer}", allow("sts:AssumeRole"))
    hop = target.plain_role(f"c44{layer}-hop", trust({"AWS": target.account}), allow("sts:AssumeRole"))
    hopped = keys_of(target.assume(hop, user))
    for keys in (user, hopped, target.mallory):
        accepted(target.assume(role, keys))
    accepted(made.present(role))
    if layer == "trust":
        deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}
        document = policy(*statements, deny)
        accepted(target.iam("UpdateAssumeRolePolicy", RoleName=f"c44{layer}", PolicyDocument=document))
        for keys in (user, hopped, target.mallory, target.alice):
            refused(target.assume(role, keys), "AccessDenied", status=403)
        refused(made.present(role), "AccessDenied", status=403)
        return
    forbid = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": role}
    if layer == "identity":
        target.put(f"c44{layer}", forbid, policy_name="deny")
        accepted(target.iam("PutRolePolicy", RoleName=f"c44{layer}-hop", PolicyName="deny", PolicyDocument=policy(forbid)))
    elif layer == "session":
        hopped = keys_of(target.assume(hop, target.alice, Policy=policy(allow("*"), forbid)))
        user = hopped
    else:
        fence = member(target.iam("CreatePolicy", PolicyName="c44fence", PolicyDocument=policy(allow("*"), forbid)), "Arn")
        accepted(target.iam("PutUserPermissionsBoundary", UserName=f"c44{layer}", PermissionsBoundary=fence))
        accepted(target.iam("PutRolePermissionsBoundary", RoleName=f"c44{layer}-hop", PermissionsBoundary=fence))
    for keys in (user, hopped):
        refused(target.assume(role, keys), "AccessDenied", status=403)
    accepted(target.assume(role, target.alice))


# -- caches


def test_C59_primed_caches_decide_anew_when_one_input_differs(target: Target) -> None:
    role = target.plain_role(
        "c59", trust({"AWS": target.account}), allow("iam:GetUser", resource=f"arn:aws:iam::{target.account}:user/c59")
    )
    other = target.plain_role("c59other", trust({"AWS": target.account}))
    user = target.user("c59", allow("iam:GetUser"))
    target.user("c59beside")
    session = keys_of(target.assume(role, target.alice))
    narrowed = keys_of(target.assume(role, target.alice, Policy=policy(allow("iam:ListUsers"))))
    foreign = keys_of(target.assume(other, target.alice))

    def look(keys: Keys, name: str = "c59", action: str = "GetUser") -> Any:
        return target.iam(action, keys, UserName=name)

    for _ in range(3):
        accepted(look(session))
        accepted(look(user))
        refused(look(narrowed), "AccessDenied")  # the session policy
        refused(look(foreign), "AccessDenied")  # the principal
        refused(look(session, "c59beside"), "AccessDenied")  # the resource
        refused(look(session, action="ListAccessKeys"), "AccessDenied")  # the action
        refused(look(Keys(session.id, session.secret, narrowed.token)), "InvalidClientTokenId")  # the token
        refused(look(Keys(narrowed.id, session.secret, narrowed.token)), "SignatureDoesNotMatch")  # the secret
        refused(look(Keys(session.id, session.secret)), "InvalidClientTokenId")  # no token
        refused(sign(who_am_i(target.url), session, Bend(service="iam")).send(), "SignatureDoesNotMatch")  # the service
    mallory = target.iam("GetUser", target.mallory, UserName="c59")
    refused(mallory, "NoSuchEntity", status=404)  # the account
    accepted(look(session))


def test_C59_tags_and_user_agents_are_read_anew(target: Target) -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:UserAgent": "good"}}
    statements = [{"Effect": "Allow", "Principal": {"AWS": target.account}, "Action": ["sts:AssumeRole", "sts:TagSession"]}]
    role = target.plain_role("c59tag", policy(*statements), allow("iam:ListUsers", Condition=condition))
    tagged = {team: {"Tags.member.1.Key": "team", "Tags.member.1.Value": team} for team in ("red", "blue")}
    red, blue = (keys_of(target.assume(role, target.alice, **tagged[team])) for team in ("red", "blue"))

    def look(keys: Keys, agent: str) -> Any:
        made = form(target.url, {"Action": "ListUsers"}, "2010-05-08").with_header("User-Agent", agent)
        return sign(made, keys, Bend(service="iam")).send()

    for _ in range(2):
        accepted(look(red, "good"))
        refused(look(blue, "good"), "AccessDenied", status=403)
        refused(look(red, "bad"), "AccessDenied", status=403)


# -- what is over


def test_H03_no_session_survives_what_it_came_from(target: Target) -> None:
    role = target.plain_role("h03", trust({"AWS": target.account}), allow("iam:ListUsers"))

    def fresh(name: str) -> tuple[Keys, list[Keys]]:
        keys = target.user(name, allow("sts:AssumeRole"))
        own = keys_of(target.call("GetSessionToken", keys))
        made = [own, keys_of(target.assume(role, keys)), keys_of(target.assume(role, own))]
        for session in made:
            accepted(target.call("GetCallerIdentity", session))
        return keys, made

    keys, made = fresh("h03off")
    accepted(target.iam("UpdateAccessKey", UserName="h03off", AccessKeyId=keys.id, Status="Inactive"))
    for session in made:
        refused(target.call("GetCallerIdentity", session), "ExpiredToken", status=403)
    accepted(target.iam("UpdateAccessKey", UserName="h03off", AccessKeyId=keys.id, Status="Active"))

    keys, made = fresh("h03key")
    accepted(target.iam("DeleteAccessKey", UserName="h03key", AccessKeyId=keys.id))
    for session in made:
        refused(target.call("GetCallerIdentity", session), "ExpiredToken", status=403)

    keys, made = fresh("h03user")
    accepted(target.iam("DeleteAccessKey", UserName="h03user", AccessKeyId=keys.id))
    accepted(target.iam("DeleteUserPolicy", UserName="h03user", PolicyName="allowed"))
    accepted(target.iam("DeleteUser", UserName="h03user"))
    target.user("h03user", allow("*"))  # the same name is not the same user
    for session in made:
        refused(target.call("GetCallerIdentity", session), "ExpiredToken", status=403)

    keys, made = fresh("h03deny")
    target.put("h03deny", DENY_ALL, policy_name="deny")
    refused(target.assume(role, made[0]), "AccessDenied", status=403)
    refused(target.call("GetSessionToken", keys), "AccessDenied", status=403)
    accepted(target.call("GetCallerIdentity", made[0]))


@pytest.mark.parametrize("how", ["deactivated", "deleted", "denied"])
def test_H04_no_success_after_the_answer(target: Target, how: str) -> None:
    name = f"h04{how}"
    keys = target.user(name, allow("iam:*"))
    for _ in range(10):
        accepted(target.iam("ListAccessKeys", keys))
    if how == "deactivated":
        accepted(target.iam("UpdateAccessKey", UserName=name, AccessKeyId=keys.id, Status="Inactive"))
    elif how == "deleted":
        accepted(target.iam("DeleteAccessKey", UserName=name, AccessKeyId=keys.id))
    else:
        target.put(name, DENY_ALL, policy_name="deny")
    codes = set()
    for _ in range(20):
        codes |= {target.iam("ListAccessKeys", keys).code, target.iam("CreateAccessKey", keys).code}
    assert codes == {"AccessDenied" if how == "denied" else "InvalidClientTokenId"}
    assert target.iam("ListAccessKeys", UserName=name).text.count("<AccessKeyId>") == (0 if how == "deleted" else 1)


def test_H06_the_console_s_policy_against_older_sessions(node: TestNode) -> None:
    operator = node.operator()
    document = {"RoleName": "h06", "AssumeRolePolicyDocument": trust({"AWS": node.account})}
    node.call("iam", "CreateRole", document, operator)
    given = {"RoleName": "h06", "PolicyName": "allowed", "PolicyDocument": policy(allow("iam:ListUsers"))}
    node.call("iam", "PutRolePolicy", given, operator)
    arn = f"arn:aws:iam::{node.account}:role/h06"
    made = []
    for _ in range(3):  # at T-1, T and T+1
        made.append(Keys.of(node.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "session"}, operator)["Credentials"]))
        node.pass_time(seconds=1)
    at = (node.now - timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    older = policy({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:TokenIssueTime": at}}})
    for keys in made:
        node.call("iam", "ListUsers", {}, keys)
    node.call("iam", "PutRolePolicy", {"RoleName": "h06", "PolicyName": "AWSRevokeOlderSessions", "PolicyDocument": older}, operator)
    with pytest.raises(Refused, match="AccessDenied"):
        node.call("iam", "ListUsers", {}, made[0])
    for keys in made[1:]:
        node.call("iam", "ListUsers", {}, keys)


@pytest.mark.parametrize("form_of", ["session", "subtree", "role", "user", "issued-before"])
def test_H06_what_the_operator_revokes_is_over_at_once(target: Target, server: Server, form_of: str) -> None:
    name = f"h06{form_of}"
    user = target.user(name, allow("sts:AssumeRole"))
    role = target.plain_role(name, trust({"AWS": target.account}), allow("sts:AssumeRole"))
    beside = target.plain_role(f"{name}-beside", trust({"AWS": [target.account, target.partner]}), allow("sts:AssumeRole"))
    parent = keys_of(target.assume(role, user))
    child = keys_of(target.assume(beside, parent))
    grandchild = keys_of(target.assume(beside, child))
    foreign = keys_of(target.assume(beside, target.mallory))
    listed = json.loads(server.command("sessions", "--principal", role, "-o", "json").stdout)
    session = next(item["SessionId"] for item in listed if item["AccessKeyId"] == parent.id)
    arguments: dict[str, tuple[str, ...]] = {
        "session": ("--session", session),
        "subtree": ("--subtree", session),
        "role": ("--role", role),
        "user": ("--user", f"arn:aws:iam::{target.account}:user/{name}"),
    }
    if form_of == "issued-before":
        # of the partner's account only, so that the other tests' sessions live on
        own = f"arn:aws:iam::{target.partner}:role/OrganizationAccountAccessRole"
        victim = keys_of(target.assume(own, target.alice))
        late = datetime.now(UTC) - timedelta(seconds=3600)
        server.command("revoke", "--account", target.partner, "--issued-before", late.strftime("%Y-%m-%dT%H:%M:%SZ"))
        for keys in (parent, child, foreign, victim):
            accepted(target.call("GetCallerIdentity", keys))
        return
    told = json.loads(server.command("revoke", *arguments[form_of], "-o", "json").stdout)
    over = {"session": 1, "subtree": 3, "role": 3, "user": 3}[form_of]
    assert told["SessionsEnded"] == over
    for number, keys in enumerate((parent, child, grandchild)):
        reply = target.call("GetCallerIdentity", keys)
        if number < over:
            refused(reply, "ExpiredToken", status=403)
        else:
            accepted(reply)
    accepted(target.call("GetCallerIdentity", foreign))
    accepted(target.call("GetCallerIdentity", user))


def test_H06_a_time_ends_what_was_issued_before_it(node: TestNode) -> None:
    operator = node.operator()
    node.call("iam", "CreateRole", {"RoleName": "h06", "AssumeRolePolicyDocument": trust({"AWS": node.account})}, operator)
    arn = f"arn:aws:iam::{node.account}:role/h06"
    made = []
    for _ in range(3):
        made.append(Keys.of(node.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "session"}, operator)["Credentials"]))
        node.pass_time(seconds=1)
    at = node.now - timedelta(seconds=2)
    fresh = node.operator()
    node.call("daypass", "RevokeSessions", {"IssuedBefore": at}, fresh)
    for keys in made[:2]:  # before the second and within it
        with pytest.raises(Refused, match="ExpiredToken"):
            node.call("sts", "GetCallerIdentity", {}, keys)
    with pytest.raises(Refused, match="ExpiredToken"):
        node.call("sts", "GetCallerIdentity", {}, made[2])  # younger, but minted from the operator's older one
    node.call("sts", "GetCallerIdentity", {}, fresh)


# -- conditions


@pytest.mark.parametrize(
    ("asked", "own", "allowed"),
    [("red", "red", True), ("red", "blue", False), ("blue", "red", False), ("red", None, False), (None, "red", False), (None, None, False),
     ("Red", "red", False)],
)  # fmt: skip
def test_H09_a_request_tag_equals_the_resource_s_only_when_the_values_do(
    target: Target, asked: str | None, own: str | None, allowed: bool
) -> None:
    name = f"h09-{(asked or '').encode().hex()}-{(own or '').encode().hex()}"
    condition = {"StringEquals": {"aws:RequestTag/team": "${aws:ResourceTag/team}"}}
    document = trust({"AWS": target.account}, action=["sts:AssumeRole", "sts:TagSession"], condition=condition)
    tags = {"Tags.member.1.Key": "team", "Tags.member.1.Value": own} if own else {}
    role = target.plain_role(name, document, **tags)
    given = {"Tags.member.1.Key": "team", "Tags.member.1.Value": asked} if asked else {}
    reply = target.assume(role, target.alice, **given)
    accepted(reply) if allowed else refused(reply, "AccessDenied", status=403)


def test_H12_a_deny_wins_over_any_allow(target: Target) -> None:
    account = target.account
    for number, deny in enumerate(
        (
            {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"},
            {"Effect": "Deny", "NotAction": "iam:ListRoles", "Resource": "*"},
            {"Effect": "Deny", "Action": "iam:list*", "NotResource": f"arn:aws:iam::{account}:user/nobody"},
            {"Effect": "Deny", "Action": "IAM:LISTUSERS", "Resource": "*", "Condition": {"Null": {"aws:SourceIdentity": "true"}}},
            {"Effect": "Deny", "Action": "iam:L?*Us*s", "Resource": "*"},
        )
    ):
        keys = target.user(f"h12-{number}", allow("*", "iam:ListUsers"), deny)
        refused(target.iam("ListUsers", keys), "AccessDenied", status=403)
        if number in (0, 1, 4):
            accepted(target.iam("ListRoles", keys))


def test_H12_not_principal_denies_all_but_those_it_names(target: Target) -> None:
    keys = target.user("h12in", allow("sts:AssumeRole"))
    out = target.user("h12out", allow("sts:AssumeRole"))
    named = f"arn:aws:iam::{target.account}:user/h12in"
    deny = {"Effect": "Deny", "NotPrincipal": {"AWS": [named, target.account]}, "Action": "sts:AssumeRole"}
    grant = {"Effect": "Allow", "Principal": {"AWS": target.account}, "Action": "sts:AssumeRole"}
    made = target.iam("CreateRole", RoleName="h12", AssumeRolePolicyDocument=policy(grant, deny))
    if made.status != 200:  # to refuse to store what is hard to judge is the other safe answer
        refused(made, "MalformedPolicyDocument", status=400)
        return
    role = f"arn:aws:iam::{target.account}:role/h12"
    accepted(target.assume(role, keys))
    refused(target.assume(role, out), "AccessDenied", status=403)


FORWARDED = [
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "X-Client-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "X-Amz-Source-Ip",
    "X-Forwarded",
]


def test_H15_no_header_says_where_a_request_comes_from(target: Target) -> None:
    elsewhere = target.user("h15out", allow("iam:ListUsers", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    here = target.user("h15in", allow("iam:ListUsers", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}))
    kept = target.user(
        "h15deny",
        allow("*"),
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
    )
    for header in FORWARDED:
        for value in ("10.0.0.1", "10.0.0.1, 127.0.0.1", "for=10.0.0.1", "::ffff:10.0.0.1"):
            made = form(target.url, {"Action": "ListUsers"}, "2010-05-08").with_header(header, value)
            refused(sign(made, elsewhere, Bend(service="iam")).send(), "AccessDenied", status=403)
            refused(sign(made, kept, Bend(service="iam")).send(), "AccessDenied", status=403)
        made = form(target.url, {"Action": "ListUsers"}, "2010-05-08").with_header(header, "10.0.0.1")
        accepted(sign(made, here, Bend(service="iam")).send())


@pytest.mark.parametrize(
    ("peer", "inside"),
    [
        ("10.0.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("::ffff:a00:1", True),
        ("11.0.0.1", False),
        ("::ffff:11.0.0.1", False),
        ("::1", False),
    ],
)
def test_H15_a_mapped_address_is_the_address_that_it_maps(node: TestNode, peer: str, inside: bool) -> None:
    operator = node.operator()
    for name, statement in (
        ("only", allow("iam:ListUsers", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        ("never", {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}),
    ):
        node.call("iam", "CreateUser", {"UserName": name}, operator)
        document = policy(statement, *([] if name == "only" else [allow("*")]))
        node.call("iam", "PutUserPolicy", {"UserName": name, "PolicyName": "p", "PolicyDocument": document}, operator)
        keys = Keys.of(node.call("iam", "CreateAccessKey", {"UserName": name}, operator)["AccessKey"])
        if inside == (name == "only"):
            node.call("iam", "ListUsers", {}, keys, peer=peer)
        else:
            with pytest.raises(Refused, match="AccessDenied"):
                node.call("iam", "ListUsers", {}, keys, peer=peer)


def test_H16_who_has_no_mfa_is_not_let_in_by_its_absence(target: Target) -> None:
    """AWS's table: Bool is false where the key is absent, BoolIfExists true; a session always has the key."""
    role = {}
    for operator in ("Bool", "BoolIfExists"):
        for value in ("true", "false"):
            condition = {operator: {"aws:MultiFactorAuthPresent": value}}
            role[operator, value] = target.plain_role(f"h16-{operator}-{value}", trust({"AWS": target.account}, condition=condition))
    long_term = target.user("h16", allow("sts:AssumeRole"))
    session = keys_of(target.call("GetSessionToken", long_term))
    table = {
        ("Bool", "true"): (False, False),
        ("Bool", "false"): (False, True),
        ("BoolIfExists", "true"): (True, False),
        ("BoolIfExists", "false"): (True, True),
    }
    for cell, expected in table.items():
        for keys, allowed in zip((long_term, session), expected, strict=True):
            reply = target.assume(role[cell], keys)
            accepted(reply) if allowed else refused(reply, "AccessDenied", status=403)


def test_H16_an_mfa_code_that_cannot_be_checked_is_not_taken(target: Target) -> None:
    keys = target.user("h16code")
    given = {"SerialNumber": f"arn:aws:iam::{target.account}:mfa/h16code", "TokenCode": "123456"}
    refused(target.call("GetSessionToken", keys, **given), "ValidationError", "AccessDenied")
    refused(
        target.assume(target.plain_role("h16code", trust({"AWS": target.account})), target.alice, **given),
        "ValidationError",
        "AccessDenied",
    )
    accepted(target.call("GetSessionToken", keys))


# -- limits


@pytest.mark.parametrize(
    "value", ["899", "43201", "900 ", " 900", "1e3", "-1", "4294967296", "0", "", "9_00", "٩٠٠", "+900", "900.0", "0x384", "nan"]
)
def test_H64_durations(target: Target, value: str) -> None:
    role = target.plain_role(f"h64-{abs(hash(value)) % 10**9}", trust({"AWS": target.account}), MaxSessionDuration="43200")
    reply = target.assume(role, target.alice, DurationSeconds=value)
    refused(reply, "ValidationError", "MalformedInput", status=400)
    for good in ("900", "43200"):
        accepted(target.assume(role, target.alice, DurationSeconds=good))


def test_H64_limits_of_what_a_session_carries(target: Target) -> None:
    role = target.plain_role("h64", trust({"AWS": target.account}, action=["sts:AssumeRole", "sts:TagSession"]))
    refused(target.assume(role, target.alice, DurationSeconds="3601"), "ValidationError", status=400)
    statement = policy(allow("*"))
    for size, fits in ((2048, True), (2049, False)):
        reply = target.assume(role, target.alice, Policy=statement + " " * (size - len(statement)))
        accepted(reply) if fits else refused(reply, "ValidationError", "PackedPolicyTooLarge", status=400)
    for count, fits in ((50, True), (51, False)):
        tags = {f"Tags.member.{n}.{part}": f"{part[0]}{n}" for n in range(1, count + 1) for part in ("Key", "Value")}
        reply = target.assume(role, target.alice, **tags)
        accepted(reply) if fits else refused(reply, "ValidationError", "PackedPolicyTooLarge", status=400)
    big = {f"Tags.member.{n}.{part}": secrets.token_hex(60) for n in range(1, 51) for part in ("Key", "Value")}
    refused(target.assume(role, target.alice, **big), "PackedPolicyTooLarge", status=400)


@pytest.mark.parametrize("star", ["*a" * 500, "?" * 400 + "*" * 400, "*" * 1000 + "b", "*?" * 400 + "c", "a*" * 300 + "[x]"])
def test_H66_hostile_wildcards_do_not_hold_up_a_decision(target: Target, star: str) -> None:
    name = f"h66-{abs(hash(star)) % 10**9}"
    statements = [
        {"Effect": "Deny", "Action": f"iam:{star}", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": f"arn:aws:iam::*:user/{star}"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:UserAgent": star + "z"}}},
    ]
    role = target.plain_role(name, trust({"AWS": target.account}), allow("*"))
    for statement in statements:
        session = target.assume(role, target.alice, Policy=policy(allow("*"), statement))
        if session.status != 200:  # refused for its size: the other safe answer
            refused(session, "ValidationError", "PackedPolicyTooLarge", "MalformedPolicyDocument", status=400)
            continue
        made = form(target.url, {"Action": "GetUser", "UserName": "a" * 64}, "2010-05-08").with_header("User-Agent", "a" * 7000)
        signed = sign(made, keys_of(session), Bend(service="iam"))
        started = time.monotonic()
        assert signed.send().code in ("AccessDenied", "NoSuchEntity")
        assert time.monotonic() - started < 2  # 50 ms on a quiet machine; without a linear matcher these take minutes
    accepted(target.call("GetCallerIdentity", target.alice))


def test_M02_who_has_no_permission_does_not_learn_what_exists(target: Target) -> None:
    target.plain_role("m02", trust({"AWS": target.account}))
    nobody = target.user("nosy")
    for keys in (nobody, target.mallory):
        texts = set()
        for name in ("m02", "m02-none"):
            reply = target.assume(f"arn:aws:iam::{target.account}:role/{name}", keys if keys is nobody else target.mallory)
            if keys is target.mallory or name == "m02-none":
                refused(reply, "AccessDenied", status=403)
                texts.add(reply.text.split("<RequestId>")[0].replace(name, "NAME"))
        assert len(texts) == 1
    for operation, parameter in (("RevokeSessions", "RoleArn"), ("ListSessions", "PrincipalArn")):
        for keys in (nobody, target.mallory):
            told = {
                (reply.status, reply.text.replace(name, "NAME"))
                for name in ("m02", "no2")
                for reply in [target.own(operation, keys, **{parameter: f"arn:aws:iam::{target.account}:role/{name}"})]
            }
            assert len(told) == 1, told
    listed = {
        (reply.status, reply.text.replace(name, "NAME"))
        for name in ("m02", "no2")
        for reply in [
            target.own("ListSessions", target.mallory, Account=target.partner, PrincipalArn=f"arn:aws:iam::{target.account}:role/{name}")
        ]
    }
    assert len(listed) == 1, listed
    accepted(target.own("RevokeSessions", target.alice, RoleArn=f"arn:aws:iam::{target.account}:role/m02"))


def test_M02_a_web_identity_learns_nothing_of_roles(target: Target, idp: Idp) -> None:
    made = Federation(target, idp, "/m02web")
    target.plain_role("m02web", trust({"AWS": target.account}))
    role = target.plain_role("m02webtwin", made.trust("StringEquals", sub="repo:acme/app"))
    texts = {
        made.present(f"arn:aws:iam::{target.account}:role/{name}").text.split("<RequestId>")[0].replace(name, "NAME")
        for name in ("m02web", "m02none")
    }
    assert len(texts) == 1 and "Not authorized" in texts.pop()
    accepted(made.present(role))


def test_M28_no_client_sets_the_server_s_clock(target: Target) -> None:
    soon = (datetime.now(UTC) + timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    condition = {"DateGreaterThan": {"aws:CurrentTime": (datetime.now(UTC) + timedelta(hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    later = target.user("m28", allow("iam:ListUsers", Condition=condition))
    made = form(target.url, {"Action": "ListUsers", "aws:CurrentTime": "2099-01-01T00:00:00Z"}, "2010-05-08").with_header("Date", soon)
    refused(sign(made, later, Bend(service="iam")).send(), "AccessDenied", "SignatureDoesNotMatch", "IncompleteSignature")
    made = json_call(target.url, "Daypass_20261124.DescribeServer", {"Time": 4102444800})
    accepted(sign(made, target.alice, Bend(service="daypass")).send())
