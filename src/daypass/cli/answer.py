"""What the commands that ask ahead share: context keys as people type them, and an answer of the server in words."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from daypass.values.decision import LAYER_NAMES

Answer = Mapping[str, Any]  # as DecideAccess gives it
Entries = Sequence[Mapping[str, Any]]  # condition keys with their values

WORDS = {"allowed": "yes", "conditional": "if", "unknown": "perhaps", "denied": "no"}  # what people read for each verdict
MAYBE = "a condition on the request decides, and no value was found that meets it: give the request's keys with --context KEY=VALUE"


def add_context(parser: argparse.ArgumentParser) -> None:
    """The option that says what the request would bring."""
    parser.add_argument(
        "--context",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        type=_pair,
        help="a condition key of the request, such as aws:SourceIp=10.1.2.3 (repeat a key for several values; KEY= alone: none)",
    )


def note_unknown(action: str) -> None:
    """Say so when AWS documents no such action: a slip of the pen is answered with "no" like any other."""
    from daypass.cli import screen
    from daypass.policy import actions

    service = actions.find_service(action.partition(":")[0].lower())
    if actions.find(action) is None and service is not None:
        near = get_close_matches(action.partition(":")[2], [one.name for one in service.actions.values()], 1)
        also = f"; did you mean {service.prefix}:{near[0]}?" if near else ""
        screen.talk(f"Note: AWS documents no action {action}{also}")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or ":" not in key.strip(":"):
        raise argparse.ArgumentTypeError(f"{text!r} is no context: give KEY=VALUE, such as aws:SourceIp=10.1.2.3")
    return key, value


def entries(pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]] | None:
    """The pairs as the server takes them, the values of one key together; None for none."""
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).extend([value] if value else [])
    return [{"Key": key, "Values": values} for key, values in found.items()] or None


def supposed(assumed: Entries) -> str:
    """What would have to hold, as `key = value and …`."""
    return " and ".join(
        f"{one['Key']} {'= ' + ', '.join(one['Values']) if one['Values'] else 'is absent'}" for one in assumed
    )


def why(answer: Answer) -> str:
    """The reason, in one line."""
    kind = LAYER_NAMES.get(answer["Layer"], "")
    where = f"{kind} {answer['Policy']}".strip() if answer["Policy"] != kind else kind
    match answer["Verdict"]:
        case "conditional":
            return f"if {supposed(answer['Assumed'])}"
        case "unknown":
            return MAYBE
        case "allowed":
            return f"{where}, statement {answer['Statement']}" if answer["Statement"] else "root needs no policy"
    if not kind:
        return str(answer["Statement"] or "nothing allows it")
    return f"denied by {where}, statement {answer['Statement']}" if answer["Explicit"] else f"no {kind} allows it"
