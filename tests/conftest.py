"""What every test gets: no AWS settings of the host, loopback only, one real server per worker, and a search for leaked secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from rig.canary import Canaries, watch_client
from rig.evidence import evidence
from rig.idp import Idp
from rig.network import keep_on_this_machine
from rig.postgres import Cluster
from rig.require import ALL
from rig.server import REGION, Server, running

ATTACKS = 900  # tests below tests/attacks that pass in a whole run of CI, at least: raise it with them

settings.register_profile("daypass", deadline=None, max_examples=100)
settings.load_profile("daypass")

for _name in [name for name in os.environ if name.startswith(("AWS_", "BOTO"))]:
    del os.environ[_name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
keep_on_this_machine()


@pytest.fixture(scope="session")
def canaries() -> Canaries:
    """Every secret that the tests were given; add by `canaries.watch(answer)` what does not come over `boto`."""
    return Canaries()


@pytest.fixture(scope="session")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idp]:
    """An OpenID Connect issuer on loopback that `server` may fetch from."""
    with Idp(tmp_path_factory.mktemp("idp")) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this worker's own. A test that stops it starts it again."""
    running_cluster = Cluster()
    yield running_cluster
    running_cluster.remove()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, idp: Idp, canaries: Canaries) -> Iterator[Server]:
    """`daypass up` with production defaults and the test issuer allowed. At the end: exit 0, no issued secret at rest or in the talk."""
    data = tmp_path_factory.mktemp("server") / "data"
    with running(data, "--idp-allow", "127.0.0.0/8", "--idp-ca", str(idp.ca_file)) as up:
        yield up
    leaks = canaries.leaks_under(data) + canaries.leaks_in("stdout and stderr", up.said().encode())
    assert not leaks, "\n".join(leaks)


@pytest.fixture(scope="session")
def boto(server: Server, canaries: Canaries) -> Any:
    """`boto("sts", credentials)`: a client of `server`, signed with the `Credentials` of an answer, or as the operator without any."""
    import boto3  # here, so that tests without a client do not pay for it

    def client(service: str, credentials: dict[str, Any] | None = None) -> Any:
        if credentials is None:
            return operator_session(server, canaries).client(service)
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            region_name=REGION,
        )
        watch_client(canaries, session)
        return session.client(service, endpoint_url=server.url)

    return client


def operator_session(server: Server, canaries: Canaries) -> Any:
    """A new boto3 session as the profile `operator`."""
    import boto3
    import botocore.session

    core = botocore.session.Session()
    core.set_config_variable("config_file", str(server.aws_config))
    session = boto3.Session(botocore_session=core, profile_name="operator")
    watch_client(canaries, session)
    return session


@pytest.fixture(scope="session")
def operator(server: Server, canaries: Canaries) -> Any:
    """A boto3 session of the operator, through the unmodified profile and its credential_process."""
    return operator_session(server, canaries)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A path for a data directory of one test."""
    return tmp_path / "data"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure why the servers of the test refused what they refused."""
    report = yield
    if report.failed and (noted := evidence(getattr(item, "funcargs", {}).values())):
        report.sections.append(("what the servers noted", noted))
    return report


_attacks: set[str] = set()  # that passed, as the process counts them that collects the results


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the attacks that were really run and beaten off."""
    if report.when == "call" and report.passed and "tests/attacks/" in report.nodeid:
        _attacks.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run in which attacks were lost on the way: deselected, not collected, skipped."""
    config = session.config
    option, is_worker = config.option, hasattr(config, "workerinput")
    narrowed = option.keyword or option.markexpr or option.collectonly or config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    if os.environ.get(ALL) == "1" and not narrowed and not is_worker and len(_attacks) < ATTACKS:
        sys.stderr.write(f"\nonly {len(_attacks)} attack tests passed, of {ATTACKS} at least\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
