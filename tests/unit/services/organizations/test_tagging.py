"""Tags on everything that an organization holds, with AWS's limits and reasons."""

from __future__ import annotations

import pytest

from daypass.values.errors import Refusal
from unit.services.organizations.town import SCP, STRANGER, Town, document, reason, statement
from unit.services.world import OTHER, refused

TAGS = [{"Key": "team", "Value": "blue"}, {"Key": "Cost", "Value": ""}]


def resources(town: Town) -> dict[str, str]:
    """One resource of each kind."""
    text = document(statement("Allow", "organizations:ListAccounts", Principal={"AWS": OTHER}))
    put = town.org("PutResourcePolicy", Content=text)["ResourcePolicy"]["ResourcePolicySummary"]["Id"]
    return {"root": town.root_id, "account": OTHER, "unit": town.unit(), "policy": town.policy(), "resource policy": put}


@pytest.mark.parametrize("kind", ["root", "account", "unit", "policy", "resource policy"])
def test_tags_are_put_replaced_and_taken(town: Town, kind: str) -> None:
    id = resources(town)[kind]
    town.org("TagResource", ResourceId=id, Tags=TAGS)
    town.org("TagResource", ResourceId=id, Tags=[{"Key": "Team", "Value": "red"}])  # one key, whatever its case
    assert town.org("ListTagsForResource", ResourceId=id)["Tags"] == [{"Key": "Cost", "Value": ""}, {"Key": "Team", "Value": "red"}]
    (ask,) = town.asks("ListTagsForResource", by=town.admin(), service="organizations", ResourceId=id)
    assert ask.context["aws:resourcetag/team"] == "red"
    assert ask.context.get("organizations:policytype") == (SCP if kind == "policy" else None)
    town.org("UntagResource", ResourceId=id, TagKeys=["cost", "nothing"])
    assert town.org("ListTagsForResource", ResourceId=id)["Tags"] == [{"Key": "Team", "Value": "red"}]


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ([{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}], "DUPLICATE_TAG_KEY"),
        ([{"Key": "AWS:x", "Value": ""}], "INVALID_SYSTEM_TAGS_PARAMETER"),
        ([{"Key": str(n), "Value": ""} for n in range(51)], "MAX_TAG_LIMIT_EXCEEDED"),
    ],
)
def test_what_is_no_tag_is_refused(town: Town, tags: list[dict[str, str]], why: str) -> None:
    with pytest.raises(Refusal) as refusal:
        town.org("TagResource", ResourceId=OTHER, Tags=tags)
    assert reason(refusal) == why
    with pytest.raises(Refusal) as refusal:
        town.unit(Tags=tags)
    assert reason(refusal) == why


def test_tags_are_of_the_own_organization_only(town: Town) -> None:
    for name, more in (("TagResource", {"Tags": TAGS}), ("UntagResource", {"TagKeys": ["team"]}), ("ListTagsForResource", {})):
        for id in (STRANGER, "ou-none-12345678", "r-none", "p-12345678", "rp-12345678", "p-FullAWSAccess"):
            with refused("TargetNotFoundException"):
                town.org(name, ResourceId=id, **more)
