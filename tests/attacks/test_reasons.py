"""Attacks by way of refusals: what their sealed reasons, the explainer and the simulators could give away. Each has a benign twin."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from attacks.conftest import IAM_VERSION, Target, accepted, allow, member, refused, trust
from rig.http import Bend, Reply, sign, who_am_i
from rig.node import Keys

INVALID = "InvalidAuthorizationMessageException"
SECRET = "acme-7731-plan"


def sealed(reply: Reply) -> str:
    """The encoded end of a refusal; the test fails when there is none."""
    refused(reply, "AccessDenied", "AccessDeniedException")
    found = re.search("Encoded authorization failure message: ([A-Za-z0-9_=-]+)", reply.text)
    assert found, reply.text[:500]
    return found[1]


def decode(target: Target, message: str, keys: Keys | None = None) -> Reply:
    return target.call("DecodeAuthorizationMessage", keys or target.alice, EncodedMessage=message)


def decoded(reply: Reply) -> dict[str, Any]:
    accepted(reply)
    document: dict[str, Any] = json.loads(member(reply, "DecodedMessage"))
    return document


def guarded(target: Target, name: str) -> str:
    """A role that trusts everybody who knows SECRET; its ARN."""
    return target.plain_role(name, trust({"AWS": "*"}, condition={"StringEquals": {"sts:ExternalId": SECRET}}))


def simulate(target: Target, keys: Keys, source: str, *resources: str, action: str = "sts:AssumeRole") -> Reply:
    listed = {f"ResourceArns.member.{number}": arn for number, arn in enumerate(resources, 1)}
    more = {"PolicySourceArn": source, "ActionNames.member.1": action, **listed}
    return target.call("SimulatePrincipalPolicy", keys, IAM_VERSION, "iam", **more)


def test_C46_reasons_of_another_account_are_not_read(target: Target) -> None:
    role = guarded(target, "c46reasons")
    across = sealed(target.assume(role, target.mallory, ExternalId="guess"))
    owner, caller = decoded(decode(target, across)), decoded(decode(target, across, target.mallory))
    assert SECRET in json.dumps(owner) and SECRET not in json.dumps(caller)
    assert (owner["decidedBy"], caller["decidedBy"]) == ("trust", "none")
    within = sealed(target.iam("ListUsers", target.bob))
    assert decoded(decode(target, within))["decidedBy"] == "identity"
    refused(decode(target, within, target.mallory), INVALID, status=400)
    for given in ({"EncodedMessage": within}, {"EncodedMessage": across}):
        refused(target.own("ExplainRequest", target.mallory, **given), "AccessDeniedException", status=400)
    accepted(target.own("ExplainRequest", target.alice, EncodedMessage=across))


def test_C46_the_simulator_knows_nothing_of_another_account(target: Target) -> None:
    role = guarded(target, "c46simulated")
    own = f"arn:aws:iam::{target.partner}:role/OrganizationAccountAccessRole"
    refused(
        simulate(target, target.mallory, f"arn:aws:iam::{target.account}:user/alice", action="iam:ListUsers"), "NoSuchEntity", status=404
    )
    there, gone = (simulate(target, target.mallory, own, arn) for arn in (role, f"{role}-none"))
    accepted(there)
    assert "ExternalId" not in there.text
    assert there.text.split("<RequestId>")[0] == gone.text.replace(f"{role}-none", role).split("<RequestId>")[0]
    mine = simulate(target, target.alice, f"arn:aws:iam::{target.account}:user/alice", role)
    assert "<member>sts:ExternalId</member>" in mine.text


def test_M02_a_refusal_is_as_long_whatever_is_there(target: Target) -> None:
    role = guarded(target, "m02reasons")
    long = target.plain_role(
        "m02longer", trust({"AWS": "*"}, condition={"StringEquals": {"sts:ExternalId": ["x" * 100 + str(n) for n in range(9)]}})
    )
    lengths, texts = set(), set()
    for arn in (role, long, role[:-1] + "x"):
        reply = target.assume(arn, target.mallory)
        lengths.add(len(sealed(reply)))
        texts.add(reply.legible.replace(arn, "ARN").split("<RequestId>")[0])
    assert len(lengths) == len(texts) == 1
    assert decoded(decode(target, sealed(target.assume(role, target.mallory))))["failures"]["items"]


def test_H75_a_refusal_tells_no_more_than_awss_sentence(target: Target) -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/clearance": SECRET}}
    keys = target.user("h75reasons", allow("iam:GetUser", Sid="Cleared", Condition=condition))
    reply = target.iam("GetUser", keys, UserName="h75reasons")
    message = sealed(reply)
    told = member(reply, "Message").partition(". Encoded")[0]
    arn = f"arn:aws:iam::{target.account}:user/h75reasons"
    ask = "iam:GetUser"
    assert (
        told
        == f"User: {arn} is not authorized to perform: {ask} on resource: {arn} because no identity-based policy allows the {ask} action"
    )
    raw = base64.urlsafe_b64decode(message)
    for text in (SECRET, "clearance", "Cleared", "h75reasons"):
        assert text.encode() not in raw and text not in told.replace(arn, "")
    again = sealed(decode(target, message, keys))  # whoever may not decode is refused, and so is told as little
    assert SECRET not in again
    assert SECRET in json.dumps(decoded(decode(target, message)))


def test_H72_a_message_is_whole_or_nothing(target: Target) -> None:
    messages = [sealed(target.iam("ListUsers", target.bob)) for _ in range(20)]
    nonces = {base64.urlsafe_b64decode(message)[5:17] for message in messages}
    assert len(nonces) == len(messages)
    one, other = messages[:2]
    for forged in (
        one[:600] + ("A" if one[600] != "A" else "B") + one[601:],
        one[:200] + other[200:],
        other[:23] + one[23:],
        one[:-1],
        one + "A",
        one.swapcase(),
        one.replace("_", "/").replace("-", "+"),
        "A" * len(one),
        "",
        "x" * 10241,
    ):
        refused(decode(target, forged), INVALID, "ValidationError", status=400)
    assert decoded(decode(target, one))["context"]["action"] == "iam:ListUsers"


def test_H45_a_message_is_no_token_and_a_token_no_message(target: Target) -> None:
    role = target.plain_role("h45reasons", trust({"AWS": target.account}))
    session = target.session(role, target.alice)
    assert session.token is not None
    for text in (session.token, session.token.replace("+", "-").replace("/", "_"), session.token[:1536].ljust(1536, "A")):
        refused(decode(target, text), INVALID, status=400)
    message = sealed(target.iam("ListUsers", target.bob))
    for text in (message, message.replace("-", "+").replace("_", "/")):
        refused(sign(who_am_i(target.url), Keys(session.id, session.secret, text)).send(), "InvalidClientTokenId", status=403)
    accepted(sign(who_am_i(target.url), session, Bend()).send())
