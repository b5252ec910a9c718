"""`daypass explain`: why was this request refused? Tells what the ledger holds of it, in words. Decides nothing anew."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daypass.cli import control, screen, when
from daypass.cli.exits import OK
from daypass.values.decision import LAYER_NAMES

Found = Mapping[str, Any]  # as ExplainRequest gives it

ID_LENGTH = 36  # characters of a request id; encoded messages are longer
_NOTHING = {
    "Principal": "the statement is about {expected}, not about the caller",
    "Resource": "the statement is about {expected}, the request about {actual}",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "request", metavar="REQUEST-ID", help="the request's id, or the refusal's message with its encoded end, as clients print it"
    )


def run(args: argparse.Namespace) -> int:
    """Print what became of the request, and why."""
    given = args.request.strip().rpartition(" ")[2].rstrip(".")
    member = {"RequestId": given.lower()} if len(given) <= ID_LENGTH else {"EncodedMessage": given}
    found = control.call(args.data, "ExplainRequest", **member)
    if args.output == "json":
        screen.document(found)
    else:
        for line in told(found):
            screen.data(screen.clean(line))
        if found["Outcome"] == "DENIED" and found["Caller"].startswith("arn:"):
            refused = found["Decisions"][-1]
            words = (found["Caller"], refused["Action"], refused["Resource"])
            screen.talk(f"  as things are now: daypass can {' '.join(shlex.quote(word) for word in words)}")
    return OK


def told(found: Found) -> Iterator[str]:
    """The lines for people."""
    yield f"{found['Operation'] or 'no operation'} by {found['Caller']} from {found['SourceIp']}"
    yield f"  {found['RequestId']}, {when.show_time(found['Time'])}"
    yield from _outcome(found)
    applied = [one for one in found["Statements"] if not one["Failed"]]
    missed = [one for one in found["Statements"] if one["Failed"]]
    if missed:
        yield "What came near:"
    for one in missed:
        yield f"  {_name(one)}, would {one['Effect'].lower()} it, but:"
        yield from (f"    {_failure(item)}" for item in one["Failed"])
    if applied:
        yield "What applied:"
    for one in applied:
        yield f"  {_name(one)}, {'denies' if one['Effect'] == 'Deny' else 'allows'} {_list(one['Actions'])} on {_list(one['Resources'])}"
    if found["Omitted"]:
        yield f"  … and {found['Omitted']} more statements"
    if found["Context"]:
        yield "Condition keys of the request:"
    for entry in found["Context"]:
        yield f"  {entry['Key']} = {_list(entry['Values'])}" if entry["Values"] else f"  {entry['Key']} is absent"


def _outcome(found: Found) -> Iterator[str]:
    decisions: Sequence[Found] = found["Decisions"]
    if found["Outcome"] == "DONE":
        yield "Done."
    elif found["Outcome"] == "FAILED":
        yield f"Failed, not by policy: {found['ErrorCode']}: {found['Message']}"
    if found["Reason"]:
        yield f"  the reason, for you alone: {found['Reason']}"
    for one in decisions:
        what = f"{one['Action']} on {one['Resource']}"
        if one["Allowed"]:
            yield f"Allowed: {what}, by {_source(one)}"
        elif one["Explicit"]:
            yield f"Denied: {what}, explicitly, by {_source(one)}"
        else:
            yield f"Denied: {what}, since no {_kind(one)} allows it"


def _source(one: Found) -> str:
    return _name(one) if one["Statement"] else "the root user's own right"


def _kind(one: Found) -> str:
    return LAYER_NAMES.get(one["Layer"], "policy")


def _name(one: Found) -> str:
    kind = _kind(one)
    policy = "" if one["Policy"] in ("", kind, "trust policy") else f" {one['Policy']}"
    return f"{kind}{policy}, statement {one['Statement']}"


def _failure(item: Found) -> str:
    expected, actual = _list(item["Expected"]), _list(item.get("Actual") or ())
    if item["Element"] != "Condition":
        return _NOTHING[item["Element"]].format(expected=expected, actual=actual)
    has = actual if "Actual" in item else "none"
    return f"{item['Operator']} {item['Key']}: the policy wants {expected}, the request has {has}"


def _list(values: Sequence[str]) -> str:
    return ", ".join(values) or "nothing"
