from __future__ import annotations

import subprocess
import sys

import pytest

from daypass.policy import actions


@pytest.mark.parametrize("written", ["s3:GetObject", "S3:getobject"])
def test_an_action_is_found_ignoring_case(written: str) -> None:
    found = actions.find(written)
    assert found is not None
    assert found.full_name == "s3:GetObject"
    assert found.level == "Read"
    assert ("object", False) in found.resources
    assert "s3:ExistingObjectTag/<key>" in found.keys


@pytest.mark.parametrize("written", ["s3:GetObjekt", "s4:GetObject", "s3", "s3:", "", ":", "*", "s3:*", "s3:Get*", "s3\n@iam:PassRole"])
def test_what_is_not_an_action_is_not_found(written: str) -> None:
    assert actions.find(written) is None


def test_what_an_action_needs_besides() -> None:
    found = actions.find("ec2:RunInstances")
    assert found is not None
    assert "iam:PassRole" in found.needs
    assert ("image", True) in found.resources


def test_a_pattern_covers_the_actions_it_matches() -> None:
    names = [action.full_name for action in actions.matching("iam:*ServiceLinkedRole")]
    assert names == ["iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole"]
    assert actions.matching("iam:Nothing*") == ()
    assert {action.service for action in actions.matching("sts:*")} == {"sts"}
    assert len(actions.matching("*")) == len(actions.matching("*:*")) > 15_000


def test_resources_and_keys_of_a_service() -> None:
    iam = actions.find_service("iam")
    assert iam is not None
    assert iam.resources["role"].arn == "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"
    assert iam.keys["iam:PassedToService"] == "String"
    assert iam.title == "AWS Identity and Access Management (IAM)"


def test_the_first_and_the_last_service_are_whole() -> None:
    first, *_, last = actions.prefixes()
    for prefix in (first, last):
        service = actions.find_service(prefix)
        assert service is not None
        assert all(action.service == prefix and action.level for action in service.actions.values())
        assert service.actions


def test_each_action_names_only_resource_types_of_its_service() -> None:
    for prefix in ("iam", "sts", "organizations", "s3", "secretsmanager"):
        service = actions.find_service(prefix)
        assert service is not None
        named = {kind for action in service.actions.values() for kind, _ in action.resources}
        assert named <= service.resources.keys()


def test_the_engine_does_not_load_it() -> None:
    script = "import daypass.policy, sys; print('daypass.policy.actions' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False"]
