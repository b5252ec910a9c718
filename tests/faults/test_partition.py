"""The network between a node and its database as it fails: silent, reset, half open, or too narrow for large packets (F-14, F-35).

The database and the node stand on machines of their own (rig/partition.py), and TLS is between them; another node is beside the database.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from daypass.cli.exits import CONFIG
from faults.test_database import BOUND, FAST, health, timed
from faults.test_nodes import assume, code, iam, nodes, operator, trusted_role
from rig.database_tls import NAME, Tls
from rig.http import Reply, sign, who_am_i
from rig.invariants import Invariants
from rig.node import Keys
from rig.partition import Cable, Machine
from rig.remote import Remote
from rig.server import DAYPASS, Server, clean_environment, running
from rig.wait import until

STALENESS = 4.0  # seconds
VANISHED = 15.0  # seconds in which the server lets go of a session of a node that vanished, and of the lock in its hand
BACK = 20.0  # seconds in which all is as before, once the network is
SLACK = 8.0  # seconds that a busy machine may take longer
NARROW = 600  # bytes of a packet


@dataclass
class Site:
    """What stands where the database does: it, and a node beside it, to which no cable leads."""

    machine: Machine
    tls: Tls
    schema: str
    near: Server
    keys: Keys

    def database(self, cable: Cable) -> tuple[str, ...]:
        """What `daypass up` is told at the other end of the cable."""
        url = self.tls.url("byname", f"&options=-csearch_path%3D{self.schema}", address=cable.near_address)
        return ("--db", url, "--db-password-file", str(self.tls.password), "--key-file", str(self.near.data.parent / "root.key"))

    @contextmanager
    def away(self, cable: Cable, data: Path, *arguments: str) -> Iterator[Server]:
        """A node at the other end of the cable, which is whole when the node ends."""
        with cable.far.node(data, *self.database(cable), *arguments) as node:
            try:
                yield node
            finally:
                cable.mend()

    def held(self, other: Server) -> tuple[Keys, str]:
        """A session of a new role, which is good at the other node as well, and that role."""
        role = trusted_role(self.near, self.keys, f"r{time.monotonic_ns()}")
        made = assume(self.near, self.keys, role)
        until(lambda: code(other, made) == "", "the session is good there")
        return made, role

    def user(self, server: Server, name: str) -> int:
        """What making a user comes to."""
        return iam(server, self.keys, "CreateUser", UserName=name).send().status


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        machine = Machine()
        stack.callback(machine.remove)
        tls = Tls(folder, "0.0.0.0", 5432, machine.inside)  # noqa: S104  # all there is on that machine
        stack.callback(tls.cluster.remove)
        schema = tls.cluster.new_schema()
        near = stack.enter_context(running(folder / "a", "--db", tls.cluster.url(schema), "--key-file", str(folder / "root.key")))
        keys = operator(near)
        yield Site(machine, tls, schema, near, keys)


@contextmanager
def another_cable(site: Site) -> Iterator[Cable]:
    """From the site to a new machine."""
    machine = Machine()
    try:
        yield Cable(site.machine, machine)
    finally:
        machine.remove()


@pytest.fixture
def cable(site: Site) -> Iterator[Cable]:
    with another_cable(site) as made:
        yield made


def name_of(server: Server) -> str:
    """A node's own name."""
    return (server.data / "node").read_text().strip()


def is_back(site: Site, lost: Server) -> None:
    """Without a hand: changes go both ways, all nodes live, and nothing of what must hold was broken."""
    number = time.monotonic_ns()
    until(lambda: site.user(lost, f"there-{time.monotonic_ns()}") == 200, "changes are made there", BACK)
    assert site.user(site.near, f"here-{number}") == 200
    known = iam(lost, site.keys, "GetUser", UserName=f"here-{number}")
    until(lambda: known.send().status == 200, "changes from here are seen there", BACK)
    until(lambda: {node["Name"]: node["Live"] for node in nodes(site.near)}[name_of(lost)], "it is heard of", BACK)
    assert Invariants(Remote(lost.url).call, lost.data, site.keys, good=[site.keys]).violations() == []


def test_F14_a_partition_of_which_nobody_is_told(site: Site, cable: Cable, tmp_path: Path) -> None:
    """The lost node goes on from memory and takes no change; who waits for it is told that it is silent; once it is back it obeys."""
    with site.away(cable, tmp_path / "b") as lost:
        held, role = site.held(lost)
        said = site.near.command("revoke", "--role", role, "--wait")
        assert "not heard of" not in said.stderr
        assert code(lost, held) == "ExpiredToken"
        held, role = site.held(lost)
        cable.silence()
        refused, took = timed(iam(lost, site.keys, "CreateUser", UserName="minority"))
        assert (refused.status, refused.code) == (503, "ServiceUnavailable")
        assert took < BOUND + FAST
        said = site.near.command("revoke", "--role", role, "--wait")
        assert f"{name_of(lost)} was not heard of for" in said.stderr
        assert code(site.near, held) == "ExpiredToken"
        assert site.user(site.near, "majority") == 200
        assert {code(lost, held) for _ in range(20)} == {""}  # it cannot know
        cable.mend()
        until(lambda: code(lost, held) == "ExpiredToken", "it obeys", BACK)
        is_back(site, lost)
        assert iam(lost, site.keys, "GetUser", UserName="majority").send().status == 200
        assert iam(lost, site.keys, "GetUser", UserName="minority").send().status == 404


def test_F14_a_partition_that_lasts_longer_than_max_staleness(site: Site, cable: Cable, tmp_path: Path) -> None:
    """A session that was ended meanwhile is good at the lost node for not an instant longer than that, and never again."""
    with site.away(cable, tmp_path / "b", "--max-staleness", str(STALENESS)) as lost:
        held, role = site.held(lost)
        cable.silence()
        cut = time.monotonic()
        assert site.near.command("revoke", "--role", role).returncode == 0
        assert code(site.near, held) == "ExpiredToken"
        while (asked := time.monotonic()) < cut + STALENESS + 1:
            heard = code(lost, held)
            assert heard == "ServiceUnavailable" or (heard == "" and asked < cut + STALENESS)
        assert code(lost, site.keys) == "ServiceUnavailable"
        assert site.user(lost, "minority-too") == 503
        assert health(lost)["reasons"] == ["state too old"]
        assert site.user(site.near, "majority-too") == 200
        cable.mend()
        since = {""}
        while "ExpiredToken" not in since:
            since = {code(lost, held)}
            assert since <= {"ServiceUnavailable", "ExpiredToken"}
            assert time.monotonic() < cut + STALENESS + BACK + SLACK
        is_back(site, lost)


def test_F35_resets(site: Site, cable: Cable, tmp_path: Path) -> None:
    """Each change is refused at once, and passes verify; when connections hold again changes are made."""
    with site.away(cable, tmp_path / "b") as lost:
        assert site.user(lost, "before-resets") == 200
        cable.reset()
        answers = [timed(iam(lost, site.keys, "CreateUser", UserName=f"reset-{number}")) for number in range(5)]
        assert {reply.code for reply, _ in answers} == {"ServiceUnavailable"}
        assert max(took for _, took in answers) < BOUND
        assert min(took for _, took in answers) < FAST
        assert {code(lost, site.keys) for _ in range(20)} == {""}
        cable.mend()
        is_back(site, lost)


def test_F35_a_node_that_vanished_starts_on_another_machine(site: Site, cable: Cable, tmp_path: Path) -> None:
    """Its end of the connections is silent while news for it are under way: the server lets go of it in time, and its name is free."""
    with pytest.raises(AssertionError, match="ended by itself"), site.away(cable, tmp_path / "b") as gone:
        name, sessions = name_of(gone), f"SELECT client_port FROM pg_stat_activity WHERE client_addr = '{cable.far_address}'"
        (ear,) = site.tls.cluster.sql(f"{sessions} AND query LIKE 'LISTEN%'")
        cable.pull()
        gone.process.kill()
        gone.process.wait()
        assert site.user(site.near, "news") == 200
        until(lambda: unacknowledged(site.machine, ear) > 0, "the news are under way")
    until(lambda: not site.tls.cluster.sql(sessions), "the server lets go of its sessions", VANISHED + SLACK)
    with another_cable(site) as other, site.away(other, tmp_path / "b") as again:
        assert name_of(again) == name
        is_back(site, again)


def unacknowledged(machine: Machine, port: str) -> int:
    """The bytes that a machine has sent to that port and that nobody has acknowledged (ss(8), Send-Q)."""
    return sum(int(line.split()[2]) for line in machine.run("ss", "-Htn", "dport", "=", f":{port}").splitlines())


def test_F35_large_packets_vanish(site: Site, cable: Cable, tmp_path: Path) -> None:
    """What does not fit fails in time, passes verify, and the other node makes changes again after what the lost one held was let go."""
    with site.away(cable, tmp_path / "b") as lost:
        assert large(site, lost, "before")[0].status == 200
        cable.narrow(NARROW)
        refused, took = large(site, lost, "amid")
        assert (refused.status, refused.code) == (503, "ServiceUnavailable")
        assert took < BOUND + FAST
        assert {code(lost, site.keys) for _ in range(20)} == {""}
        until(lambda: site.user(site.near, f"amid-{time.monotonic_ns()}") == 200, "changes are made here", VANISHED + SLACK)
        cable.mend()
        is_back(site, lost)
        assert iam(lost, site.keys, "GetRole", RoleName="amid").send().status == 404
        assert large(site, lost, "after")[0].status == 200


def large(site: Site, server: Server, name: str) -> tuple[Reply, float]:
    """What making a role comes to of which more has to be written than one packet takes, and the seconds until then."""
    account = sign(who_am_i(server.url), site.keys).send().text.partition("<Account>")[2][:12]
    tags = {"StringEquals": {"aws:PrincipalTag/team": [f"team-{number:032d}" for number in range(40)]}}
    may = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole", "Condition": tags}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    return timed(iam(server, site.keys, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust))


def test_F35_a_start_that_does_not_get_through_is_given_up(site: Site, cable: Cable, tmp_path: Path) -> None:
    """Nothing is answered, or the handshake of TLS comes to a stop: it says so, and names the database."""
    begun = time.monotonic()
    with site.away(cable, tmp_path / "b") as through:
        ready = time.monotonic() - begun
        assert code(through, site.keys) == ""
    command = [*cable.far.inside, DAYPASS, "up", "--data", str(tmp_path / "b"), "--listen", "127.0.0.1:0", *site.database(cable)]

    def given_up() -> float:
        begun = time.monotonic()
        done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == CONFIG
        assert NAME in done.stderr and "cannot be opened" in done.stderr
        return time.monotonic() - begun

    for fault in (cable.silence, lambda: cable.narrow(NARROW)):
        fault()
        until(lambda: given_up() < BOUND + 2 * ready, "a start is given up in time", 3 * BOUND)  # again where the machine was slow, not it
