"""`daypass policy check`: reads a policy as AWS does when it is saved, warns of what is seldom meant, and compares it with an older one.

Needs no server: it decides by the same engine on what stands in the files. What a server's own guard rails are set to it cannot know, and
takes their defaults.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from daypass import policy as engine
from daypass.cli import screen
from daypass.cli.exits import CONFIG, DENIED, OK, USAGE, Trouble
from daypass.policy import rails

if TYPE_CHECKING:
    from daypass.policy.compare import Comparison, Request

_MAX_TEXT = 1 << 20  # bytes of a file; a policy has at most 131,072 characters
_RELATIONS = {
    (True, True): "different: each allows what the other does not",
    (True, False): "broader",
    (False, True): "narrower",
    (False, False): "equal: no request tells them apart",
}


class _Finding(NamedTuple):
    """One line of the report: "error", "refuse" (by a guard rail at its default) or "warn"."""

    state: str
    where: str
    says: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("what", choices=("check",), help="what to do with the policy")
    parser.add_argument("file", metavar="FILE", help="the policy, JSON; - reads standard input")
    kinds = tuple(get_args(engine.Kind))
    parser.add_argument("--kind", choices=kinds, help="what the policy is for (default: as its elements tell)")
    parser.add_argument("--against", metavar="OLD", help="an older policy of the same kind: is FILE broader? With a request that proves it")
    parser.add_argument("--account", default="", metavar="ID", help="the account that the policy is for, which is then no stranger to it")


def run(args: argparse.Namespace) -> int:
    """Print what is wrong or dangerous and how the two compare; 2 when AWS or a guard rail would refuse it, 4 when it may be broader."""
    text = _read(args.file)
    kind: engine.Kind = args.kind or guess(text)
    findings = list(examine(text, kind, args.account))
    refused = any(finding.state != "warn" for finding in findings)
    report: dict[str, Any] = {
        "File": args.file,
        "Kind": kind,
        "Valid": all(finding.state != "error" for finding in findings),
        "Findings": [finding._asdict() for finding in findings],
    }
    compared = None
    if args.against and report["Valid"]:
        compared = _compared(text, args.against, kind)
        report["Comparison"] = _described(*compared)
    if args.output == "json":
        screen.document(report)
    else:
        _print(args, report, findings)
    if refused:
        return USAGE
    return DENIED if compared and compared[0].broader is not False else OK


def guess(text: str) -> engine.Kind:
    """The kind that a policy's elements tell: a trust policy names principals and no resources, a resource's own policy both."""
    try:
        root = json.loads(text)
    except ValueError:
        return "identity"  # whose message for bad JSON is the common one
    given = root.get("Statement") if isinstance(root, dict) else None
    statements = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, dict)]
    elements = {element.removeprefix("Not") for one in statements for element in one}
    if "Principal" not in elements:
        return "identity"
    return "resource" if "Resource" in elements else "trust"


def examine(text: str, kind: engine.Kind, account: str) -> Iterator[_Finding]:
    """What AWS refuses, with its message and the place; else what the guard rails and the warnings say."""
    try:
        read = engine.read_policy(text, kind)
    except engine.PolicyError as error:
        yield _Finding("error", error.position, error.message)
        return
    for found in rails.inspect(read.document, kind, account, rails.DEFAULTS):
        yield _Finding(found.setting, f"statement {found.statement}", f"{found.says} ({found.rail})")
    for warned in engine.warnings(read.document, kind):
        yield _Finding("warn", warned.where, warned.says)


def _read(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read(_MAX_TEXT)
        with open(file, encoding="utf-8") as given:
            return given.read(_MAX_TEXT)
    except OSError as error:
        raise Trouble(USAGE, f"{file} cannot be read: {error.strerror}", "daypass policy --help") from None
    except UnicodeDecodeError:
        raise Trouble(USAGE, f"{file} is no UTF-8 text", "daypass policy --help") from None


def _compared(text: str, against: str, kind: engine.Kind) -> tuple[Comparison, Comparison]:
    """Whether it is broader than the old one, and the other way round."""
    from daypass.policy.compare import compare

    new = engine.read_policy(text, kind)
    try:
        old = engine.read_policy(_read(against), kind)
    except engine.PolicyError as error:
        where = f" ({error.position})" if error.position else ""
        next_ = f"daypass policy check {against} --kind {kind}"
        raise Trouble(USAGE, f"{against} is no {kind} policy that could be saved: {error.message}{where}", next_) from None
    try:
        with screen.progress("questions") as progress:
            return compare(new, old, progress=progress), compare(old, new, progress=progress)
    except ImportError:
        raise Trouble(CONFIG, "to compare policies the package z3-solver must be installed", "pip install z3-solver") from None


def _described(broader: Comparison, narrower: Comparison) -> dict[str, Any]:
    known = None if broader.broader is None or narrower.broader is None else (broader.broader, narrower.broader)
    relation = _RELATIONS[known] if known else "broader" if broader.broader else "unknown"
    return {
        "Relation": relation.partition(":")[0],
        "Says": relation,
        "Proof": _request(broader.request) if broader.request else None,
        "LostRequest": _request(narrower.request) if narrower.request else None,
        "Unclear": [*broader.unclear, *narrower.unclear],
    }


def _request(request: Request) -> dict[str, Any]:
    return {
        "Principal": request.caller.principal_arn or request.caller.arn or "anonymous",
        "Action": request.action,
        "Resource": request.resource,
        "Context": dict(request.context),
        "Alone": request.alone,
        "Bounded": request.bounded,
    }


def _print(args: argparse.Namespace, report: Mapping[str, Any], findings: list[_Finding]) -> None:
    if findings:
        screen.table(("STATE", "WHERE", "FINDING"), findings)
    else:
        screen.data(f"{screen.clean(args.file)}: a valid {report['Kind']} policy, nothing to say against it")
    compared = report.get("Comparison")
    if compared is None:
        return
    screen.data(f"{screen.clean(args.file)} against {screen.clean(args.against)}: {compared['Says']}")
    for name, title in (("Proof", "now allowed, and not before"), ("LostRequest", "no longer allowed")):
        if (request := compared[name]) is not None:
            screen.table((title.upper(), ""), list(_rows(request, report["Kind"])))
    if compared["Unclear"] and compared["Relation"] == "unknown":
        screen.talk("It could not be shown either way. Not decided by formula: " + "; ".join(compared["Unclear"][:5]))


def _rows(request: Mapping[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    if kind in ("trust", "resource"):
        alone = " (without any permission of its own)" if request["Alone"] else ""
        yield "principal", request["Principal"] + alone + (" (with a permissions boundary)" if request["Bounded"] else "")
    yield "action", request["Action"]
    if kind != "trust":
        yield "resource", request["Resource"]
    for key, value in request["Context"].items():
        yield key, value if isinstance(value, str) else "[" + ", ".join(value) + "]"
