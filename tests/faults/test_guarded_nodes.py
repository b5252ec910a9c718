"""An organization over two nodes: a policy attached, an account moved or closed on one of them is felt by a live session on the other."""

from __future__ import annotations

import json
import time
from typing import Any

from faults.test_nodes import WITHIN, assume, code, iam, operator
from rig.http import Bend, json_call, sign
from rig.node import Keys
from rig.server import Server, Start
from rig.wait import until

SCP = "SERVICE_CONTROL_POLICY"
NO_LISTS = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:List*", "Resource": "*"}]})


def organizations(server: Server, keys: Keys, operation: str, **members: Any) -> Any:
    """Call Organizations; the answer must be a success."""
    target = f"AWSOrganizationsV20161128.{operation}"
    answer = sign(json_call(server.url, target, members), keys, Bend(service="organizations")).send()
    assert answer.status == 200, answer.text
    return json.loads(answer.body or b"{}")


def test_guards_and_closing_reach_the_other_node_within_a_second(start: Start) -> None:
    one, other = start("a"), start("b")
    keys = operator(one)
    root = organizations(one, keys, "ListRoots")["Roots"][0]["Id"]
    made = organizations(one, keys, "CreateAccount", Email="m@example.test", AccountName="member")["CreateAccountStatus"]["AccountId"]
    unit = organizations(one, keys, "CreateOrganizationalUnit", ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    organizations(one, keys, "EnablePolicyType", RootId=root, PolicyType=SCP)
    content = {"Content": NO_LISTS, "Description": "", "Name": "no lists", "Type": SCP}
    guard = organizations(one, keys, "CreatePolicy", **content)["Policy"]["PolicySummary"]["Id"]
    organizations(one, keys, "AttachPolicy", PolicyId=guard, TargetId=unit)
    held = assume(one, keys, f"arn:aws:iam::{made}:role/OrganizationAccountAccessRole")

    def felt(expected: str) -> None:
        """On the node that answered at once, on the other within a second."""
        begun = time.monotonic()
        assert iam(one, held, "ListRoles").send().code == expected
        until(lambda: iam(other, held, "ListRoles").send().code == expected, f"the other says {expected or 'yes'}")
        assert time.monotonic() - begun < WITHIN

    until(lambda: code(other, held) == "", "the session is good everywhere")
    felt("")
    organizations(one, keys, "MoveAccount", AccountId=made, SourceParentId=root, DestinationParentId=unit)
    felt("AccessDenied")
    organizations(one, keys, "DetachPolicy", PolicyId=guard, TargetId=unit)
    felt("")
    organizations(one, keys, "CloseAccount", AccountId=made)
    felt("ExpiredToken")
