"""Effective policies: there are none, which is said to those who may know."""

from __future__ import annotations

import pytest

from unit.services.organizations.town import STRANGER, Town
from unit.services.world import OTHER, refused


@pytest.mark.parametrize("kind", ["TAG_POLICY", "BACKUP_POLICY"])
def test_there_is_none(town: Town, kind: str) -> None:
    for by, target in (("", OTHER), ("", None), (OTHER, OTHER), (OTHER, None)):
        with refused("EffectivePolicyNotFoundException", kind):
            town.org("DescribeEffectivePolicy", by=by, PolicyType=kind, **({"TargetId": target} if target else {}))
    with refused("EffectivePolicyNotFoundException"):
        town.org("ListAccountsWithInvalidEffectivePolicy", PolicyType=kind)
    with refused("EffectivePolicyNotFoundException"):
        town.org("ListEffectivePolicyValidationErrors", AccountId=OTHER, PolicyType=kind)


def test_others_are_none_of_a_members_business(town: Town) -> None:
    with refused("AccessDeniedException"):
        town.org("DescribeEffectivePolicy", by=OTHER, PolicyType="TAG_POLICY", TargetId=town.account)
    with refused("TargetNotFoundException"):
        town.org("DescribeEffectivePolicy", PolicyType="TAG_POLICY", TargetId=STRANGER)
    with refused("AccountNotFoundException"):
        town.org("ListEffectivePolicyValidationErrors", AccountId=STRANGER, PolicyType="TAG_POLICY")
    with refused("AWSOrganizationsNotInUseException"):
        town.org("DescribeEffectivePolicy", by=STRANGER, PolicyType="TAG_POLICY")
