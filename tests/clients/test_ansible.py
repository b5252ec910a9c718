"""Ansible, unmodified, with its own AWS modules: a team's set-up is made, made again, changed and taken away, each time to the letter."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from clients.drivers import HERE, HINT, PLACE
from rig import papers
from rig.require import require
from rig.server import Server

BOTH = frozenset(
    {"managed policy", "role", "instance profile", "user", "group", "SAML provider", "server certificate", "password policy"}
)
TASKS = {"present": BOTH | {"inline policy"}, "absent": BOTH}
TIMEOUT = 300.0
pytestmark = pytest.mark.xdist_group("infrastructure")


class Team:
    """A folder of Ansible's, and what it calls its things."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder, self.tag = server, folder, f"ansible-{uuid.uuid4().hex[:8]}"
        certificate, key = papers.certificate("web"), papers.ec_key("web")
        (folder / "cert.pem").write_text(papers.pem(certificate))
        (folder / "key.pem").write_text(papers.private_pem(key))
        for edition in ("1", "2"):
            entity = f"https://idp.example.test/{self.tag}/{edition}"
            (folder / f"metadata-{edition}.xml").write_text(papers.metadata(entity=entity))

    def play(self, book: str, edition: int = 1) -> set[str]:
        """Run a playbook; gives the names of the tasks that changed something. Fails when a task did."""
        program = require(PLACE / "ansible" / "bin" / "ansible-playbook", HINT)
        given = {"tag": self.tag, "edition": str(edition), "folder": str(self.folder)}
        own = {
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_HOME": str(self.folder),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_PYTHON_INTERPRETER": str(program.with_name("python")),
        }
        command = [str(program), "-i", "localhost,", "-e", json.dumps(given), str(HERE / "ansible" / f"{book}.yml")]
        environment = self.server.environment | own
        done = subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert "{" in done.stdout, done.stdout + done.stderr
        tasks = json.loads(done.stdout[done.stdout.index("{") :])["plays"][0]["tasks"]
        results = {task["task"]["name"]: task["hosts"]["localhost"] for task in tasks}
        assert {name: result["msg"] for name, result in results.items() if result.get("failed")} == {}
        assert (done.returncode, results.keys()) == (0, TASKS[book])
        return {name for name, result in results.items() if result["changed"]}


@pytest.fixture
def team(server: Server, tmp_path: Path) -> Team:
    return Team(server, tmp_path)


def test_a_set_up_is_made_changed_and_taken_away_and_a_second_run_changes_nothing(team: Team, boto: Any) -> None:
    iam, tag = boto("iam"), team.tag
    assert team.play("present") == TASKS["present"]
    assert team.play("present") == set()
    role = iam.get_role(RoleName=f"{tag}-role")["Role"]
    assert (role["Path"], role["MaxSessionDuration"], role["Description"]) == ("/teams/", 3600, "edition 1")
    assert [user["UserName"] for user in iam.get_group(GroupName=f"{tag}-group")["Users"]] == [f"{tag}-user"]

    assert team.play("present", edition=2) == TASKS["present"] - {"server certificate"}
    role = iam.get_role(RoleName=f"{tag}-role")["Role"]
    assert role["MaxSessionDuration"] == 7200
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert iam.list_attached_role_policies(RoleName=f"{tag}-role")["AttachedPolicies"] == []
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 16

    assert team.play("absent") == TASKS["absent"]
    assert team.play("absent") == set()
    principals = [*iam.list_roles()["Roles"], *iam.list_users()["Users"], *iam.list_groups()["Groups"]]
    assert not [one["Arn"] for one in (*principals, *iam.list_policies(Scope="Local")["Policies"]) if tag in one["Arn"]]
