"""What stands in deploy/ is what its readers will run: each file is held against the program that reads it, and against daypass itself.

The container is test_container.py's; HAProxy and nginx are run by tests/attacks and tests/faults.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from daypass.cli import up
from daypass.doors.health import PATHS
from daypass.doors.listen import DRAIN_SECONDS
from rig.require import require
from rig.server import DAYPASS, running
from rig.source import ROOT
from rig.wait import until

DEPLOY = ROOT / "deploy"
UNIT = (DEPLOY / "daypass.service").read_text()
VERSIONS = ("1.25", "1.30", "1.37")
WORST = 1.5  # what `systemd-analyze security` may say; 10 is a service without any confinement
FILLED = {"registry": "registry.example", "version": "1", "database host": "db.example"}


def options(words: list[str]) -> argparse.Namespace:
    """What `daypass up` makes of its arguments; those of every command are main.py's. Exits for one that does not exist."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    up.add_arguments(parser)
    return parser.parse_args(words)


# -- systemd


def unit(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.M)


def test_the_unit_is_one_for_systemd(tmp_path: Path) -> None:
    program = require("systemd-analyze", "the unit is held against systemd itself")
    made = tmp_path / "daypass.service"
    made.write_text(UNIT.replace("/opt/daypass/bin/daypass", DAYPASS))
    done = subprocess.run([program, "verify", str(made)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = subprocess.run([program, "security", "--offline=yes", str(made)], capture_output=True, text=True, timeout=60, check=False)
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told.stdout)
    assert score, told.stderr
    assert float(score[1]) <= WORST, told.stdout


def test_the_unit_starts_what_exists_and_waits_long_enough() -> None:
    [start] = unit("ExecStart")
    words = shlex.split(start)
    assert words[1] == "up"
    assert options([word for word in words[2:] if not word.startswith("$")]).data == "/var/lib/daypass"
    assert int(unit("TimeoutStopSec")[0]) > DRAIN_SECONDS + 10


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(20)
        yield made


def test_the_service_manager_is_told(manager: socket.socket, data_dir: Path) -> None:
    assert unit("Type") == ["notify"]
    told: list[bytes] = []

    def heard(state: bytes) -> bool:
        told.append(manager.recv(1000))
        return told[-1].startswith(state + b"=1")

    with running(data_dir, environment={"NOTIFY_SOCKET": str(manager.getsockname())}) as server:
        assert heard(b"READY")
        until(lambda: heard(b"WATCHDOG"), "the loop turns")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: heard(b"RELOADING"), "SIGHUP")
        until(lambda: heard(b"READY"), "it was done")
    until(lambda: heard(b"STOPPING"), "the end")


def test_the_calls_that_the_unit_leaves_to_it_are_all_that_it_makes(data_dir: Path, tmp_path: Path) -> None:
    """By strace: a start, a pass, a reload and the end."""
    strace = require("strace", "it tells which system calls are made")
    analyze = require("systemd-analyze", "it tells which ones the unit's filter lets through")
    said = tmp_path / "calls"
    command = [strace, "-f", "-qq", "-o", str(said), DAYPASS, "up", "--data", str(data_dir), "--listen", "127.0.0.1:0"]
    with (tmp_path / "out").open("wb") as out, subprocess.Popen([*command, "--tls-self-signed"], stdout=out, stderr=out) as process:
        try:
            until(lambda: b"\nready " in b"\n" + (tmp_path / "out").read_bytes(), "it is ready", 60)
            for words in (["process"], ["doctor"], ["events"]):
                subprocess.run([DAYPASS, *words, "--data", str(data_dir)], capture_output=True, timeout=60, check=False)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for number in (signal.SIGHUP, signal.SIGTERM):
                os.kill(int(children[0]), number)
            assert process.wait(60) == 0
        finally:
            process.kill()
    made = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", said.read_text(), re.M))
    assert {"execve", "openat", "accept4", "fdatasync", "fsync"} & made
    allowed = calls(analyze, "@system-service") - calls(analyze, "@privileged") - calls(analyze, "@resources")
    roots = {"fchown"} if os.geteuid() == 0 else set()  # SQLite gives its files to whom the database belongs, when it is root
    assert made - allowed - roots == set()
    assert unit("SystemCallFilter") == ["@system-service", "~@privileged @resources"]


def calls(program: Path, group: str) -> set[str]:
    """The system calls of a group of systemd's, and of those in it."""
    text = subprocess.run([program, "syscall-filter", group], capture_output=True, text=True, timeout=60, check=True).stdout
    words = [word for line in text.splitlines()[1:] for word in line.split("#")[0].split()]
    found = {word for word in words if not word.startswith("@")}
    return found.union(*(calls(program, word) for word in words if word.startswith("@")))


# -- Kubernetes


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    text = (DEPLOY / "kubernetes.yaml").read_text()
    assert set(re.findall(r"<([^>]+)>", text.partition("\napiVersion")[2])) == set(FILLED)
    return list(yaml.safe_load_all(filled(text)))


def filled(text: str) -> str:
    return re.sub(r"<([a-z ]+)>", lambda found: FILLED.get(found[1], found[0]), text)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_are_kubernetes(tmp_path: Path, version: str) -> None:
    judge = ROOT / ".cache" / "clients" / "kubernetes" / "bin" / "kubernetes-validate"
    program = require(judge, "it has Kubernetes' own schemas: make clients")
    made = tmp_path / "kubernetes.yaml"
    made.write_text(filled((DEPLOY / "kubernetes.yaml").read_text()))
    command = [program, "--strict", "-k", version, str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(" passed for resource ") == 6
    made.write_text(made.read_text().replace("readinessProbe", "readynessProbe"))
    assert subprocess.run(command, capture_output=True, timeout=120, check=False).returncode != 0  # it can say no


def of_kind(manifests: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(one for one in manifests if one["kind"] == kind)


def test_pods_run_daypass_with_settings_that_exist_and_are_asked_where_it_answers(manifests: list[dict[str, Any]]) -> None:
    pod = of_kind(manifests, "StatefulSet")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    settings = options(container["args"])
    assert settings.shutdown_delay + DRAIN_SECONDS < pod["terminationGracePeriodSeconds"]
    readiness = container["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] + readiness["timeoutSeconds"] < settings.shutdown_delay
    for probe, path in (("startupProbe", "/health/live"), ("livenessProbe", "/health/live"), ("readinessProbe", "/health/ready")):
        assert container[probe]["httpGet"] == {"path": path, "port": "https", "scheme": "HTTPS"}
        assert path.encode() in PATHS
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    for file in (settings.data, settings.key_file, settings.db_password_file, settings.tls_cert, settings.tls_key):
        assert any(str(file).startswith(mount) for mount in mounted), file
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert (settings.listen, settings.metrics) == (f"0.0.0.0:{ports['https']}", f"0.0.0.0:{ports['metrics']}")


def test_pods_keep_to_the_restricted_standard(manifests: list[dict[str, Any]]) -> None:
    """Pod Security Standards, "restricted"."""
    pod = of_kind(manifests, "StatefulSet")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert {"hostNetwork", "hostPID", "hostIPC"} & pod.keys() == set()
    kinds = {next(iter(volume.keys() - {"name"})) for volume in pod["volumes"]}
    assert kinds <= {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
    for container in pod["containers"]:
        confined = container["securityContext"]
        assert confined == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["resources"]["limits"]["memory"]


def test_everything_selects_the_pods(manifests: list[dict[str, Any]]) -> None:
    labels = of_kind(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert of_kind(manifests, "StatefulSet")["spec"]["selector"]["matchLabels"] == labels
    assert of_kind(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert of_kind(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    assert [one["spec"]["selector"] for one in manifests if one["kind"] == "Service"] == [labels, labels]


def test_metrics_are_for_the_monitoring_namespace_alone(manifests: list[dict[str, Any]]) -> None:
    rules = of_kind(manifests, "NetworkPolicy")["spec"]["ingress"]
    metrics = [rule for rule in rules if {"port": "metrics"} in rule.get("ports", [])]
    assert metrics and all(rule.get("from") for rule in metrics)
