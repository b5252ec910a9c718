"""`daypass can-become`: all roles that a principal can reach by assuming one after the other, each step with its proof. Assumes none.

With --escalations it follows what the principals may change in IAM as well: whom they could become, and what they could let themselves do.
What somebody could do after giving himself more is not followed, since that is whatever boundaries and the organization leave.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from daypass.cli import answer, control, screen
from daypass.cli.exits import OK, USAGE, Trouble

MAX_HOPS = 9  # a session descends from at most 8 others (DESIGN §3)
_BATCH = 100  # principals that the server looks at per call
_CERTAIN = {"allowed": 0, "conditional": 1, "unknown": 2}
_VERDICTS = tuple(_CERTAIN)


@dataclass(frozen=True, slots=True)
class Step:
    """The last step to a role, or to what else `found` gives: `via` is the step before it (None: the principal itself), `found` what the
    server says of this one.

    `doubt` is 0 when every step to here is certain, 1 when one has a condition, 2 when one may or may not be.
    """

    hops: int
    via: Step | None
    found: dict[str, Any]
    doubt: int

    @property
    def arn(self) -> str:
        """The ARN of the role, or of what else is taken or changed."""
        return str(self.found["Arn"])

    @property
    def taken(self) -> bool:
        """Whether it takes what is granted, instead of changing IAM first."""
        return str(self.found["By"]).startswith("sts:")

    @property
    def path(self) -> list[str]:
        """The ARNs on the way, this one last."""
        return [*(self.via.path if self.via else ()), self.arn]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("principal", metavar="PRINCIPAL", help="a user or role by ARN or name, a role session, an OIDC provider")
    parser.add_argument("--hops", type=int, default=MAX_HOPS, metavar="N", help=f"at most N steps (default and most: {MAX_HOPS})")
    parser.add_argument("--escalations", action="store_true", help="also whom and what it could get by changing IAM, and AssumeRoot")
    parser.add_argument("--svg", metavar="FILE", help="draw the reach into FILE")
    answer.add_context(parser)


def run(args: argparse.Namespace) -> int:
    """Print the roles, the nearest first, and draw them."""
    if not 1 <= args.hops <= MAX_HOPS:
        raise Trouble(USAGE, f"--hops {args.hops}: a chain of sessions has 1 to {MAX_HOPS} steps", "daypass can-become --help")
    context = answer.entries(args.context)

    def ask(principals: Sequence[str], reached: Sequence[str]) -> dict[str, Any]:
        page = control.call(args.data, "ListAssumableRoles", Principals=principals, Reached=reached, Context=context)
        if args.escalations:
            changes = control.call(args.data, "ListEscalations", Principals=principals, Reached=reached, Context=context)
            page["Steps"] = page["Steps"] + changes["Steps"]
        return page

    def ask_powers(principals: Sequence[str], among: Sequence[str]) -> dict[str, Any]:
        return control.call(args.data, "ListEscalations", Principals=principals, Among=among, Context=context)

    with screen.progress("roles") as progress:
        steps = follow(ask, args.principal, args.hops, progress)
        if args.escalations:
            steps += powers(ask_powers, args.principal, steps, args.hops)
    if args.output == "json":
        screen.document([_described(step) for step in steps])
    elif steps:
        heads = ("HOPS", "CAN", *(("KIND", "BY", "GETS") if args.escalations else ("ROLE",)), "VIA", "IF", "TRUSTED BY", "ALLOWED BY")
        screen.table(heads, [_row(step, args.escalations) for step in steps])
    else:
        screen.talk(f"{args.principal} can become no role{', and make itself nothing' if args.escalations else ''}.")
    if args.svg:
        _draw(args.svg, args.principal, steps)
    return OK


def follow(
    ask: Callable[[Sequence[str], Sequence[str]], dict[str, Any]],
    start: str,
    hops: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Step]:
    """The best way to every role within `hops` steps: the most certain one, and of those the shortest. `ask` answers one step."""
    best: dict[str, Step] = {}
    known: dict[str, Step | None] = {start: None}
    frontier, looked_at, itself = [start], 0, ""  # `better` and `frontier` are those from whom a way goes on
    for hop in range(1, hops + 1):
        better: dict[str, Step] = {}
        for doubt, batch in _batches(frontier, known):
            settled = [role for role, step in best.items() if step.doubt <= doubt]  # no step from here can be more certain
            page = ask(batch, settled)
            for found in page["Steps"]:
                itself = itself or (found["FromArn"] if found["From"] == start else "")
                via = known[found["From"]]
                step = Step(hop, via, found, max(_CERTAIN[found["Verdict"]], via.doubt if via else 0))
                old = best.get(step.arn)
                if step.arn != itself and (old is None or step.doubt < old.doubt):
                    best[step.arn] = step
                    if found["Gives"] == "identity":
                        better[step.arn] = step
            looked_at += len(batch)
            progress(looked_at, max(looked_at, page["Roles"]))
        known |= better
        frontier = list(better)
    return sorted(best.values(), key=lambda step: (step.hops, step.arn))


def powers(
    ask: Callable[[Sequence[str], Sequence[str]], dict[str, Any]], start: str, steps: Sequence[Step], hops: int
) -> list[Step]:
    """What the principal and whom it can become may change of the policies that count for any of them, each by its most certain way."""
    known: dict[str, Step | None] = {start: None, **{step.arn: step for step in steps if step.found["Gives"] == "identity"}}
    best: dict[str, Step] = {}
    within = [arn for arn, step in known.items() if step is None or step.hops < hops]
    for _, batch in _batches(within, known):
        for found in ask(batch, list(known))["Steps"]:
            via = known[found["From"]]
            step = Step(via.hops + 1 if via else 1, via, found, max(_CERTAIN[found["Verdict"]], via.doubt if via else 0))
            old = best.get(step.arn)
            if old is None or (step.doubt, step.hops) < (old.doubt, old.hops):
                best[step.arn] = step
    return sorted(best.values(), key=lambda step: (step.hops, step.arn))


def _batches(frontier: Iterable[str], known: Mapping[str, Step | None]) -> Iterator[tuple[int, list[str]]]:
    """The frontier in batches of the same doubt, the most certain first."""
    by_doubt: dict[int, list[str]] = {}
    for principal in frontier:
        step = known[principal]
        by_doubt.setdefault(step.doubt if step else 0, []).append(principal)
    for doubt in sorted(by_doubt):
        waiting = iter(by_doubt[doubt])
        while batch := list(islice(waiting, _BATCH)):
            yield doubt, batch


def short(arn: str) -> str:
    """A role or user as people call it: its account and its path with name."""
    parts = arn.split(":", 5)
    return f"{parts[4]}:{parts[5].removeprefix('role/')}" if len(parts) == 6 else arn


_GETS = {"identity": "is", "permissions": "any permission by", "task": "one task as"}


def _row(step: Step, escalations: bool) -> tuple[object, ...]:
    found = step.found
    own = "(the trust policy alone)" if found["TrustStatement"] else ""
    if found["OwnStatement"]:
        own = f"{found['OwnPolicy']}, statement {found['OwnStatement']}"
    kinds = (kind(step), found["By"], f"{_GETS[found['Gives']]} {step.arn}") if escalations else (step.arn,)
    return (
        step.hops,
        answer.WORDS[_VERDICTS[step.doubt]],
        *kinds,
        short(step.via.arn) if step.via else "",
        answer.supposed(found["Assumed"]) if found["Verdict"] != "unknown" else "(a condition that we cannot meet)",
        f"statement {found['TrustStatement']}" if found["TrustStatement"] else "",
        "" if found["Verdict"] == "unknown" else own,
    )


def kind(step: Step) -> str:
    """Whether a step takes what is granted, or makes itself something by a change."""
    return "take" if step.taken else "make"


def _described(step: Step) -> dict[str, Any]:
    return {**step.found, "Kind": kind(step), "Hops": step.hops, "PathVerdict": _VERDICTS[step.doubt], "Path": step.path}


def _draw(file: str, principal: str, steps: Sequence[Step]) -> None:
    from daypass.cli.drawing import draw

    try:
        with open(file, "w", encoding="utf-8") as out:
            out.write(draw(principal, steps))
    except OSError as error:
        raise Trouble(USAGE, f"{file} cannot be written: {error.strerror}", f"daypass can-become {principal} --svg reach.svg") from None
    screen.talk(f"The reach of {principal} is drawn in {file}.")
