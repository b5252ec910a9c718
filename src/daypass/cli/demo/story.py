"""The story of the demo: Harbour Books, its auditors Lantern Audit, and a build robot. Each step is told from the live answers alone.

A step is a function: its docstring is its title, its answer the line that is shown; it raises NotHeld (or AwsError) when the server did not
behave as it must.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from daypass.cli.aws import Credentials, credentials_of
from daypass.cli.demo.stage import Stage, expect, refused

PARTNER = "Lantern Audit"
AUDIT, READER, DEPLOY = "BookkeepingAudit", "LedgerReader", "Deploy"
EXTERNAL_ID = "harbour-2026-0117"
AUDIENCE = "harbour-books-deploy"
SUBJECT = "repo:harbour/books:ref:main"
SHORTEST = 900  # seconds; STS API Reference, AssumeRole
CHAIN_CAP = 3600  # seconds; IAM User Guide, "Role chaining"

Step = Callable[["Story"], str]


class Story:
    """What the steps have learned so far: ids, ARNs and passes, all from answers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.company = ""
        self.partner = ""
        self.provider_arn = ""
        self.passes: dict[str, Credentials] = {}

    def sts(self, who: str, action: str, **members: str) -> dict[str, str]:
        """Call STS with the pass of `who`."""
        return self.stage.client(self.passes[who]).query("sts", action, **members)

    def iam(self, who: str, action: str, **members: str) -> dict[str, str]:
        """Call IAM with the pass of `who`."""
        return self.stage.client(self.passes[who]).query("iam", action, **members)

    def identity(self, who: str) -> str:
        """The ARN that `who` is by its pass."""
        return self.sts(who, "GetCallerIdentity")["Arn"]

    def assume(self, who: str, role_arn: str, session: str, **members: str) -> Credentials:
        """A pass for the role, taken by `who`."""
        return credentials_of(self.sts(who, "AssumeRole", RoleArn=role_arn, RoleSessionName=session, **members))

    def role(self, name: str) -> str:
        """The ARN of the company's role `name`."""
        return f"arn:aws:iam::{self.company}:role/{name}"

    def make_role(self, name: str, trusted: dict[str, Any], allowed: list[str], **members: str) -> None:
        """A role of the company that trusts by the statement `trusted` and may do `allowed`."""
        self.iam("operator", "CreateRole", RoleName=name, AssumeRolePolicyDocument=policy(trusted), **members)
        document = policy({"Effect": "Allow", "Action": allowed, "Resource": "*"})
        self.iam("operator", "PutRolePolicy", RoleName=name, PolicyName="work", PolicyDocument=document)


def policy(*statements: dict[str, Any]) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def operator_by_socket(story: Story) -> str:
    """The operator proves who he is."""
    given = story.stage.operator("GetOperatorCredentials")["Credentials"]
    story.passes["operator"] = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    who = story.sts("operator", "GetCallerIdentity")
    story.company = who["Account"]
    users = story.iam("operator", "ListUsers")
    expect("UserName" not in users, f"there is a user already: {users.get('UserName')}")
    return f"{who['Arn']} by the socket's peer uid, with {given['AccessKeyId']}; no user and no access key exists"


def nobody_is_let_in(story: Story) -> str:
    """Nobody else is let in."""
    anonymous = story.stage.client()
    code = refused(lambda: anonymous.query("sts", "GetCallerIdentity"), "MissingAuthenticationToken")
    real = story.passes["operator"]
    forged = story.stage.client(Credentials(real.key_id, real.secret[::-1], real.token))
    wrong = refused(lambda: forged.query("sts", "GetCallerIdentity"), "SignatureDoesNotMatch")
    return f"without proof {code}; with the operator's token and another secret {wrong}"


def partner_account(story: Story) -> str:
    """An account for a partner."""
    organizations = story.stage.client(story.passes["operator"])
    target = "AWSOrganizationsV20161128."
    made = organizations.json("organizations", f"{target}CreateAccount", Email="it@lantern.example", AccountName=PARTNER)
    request = made["CreateAccountStatus"]["Id"]
    status = organizations.json("organizations", f"{target}DescribeCreateAccountStatus", CreateAccountRequestId=request)[
        "CreateAccountStatus"
    ]
    expect(status["State"] == "SUCCEEDED", f"the account is {status['State']}")
    story.partner = status["AccountId"]
    entry = f"arn:aws:iam::{story.partner}:role/OrganizationAccountAccessRole"
    story.passes["partner"] = story.assume("operator", entry, "lantern-admin")
    return f"{status['AccountName']} is account {story.partner}, entered as {story.identity('partner')}"


def third_party_with_external_id(story: Story) -> str:
    """A third party, right external id."""
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{story.partner}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
    }
    story.make_role(AUDIT, trusted, ["iam:GetRole", "iam:ListRoles", "sts:AssumeRole"])
    story.passes["auditor"] = story.assume("partner", story.role(AUDIT), "q3-audit", ExternalId=EXTERNAL_ID)
    return f"{story.identity('auditor')} until {story.passes['auditor'].expires}, external id {EXTERNAL_ID}"


def third_party_wrong_external_id(story: Story) -> str:
    """A third party, wrong external id."""
    wrong = EXTERNAL_ID[::-1]
    code = refused(lambda: story.assume("partner", story.role(AUDIT), "q3-audit", ExternalId=wrong), "AccessDenied")
    return f"external id {wrong}: {code}"


def third_party_no_external_id(story: Story) -> str:
    """A third party, no external id."""
    return f"no external id: {refused(lambda: story.assume('partner', story.role(AUDIT), 'q3-audit'), 'AccessDenied')}"


def chain(story: Story) -> str:
    """A chain."""
    trusted = {"Effect": "Allow", "Principal": {"AWS": story.role(AUDIT)}, "Action": "sts:AssumeRole"}
    story.make_role(READER, trusted, ["iam:GetRole"], MaxSessionDuration="43200")
    started = story.stage.now().replace(microsecond=0)
    story.passes["reader"] = story.assume("auditor", story.role(READER), "q3-audit", DurationSeconds=str(CHAIN_CAP))
    lifetime = moment(story.passes["reader"].expires) - started
    expect(lifetime <= timedelta(seconds=CHAIN_CAP + 2), f"the chained pass lives {lifetime}")
    return f"{story.identity('auditor')} became {story.identity('reader')} for {lifetime}"


def chain_cap(story: Story) -> str:
    """A chain has its cap."""
    longer = str(2 * CHAIN_CAP)
    code = refused(lambda: story.assume("auditor", story.role(READER), "q3-audit", DurationSeconds=longer), "ValidationError")
    maximum = story.iam("operator", "GetRole", RoleName=READER)["MaxSessionDuration"]
    return f"{longer} s from a chain: {code}, though the role alone would give {maximum} s"


def session_policy(story: Story) -> str:
    """A session policy narrows."""
    narrow = policy({"Effect": "Allow", "Action": "iam:GetRole", "Resource": story.role(AUDIT)})
    story.passes["narrow"] = story.assume("partner", story.role(AUDIT), "one-role", ExternalId=EXTERNAL_ID, Policy=narrow)
    story.iam("auditor", "ListRoles")
    read = story.iam("narrow", "GetRole", RoleName=AUDIT)["RoleName"]
    code = refused(lambda: story.iam("narrow", "ListRoles"), "AccessDenied")
    return f"{story.identity('narrow')} reads {read}; ListRoles, which the role may: {code}"


def web_identity(story: Story) -> str:
    """Web identity."""
    provider = story.stage.provider
    members = {"Url": provider.issuer, "ClientIDList.member.1": AUDIENCE}
    story.provider_arn = story.iam("operator", "CreateOpenIDConnectProvider", **members)["OpenIDConnectProviderArn"]
    trusted = {
        "Effect": "Allow",
        "Principal": {"Federated": story.provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{provider.name}:aud": AUDIENCE, f"{provider.name}:sub": SUBJECT}},
    }
    story.make_role(DEPLOY, trusted, ["iam:GetRole"])
    answer = present(story, SUBJECT, AUDIENCE)
    story.passes["robot"] = credentials_of(answer)
    subject = answer["SubjectFromWebIdentityToken"]
    return f"{story.identity('robot')} from an RS256 token of {answer['Provider']}, subject {subject}"


def web_identity_wrong_audience(story: Story) -> str:
    """Web identity, wrong audience."""
    code = refused(lambda: present(story, SUBJECT, "someone-else"), "InvalidIdentityToken")
    return f"a token for the audience someone-else: {code}"


def web_identity_wrong_subject(story: Story) -> str:
    """Web identity, wrong subject."""
    other = "repo:stranger/books:ref:main"
    return f"a token of {other}: {refused(lambda: present(story, other, AUDIENCE), 'AccessDenied')}"


def present(story: Story, subject: str, audience: str) -> dict[str, str]:
    """Take the role Deploy with a fresh token, unsigned."""
    token = story.stage.provider.token(subject, audience, story.stage.now())
    members = {"RoleArn": story.role(DEPLOY), "RoleSessionName": "build-7", "WebIdentityToken": token}
    return story.stage.client().query("sts", "AssumeRoleWithWebIdentity", **members)


def expiry(story: Story) -> str:
    """A pass expires."""
    story.passes["short"] = story.assume("partner", story.role(AUDIT), "short", ExternalId=EXTERNAL_ID, DurationSeconds=str(SHORTEST))
    end = moment(story.passes["short"].expires)
    story.stage.move_to(end - timedelta(seconds=5))
    arn = story.identity("short")
    story.stage.move_to(end + timedelta(seconds=1))
    code = refused(lambda: story.identity("short"), "ExpiredToken")
    return f"the server's clock moved on: {arn} works 5 s before {story.passes['short'].expires}, {code} after it"


def ending(story: Story) -> str:
    """A pass and its children are ended."""
    key = story.passes["auditor"].key_id
    listed = story.stage.operator("ListSessions")["Sessions"]
    session = next((s for s in listed if s["AccessKeyId"] == key), None)
    expect(session is not None, f"{key} is not among {len(listed)} live sessions")
    arns = story.identity("auditor"), story.identity("reader")
    started = time.perf_counter()
    ended = story.stage.operator("RevokeSessions", SubtreeOf=session["SessionId"] if session else "")
    code = refused(lambda: story.identity("auditor"), "ExpiredToken")
    took = (time.perf_counter() - started) * 1000
    refused(lambda: story.identity("reader"), "ExpiredToken")
    expect(ended["SessionsEnded"] == 2, f"{ended['SessionsEnded']} passes were ended")
    return f"{ended['SessionsEnded']} passes ended, {arns[0]} and {arns[1]} minted from it: {code} within {took:.0f} ms"


def the_rest_goes_on(story: Story) -> str:
    """The rest goes on."""
    return f"{story.identity('partner')} and {story.identity('narrow')} still work"


def ledger(story: Story) -> str:
    """The ledger holds it all."""
    found = story.stage.operator("VerifyLedger")
    expect(found["Intact"], f"the ledger is not intact: {found['Problems'][:1]}")
    denied = story.stage.operator("ListEvents", After=0, ErrorCode="AccessDenied", MaxResults=1000)["Events"]
    expect(len(denied) > 0, "the ledger holds no refusal")
    last = json.loads(denied[-1])
    return f"{found['Lines']} lines, intact; {len(denied)} AccessDenied, the last: {last['eventName']} at {last['eventTime']}"


def moment(text: str) -> datetime:
    """The point in time that an answer names."""
    return datetime.fromisoformat(text)


STEPS: tuple[Step, ...] = (
    operator_by_socket,
    nobody_is_let_in,
    partner_account,
    third_party_with_external_id,
    third_party_wrong_external_id,
    third_party_no_external_id,
    chain,
    chain_cap,
    session_policy,
    web_identity,
    web_identity_wrong_audience,
    web_identity_wrong_subject,
    expiry,
    ending,
    the_rest_goes_on,
    ledger,
)
