from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime

import pytest

from daypass.policy import Layers, PolicyError, decide, managed_policy, read_policy
from daypass.policy import managed as room
from daypass.policy.managed import managed_policies
from daypass.values.decision import Ask
from rig.source import ROOT
from unit.policy.people import HERE, THERE, USER

# What people attach without looking it up, and what security tools look for.
EXPECTED = (
    "AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "SecurityAudit", "IAMFullAccess", "IAMReadOnlyAccess",
    "IAMUserChangePassword", "IAMUserSSHKeys", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "AmazonDynamoDBFullAccess",
    "AmazonDynamoDBReadOnlyAccess", "AmazonEC2FullAccess", "AmazonEC2ReadOnlyAccess", "AmazonRDSFullAccess", "AmazonSQSFullAccess",
    "AmazonSNSFullAccess", "AWSLambda_FullAccess", "CloudWatchFullAccess", "CloudWatchLogsFullAccess", "CloudWatchReadOnlyAccess",
    "AWSCompromisedKeyQuarantine", "AWSCompromisedKeyQuarantineV2", "AWSCompromisedKeyQuarantineV3", "AWSDenyAll",
    "SecretsManagerReadWrite", "AmazonSSMManagedInstanceCore", "AmazonSSMReadOnlyAccess", "AWSOrganizationsFullAccess",
    "AWSOrganizationsReadOnlyAccess", "AWSSSOReadOnly", "AmazonCognitoPowerUser", "AmazonCognitoReadOnly", "AWSSupportAccess",
    "AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "CloudWatchAgentServerPolicy",
    "AmazonCognitoUnAuthedIdentitiesSessionPolicy", "AWSCodeDeployFullAccess",
    "job-function/ViewOnlyAccess", "job-function/Billing", "job-function/DatabaseAdministrator", "job-function/NetworkAdministrator",
    "job-function/SupportUser", "job-function/SystemAdministrator", "job-function/DataScientist",
    "service-role/AWSLambdaBasicExecutionRole", "service-role/AWSLambdaVPCAccessExecutionRole", "service-role/AWS_ConfigRole",
    "service-role/AmazonECSTaskExecutionRolePolicy", "service-role/AmazonEC2RoleforSSM", "root-task/IAMAuditRootUserCredentials",
    "root-task/IAMDeleteRootUserCredentials", "root-task/IAMCreateRootUserPassword", "root-task/S3UnlockBucketPolicy",
    "root-task/SQSUnlockQueuePolicy",
)  # fmt: skip


def _allows(name: str, action: str, resource: str = "*") -> bool:
    text = managed_policy(f"arn:aws:iam::aws:policy/{name}")
    assert text is not None
    layers = Layers((read_policy(text.document, "identity", name=text.arn),))
    return decide(Ask(action, resource, HERE), USER, {}, layers).allowed


@pytest.mark.parametrize("name", EXPECTED)
def test_what_people_expect_is_there(name: str) -> None:
    text = managed_policy(f"arn:aws:iam::aws:policy/{name}")
    assert text is not None
    assert f"{text.path}{text.name}" == f"/{name}"
    assert json.loads(text.document)["Version"] == "2012-10-17"


def test_each_is_a_policy_that_aws_would_save() -> None:
    ids = set()
    for arn, text in managed_policies().items():
        assert text.arn == arn
        assert re.fullmatch(r"ANPA[A-Z2-7]{17}", text.id)
        assert re.fullmatch(r"v[1-9][0-9]*", text.version)
        assert datetime(2015, 1, 1, tzinfo=UTC) < text.created <= text.updated
        ids.add(text.id)
    assert len(ids) == len(managed_policies()) >= 1500


def test_each_is_read() -> None:
    unread = {}
    for text in managed_policies().values():
        try:
            read_policy(text.document, "identity")
        except PolicyError as error:
            unread[text.name] = (error.message, error.position)
    assert unread == {}


def test_the_longest_allows_what_it_says() -> None:
    assert _allows("aws-service-role/AWSSupportServiceRolePolicy", "ec2:DescribeInstances")
    assert not _allows("aws-service-role/AWSSupportServiceRolePolicy", "ec2:RunInstances")


def test_the_variable_in_the_place_of_the_account_is_the_callers_account() -> None:
    text = managed_policy("arn:aws:iam::aws:policy/aws-service-role/AmazonTimestreamInfluxDBServiceRolePolicy")
    assert text is not None
    layers = Layers((read_policy(text.document, "identity"),))
    secret = f"arn:aws:secretsmanager:eu-west-1:{HERE}:secret:InfluxDB-RepoToken-x"
    context = {
        "aws:principalaccount": HERE,
        "aws:resourceaccount": HERE,
        "kms:encryptioncontext:secretarn": secret,
        "kms:viaservice": "secretsmanager.eu-west-1.amazonaws.com",
    }
    for account, allowed in ((HERE, True), (THERE, False)):
        ask = Ask("kms:Decrypt", f"arn:aws:kms:eu-west-1:{account}:key/k", account)
        assert decide(ask, USER, context, layers).allowed is allowed


def test_what_they_allow() -> None:
    assert _allows("AdministratorAccess", "iam:CreateUser")
    assert _allows("IAMFullAccess", "iam:CreateUser")
    assert not _allows("IAMFullAccess", "s3:GetObject")
    assert _allows("PowerUserAccess", "s3:GetObject")
    assert _allows("PowerUserAccess", "iam:ListRoles")
    assert not _allows("PowerUserAccess", "iam:CreateUser")
    assert _allows("ReadOnlyAccess", "s3:GetObject")
    assert not _allows("ReadOnlyAccess", "s3:PutObject")
    assert not _allows("job-function/ViewOnlyAccess", "s3:GetObject")
    assert not _allows("AWSDenyAll", "s3:GetObject")


def test_an_unknown_one_is_none() -> None:
    assert managed_policy("arn:aws:iam::aws:policy/None") is None
    assert managed_policy(f"arn:aws:iam::{HERE}:policy/AdministratorAccess") is None
    assert managed_policy("arn:aws:iam::aws:policy/ViewOnlyAccess") is None
    assert managed_policy("arn:aws:iam::aws:policy/administratoraccess") is None


def test_the_table_is_that_of_the_pinned_source() -> None:
    pinned = next(
        wanted.partition("==")[2]
        for wanted in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["bench"]
        if wanted.startswith("moto")
    )
    with room._TABLE.open() as table:
        head = table.readline()
    assert head.startswith(f"% moto {pinned}, {len(managed_policies())} policies, "), "run `make managed` and review the diff"


def test_nothing_of_it_is_read_before_it_is_asked_for() -> None:
    script = "import daypass.services.iam, daypass.policy.managed as m; print(m.managed_policies.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["0"]
