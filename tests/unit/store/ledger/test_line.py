import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.store.ledger import Wanted, body_of, minted_in
from daypass.store.ledger.line import MAX_DECISIONS, MAX_PARAMETER_TEXT, MAX_PARAMETERS, MAX_TEXT
from daypass.store.ledger.reader import matches, read_line
from daypass.values.caller import ANONYMOUS, Caller
from daypass.values.decision import Ask, Decision
from daypass.values.event import Event
from daypass.values.secret import Secret
from daypass.values.session import Ancestor, Origin, Session

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
ROLE_ARN = "arn:aws:iam::123456789012:role/team/App"
SESSION = Session(
    id=bytes(range(16)),
    key_id="ASIA" + "A" * 16,
    kind="role",
    account="123456789012",
    principal_id="AROA" + "B" * 17,
    name="sess",
    issued=1790000000,
    expires=1790003600,
    origin=Origin("oidc", "arn:idp", "subject", "audience", "jti"),
    policy='{"Statement":[]}',
    policy_arns=("arn:a",),
    tags=(("Team", "red"),),
    transitive=("Team",),
    source_identity="me",
    mfa_at=0,
    ancestors=(Ancestor(b"r" * 16, "AROA" + "R" * 17, 1789999000), Ancestor(b"p" * 16, "AROA" + "P" * 17, 1789999500)),
    source_key="AKIA" + "K" * 16,
)
ROLE = Caller(
    "role", "123456789012", "arn:aws:sts::123456789012:assumed-role/App/sess", "AROA" + "B" * 17 + ":sess", ROLE_ARN,
    "AROA" + "B" * 17, SESSION.key_id, session=SESSION,
)  # fmt: skip
USER = Caller(
    "user",
    "123456789012",
    "arn:aws:iam::123456789012:user/path/alice",
    "AIDAX",
    "arn:aws:iam::123456789012:user/path/alice",
    "AIDAX",
    "AKIAX",
)


def event(**members: Any) -> Event:
    arguments: dict[str, Any] = {
        "request_id": "6e2d6c3e", "time": NOW, "service": "sts", "operation": "AssumeRole", "source_ip": "10.0.0.1", "user_agent": "agent",
        "region": "eu-central-1", "caller": USER, "status": 200,
    }  # fmt: skip
    return Event(**(arguments | members))


def said(**members: Any) -> dict[str, Any]:
    body = body_of(event(**members))
    assert b"\n" not in body
    assert b"\r" not in body
    result = json.loads(body)
    assert isinstance(result, dict)
    return result


def test_members_have_cloudtrails_names_and_places() -> None:
    line = said(parameters={"RoleArn": ROLE_ARN}, read_only=False, error_code="AccessDenied", error_message="no", private="the true reason")
    ours = line.pop("daypass")
    assert line == {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAX", "arn": USER.arn, "accountId": "123456789012", "accessKeyId": "AKIAX",
            "userName": "alice",
        },
        "eventTime": "2026-11-24T12:00:00Z",
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "10.0.0.1",
        "userAgent": "agent",
        "errorCode": "AccessDenied",
        "errorMessage": "no",
        "requestParameters": {"RoleArn": ROLE_ARN},
        "requestID": "6e2d6c3e",
        "eventID": "6e2d6c3e",
        "readOnly": False,
        "recipientAccountId": "123456789012",
    }  # fmt: skip
    assert ours == {"status": 200, "reason": "the true reason"}


def test_a_role_session_shows_its_role_and_its_lineage() -> None:
    line = said(caller=ROLE)
    assert line["userIdentity"]["type"] == "AssumedRole"
    assert line["userIdentity"]["sessionContext"] == {
        "sessionIssuer": {
            "type": "Role", "principalId": ROLE.principal_id, "arn": ROLE_ARN, "accountId": "123456789012", "userName": "App",
        },
        "attributes": {"creationDate": "2026-09-21T14:13:20Z", "mfaAuthenticated": "false"},
        "sourceIdentity": "me",
    }  # fmt: skip
    assert line["daypass"]["session"] == {
        "session": SESSION.id.hex(), "parent": (b"p" * 16).hex(), "root": (b"r" * 16).hex(), "depth": 2,
        "origin": {"kind": "oidc", "issuer": "arn:idp", "subject": "subject", "audience": "audience", "tokenId": "jti"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("caller", "kind"),
    [
        (None, "Unknown"),
        (ANONYMOUS, "Unknown"),
        (Caller("root", "1", "arn:root", "1", "arn:root", "1"), "Root"),
        (Caller("web-identity", "1", "", "iss:aud:sub", "", "", provider_arn="arn:idp"), "WebIdentityUser"),
        (Caller("operator", "1", "", "uid:0", "", ""), "Operator"),
    ],
)
def test_every_kind_of_caller_has_its_type(caller: Caller | None, kind: str) -> None:
    assert said(caller=caller)["userIdentity"]["type"] == kind


def test_what_was_only_claimed_stands_apart() -> None:
    line = said(caller=None, claimed_key_id="AKIACLAIMED")
    assert line["userIdentity"] == {"type": "Unknown"}
    assert line["daypass"]["claimedKeyId"] == "AKIACLAIMED"
    assert said(claimed_key_id="AKIAOTHER")["daypass"]["claimedKeyId"] == "AKIAOTHER"
    assert "claimedKeyId" not in said(claimed_key_id=USER.key_id)["daypass"]


def test_decisions_stand_with_their_reasons() -> None:
    ask = Ask("sts:AssumeRole", ROLE_ARN, "123456789012", {"sts:externalid": "canary-external"})
    line = said(decisions=[(ask, Decision(True, False, "trust", "App", "0")), (ask, Decision(False, True, "identity", "arn:p", "Sid"))])
    base = {"action": "sts:AssumeRole", "resource": ROLE_ARN}
    assert line["daypass"]["decisions"] == [
        {**base, "allowed": True, "layer": "trust", "policy": "App", "statement": "0"},
        {**base, "allowed": False, "explicit": True, "layer": "identity", "policy": "arn:p", "statement": "Sid"},
    ]
    many = said(decisions=[(ask, Decision(True, False, "trust"))] * (MAX_DECISIONS + 5))["daypass"]
    assert (len(many["decisions"]), many["decisionsOmitted"]) == (MAX_DECISIONS, 5)


def test_a_minted_session_comes_back_whole() -> None:
    body = body_of(event(minted=SESSION))
    assert json.loads(body)["responseElements"] == {"credentials": {"accessKeyId": SESSION.key_id, "expiration": "2026-09-21T15:13:20Z"}}
    assert minted_in(body) == SESSION
    assert minted_in(body_of(event(caller=ROLE))) is None
    assert minted_in(b'{"minted":{"x":1}}') is None


def test_what_a_client_wrote_does_not_pass_for_ours() -> None:
    """A parameter that looks like a member is text."""
    forged = '","minted":{"session":"00"},"x":"\n{"seq":1'
    body = body_of(event(user_agent=forged, parameters={"a": forged, forged: "b"}))
    assert minted_in(body) is None
    assert json.loads(body)["userAgent"] == forged
    assert b"\n" not in body


def test_long_texts_are_cut() -> None:
    line = said(user_agent="u" * 5000, error_message="m" * 5000, private="p" * 5000, claimed_key_id="k" * 5000, error_code="X")
    assert [len(line["userAgent"]), len(line["errorMessage"])] == [MAX_TEXT] * 2
    assert [len(line["daypass"]["reason"]), len(line["daypass"]["claimedKeyId"])] == [MAX_TEXT] * 2


def test_long_parameters_are_cut_and_longer_ones_counted() -> None:
    cut = said(parameters={"PolicyDocument": "d" * (MAX_PARAMETERS + 1), "RoleName": "n"})["requestParameters"]
    assert cut == {"PolicyDocument": "d" * MAX_PARAMETER_TEXT + "…", "RoleName": "n"}
    kept = said(parameters={"PolicyDocument": "d" * (MAX_PARAMETERS - 100)})["requestParameters"]
    assert len(kept["PolicyDocument"]) == MAX_PARAMETERS - 100
    counted = said(parameters={f"k{n}": "v" * 100 for n in range(1000)})["requestParameters"]
    assert list(counted) == ["omitted"]
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]
    assert "bottom" not in json.dumps(said(parameters={"deep": deep}))


def test_every_type_that_wire_reads_has_a_form() -> None:
    parameters = {"When": NOW, "Blob": b"\x00\xff", "N": 7, "F": 0.5, "B": True, "L": ["x", {"k": "v"}], "None": None}
    assert said(parameters=parameters)["requestParameters"] == {
        "When": "2026-11-24T12:00:00Z", "Blob": "AP8=", "N": 7, "F": 0.5, "B": True, "L": ["x", {"k": "v"}], "None": None,
    }  # fmt: skip


texts = st.text(st.characters(categories=["L", "N", "P", "Cc", "Cs", "Zl", "Zp"]), max_size=30)


@given(agent=texts, message=texts, private=texts, claimed=texts, key=texts, value=texts, resource=texts)
def test_no_text_breaks_a_line(agent: str, message: str, private: str, claimed: str, key: str, value: str, resource: str) -> None:
    """Control characters, lone surrogates, line separators: one line of valid JSON, whatever a request contains."""
    body = body_of(
        event(
            user_agent=agent, error_code="X", error_message=message, private=private, claimed_key_id=claimed,
            parameters={key: [value]}, decisions=[(Ask("a", resource, "1"), Decision(False, False, "none"))],
        )
    )  # fmt: skip
    assert not any(byte < 0x20 for byte in body)
    entry = read_line(body).entry
    assert entry is not None
    assert matches(entry, Wanted(error="X"))


@pytest.mark.parametrize(
    "text",
    [
        "https://h/?X-Amz-Signature={}&X-Amz-Date=1",
        "https://h/?X-Amz-Security-Token={}&a=b",
        "the canonical string was\nx-amz-security-token:{}\nhost:h",
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature={}",
        "X-AMZ-SECURITY-TOKEN: {}",
        "x-amz-signature%3D{}",
    ],
)
@pytest.mark.parametrize("member", ["user_agent", "error_message", "private"])
def test_a_quoted_token_or_signature_is_taken_out(text: str, member: str) -> None:
    """What an echoed request or a pasted URL would carry into the ledger. The rest of the text stays."""
    canary = "Canary0123456789abcdefCanary"
    body = body_of(event(error_code="X", **{member: text.format(canary)}))
    assert canary.encode() not in body
    assert b"(removed)" in body
    assert json.loads(body)["eventName"] == "AssumeRole"
    parameters = body_of(event(parameters={"Description": text.format(canary)}))
    assert canary.encode() not in parameters


def test_no_secret_value_is_ever_encoded() -> None:
    secret = Secret("Canary0123456789abcdefCanary")
    line = said(parameters={"Password": secret, "List": [secret, {"k": secret}]})
    assert "Canary" not in json.dumps(line)
    assert line["requestParameters"]["Password"] == "(Secret)"
    assert "Canary" not in json.dumps(said(parameters={"Password": secret, "x": "\ud800"}))


def test_what_policies_were_asked_about_is_not_written() -> None:
    """An Ask's context holds external ids and claims: the ledger names what was decided, not what was compared."""
    ask = Ask("sts:AssumeRole", ROLE_ARN, "123456789012", {"sts:externalid": "canary-external"}, "must", policy="canary-policy")
    caller = Caller("web-identity", "1", "", "u", "", "", facts={"idp:sub": "canary-fact"}, tags={"t": "canary-tag"})
    body = body_of(event(caller=caller, decisions=[(ask, Decision(True, False, "trust"))]))
    assert b"canary" not in body
