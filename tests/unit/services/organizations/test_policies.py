"""Service and resource control policies: AWS's grammar, names, sizes and numbers; AWS's own are there and never change."""

from __future__ import annotations

import json

import pytest

from daypass.services.organizations import refusals
from daypass.values.errors import Refusal
from unit.services.organizations.town import ALLOW_STS, DENY_ASSUME, DENY_IAM, FULL, RCP, RCP_FULL, SCP, Town, document, reason, statement
from unit.services.world import OTHER, refused


def make(town: Town, content: str = DENY_IAM, *, name: str = "p", kind: str = SCP) -> str:
    """Make a policy, and give its id."""
    return town.policy(content, name=name, kind=kind)


@pytest.mark.parametrize(("kind", "content"), [(SCP, DENY_IAM), (RCP, DENY_ASSUME)])
def test_a_policy_is_made_shown_changed_and_deleted(town: Town, kind: str, content: str) -> None:
    made = town.org("CreatePolicy", Content=content, Description="d", Name="Guard", Type=kind, Tags=[{"Key": "k", "Value": "v"}])["Policy"]
    summary = made["PolicySummary"]
    assert made["Content"] == content and summary["Id"].startswith("p-")
    assert summary["Arn"] == f"arn:aws:organizations::{town.account}:policy/{town.organization_id}/{kind.lower()}/{summary['Id']}"
    assert (summary["Name"], summary["Description"], summary["Type"], summary["AwsManaged"]) == ("Guard", "d", kind, False)
    assert town.org("DescribePolicy", PolicyId=summary["Id"])["Policy"] == made
    assert summary in town.org("ListPolicies", Filter=kind)["Policies"]
    assert town.org("UpdatePolicy", PolicyId=summary["Id"])["Policy"] == made
    changed = town.org("UpdatePolicy", PolicyId=summary["Id"], Name="Other", Description="e", Content=content + " ")["Policy"]
    assert changed == {"PolicySummary": summary | {"Name": "Other", "Description": "e"}, "Content": content + " "}
    assert town.org("ListTagsForResource", ResourceId=summary["Id"])["Tags"] == [{"Key": "k", "Value": "v"}]
    town.org("DeletePolicy", PolicyId=summary["Id"])
    for name in ("DescribePolicy", "DeletePolicy", "UpdatePolicy", "ListTargetsForPolicy"):
        with refused("PolicyNotFoundException"):
            town.org(name, PolicyId=summary["Id"])


@pytest.mark.parametrize(("kind", "id"), [(SCP, FULL), (RCP, RCP_FULL)])
def test_awss_own_are_there_and_never_change(town: Town, kind: str, id: str) -> None:
    (summary,) = town.org("ListPolicies", Filter=kind)["Policies"]
    assert (summary["Id"], summary["AwsManaged"]) == (id, True)
    assert summary["Arn"] == f"arn:aws:organizations::aws:policy/{kind.lower()}/{id}"
    shown = town.org("DescribePolicy", PolicyId=id)["Policy"]
    assert shown["PolicySummary"] == summary
    assert json.loads(shown["Content"])["Statement"][0]["Action"] == "*"
    for name in ("DeletePolicy", "UpdatePolicy"):
        with pytest.raises(Refusal) as refusal:
            town.org(name, PolicyId=id)
        assert reason(refusal) == "IMMUTABLE_POLICY"
    with refused("DuplicatePolicyException"):
        make(town, name=summary["Name"])


@pytest.mark.parametrize("kind", ["TAG_POLICY", "BACKUP_POLICY", "AISERVICES_OPT_OUT_POLICY", "S3_POLICY"])
def test_types_that_nothing_would_heed_are_not_offered(town: Town, kind: str) -> None:
    with refused("PolicyTypeNotAvailableForOrganizationException", kind):
        town.policy("{}", kind=kind)
    with refused("PolicyTypeNotAvailableForOrganizationException"):
        town.enable(kind)
    assert town.org("ListPolicies", Filter=kind)["Policies"] == []
    with refused("EffectivePolicyNotFoundException"):
        town.org("DescribeEffectivePolicy", PolicyType=kind)


BAD_SCP = [
    "", "null", "{}", DENY_IAM[:-1], DENY_IAM.replace("2012-10-17", "2008-10-17"), DENY_ASSUME,
    document(statement("Deny", "iam*")), document({"Effect": "Deny", "Action": "*"}),
    document({"Effect": "Refuse", "Action": "*", "Resource": "*"}),
    '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}',
]  # fmt: skip
BAD_RCP = [DENY_IAM, document(statement("Deny", "sts:*", Principal={"AWS": OTHER})), document(statement("Allow", "sts:*", Principal="*")),
           document(statement("Deny", "*", Principal="*")), document(statement("Deny", "iam:*", Principal="*")),
           document({"Effect": "Deny", "NotAction": "sts:*", "Resource": "*", "Principal": "*"})]  # fmt: skip


@pytest.mark.parametrize(("kind", "content"), [*((SCP, bad) for bad in BAD_SCP), *((RCP, bad) for bad in BAD_RCP)])
def test_what_is_no_such_policy_is_refused(town: Town, kind: str, content: str) -> None:
    good = make(town, DENY_ASSUME if kind == RCP else DENY_IAM, kind=kind)
    with refused("MalformedPolicyDocumentException"):
        make(town, content, name="bad", kind=kind)
    with refused("MalformedPolicyDocumentException"):
        town.org("UpdatePolicy", PolicyId=good, Content=content)


def test_names_sizes_and_numbers_have_limits(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make(town, name="a"), make(town, name="b")
    with refused("DuplicatePolicyException"):
        make(town, name="a")
    with refused("DuplicatePolicyException"):
        town.org("UpdatePolicy", PolicyId=second, Name="a")
    town.org("UpdatePolicy", PolicyId=first, Name="a")
    fits = DENY_IAM + " " * (refusals.POLICY_SIZE[SCP] - len(DENY_IAM))
    town.org("UpdatePolicy", PolicyId=first, Content=fits)
    with pytest.raises(Refusal) as refusal:
        town.org("UpdatePolicy", PolicyId=first, Content=fits + " ")
    assert reason(refusal) == "POLICY_CONTENT_LIMIT_EXCEEDED"
    monkeypatch.setattr(refusals, "POLICIES", {SCP: 2, RCP: 2})
    with pytest.raises(Refusal) as refusal:
        make(town, name="c")
    assert reason(refusal) == "POLICY_NUMBER_LIMIT_EXCEEDED"
    make(town, DENY_ASSUME, name="c", kind=RCP)


def test_an_attached_policy_stays(town: Town) -> None:
    town.enable()
    own = make(town, ALLOW_STS)
    town.attach(own, OTHER)
    with refused("PolicyInUseException"):
        town.org("DeletePolicy", PolicyId=own)
    town.detach(own, OTHER)
    town.org("DeletePolicy", PolicyId=own)
    assert [one["Id"] for one in town.org("ListPolicies", Filter=SCP)["Policies"]] == [FULL]
