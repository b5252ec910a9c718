"""Attacks on decisions about sessions: trust, default allow, stale caches, existence. Each has a benign twin that succeeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, Target, accepted, allow, keys_of, member, policy, refused, trust
from rig.http import Bend, form, json_call, sign, who_am_i
from rig.idp import Idp
from rig.node import Keys, Refused, TestNode


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


def test_M02_who_has_no_permission_does_not_learn_what_exists(target: Target) -> None:
    target.plain_role("m02", trust({"AWS": target.account}))
    nobody = target.user("nosy")
    for keys in (nobody, target.mallory):
        texts = set()
        for name in ("m02", "m02-none"):
            reply = target.assume(f"arn:aws:iam::{target.account}:role/{name}", keys if keys is nobody else target.mallory)
            if keys is target.mallory or name == "m02-none":
                refused(reply, "AccessDenied", status=403)
                texts.add(reply.legible.split("<RequestId>")[0].replace(name, "NAME"))
        assert len(texts) == 1
    for operation, parameter in (("RevokeSessions", "RoleArn"), ("ListSessions", "PrincipalArn")):
        for keys in (nobody, target.mallory):
            told = {
                (reply.status, reply.legible.replace(name, "NAME"))
                for name in ("m02", "no2")
                for reply in [target.own(operation, keys, **{parameter: f"arn:aws:iam::{target.account}:role/{name}"})]
            }
            assert len(told) == 1, told
    listed = {
        (reply.status, reply.legible.replace(name, "NAME"))
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
        made.present(f"arn:aws:iam::{target.account}:role/{name}").legible.split("<RequestId>")[0].replace(name, "NAME")
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
