"""The reach of a principal as an SVG picture: a column for each step, a colour for each account. Draws what it is given, asks nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from daypass.cli import answer
from daypass.cli.screen import clean

if TYPE_CHECKING:
    from daypass.cli.can_become import Step

MAX_BESIDE = 12  # roles without further steps that are drawn beside each other; the others are counted in one box
MAX_BOXES = 90  # drawn in all, the nearest first; what lies behind them is counted
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _EDGE, _HEAD = 236, 40, 356, 54, 28, 74  # pixels
_LETTERS = 32  # of a name that fit in a box
_COLOURS = (
    "#2f6fb5", "#b5542f", "#2f8f5b", "#8a4fb0", "#a8821c", "#3a8f9c", "#b03f6e", "#5d6b7a", "#6e8f2f", "#c2483f", "#3f50b0", "#7a5a3a",
)  # fmt: skip
_TAKES, _MAKES = "#8b96a3", "#c2483f"  # the line of a step that takes what is granted, and of one that changes IAM for it
_LINES = {"allowed": "", "conditional": ' stroke-dasharray="7 4"', "unknown": ' stroke-dasharray="2 4"'}
_STYLE = (
    "text{font-family:system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:#1d2733}"
    ".n{font-size:13px;font-weight:600}.s{font-size:11px;fill:#55616e}.t{font-size:18px;font-weight:700}.e{font-size:10px;fill:#6b5310}"
)


@dataclass(slots=True)
class _Box:
    """One box: what it says, and where it stands once it is laid out."""

    name: str
    below: str
    account: str
    column: int
    title: str
    verdict: str = "allowed"  # of the step that leads here
    note: str = ""
    line: str = _TAKES  # its colour
    roles: int = 1  # that it stands for
    children: list[_Box] = field(default_factory=list)
    y: float = 0.0

    @property
    def x(self) -> int:
        return _EDGE + self.column * _ACROSS


def draw(principal: str, steps: Sequence[Step]) -> str:
    """The picture, as the text of an SVG file that stands alone (no script, no font and no link from elsewhere)."""
    root = _tree(principal, steps)
    rows = _lay_out(root, 0)
    boxes = list(_every(root))
    accounts = sorted({box.account for box in boxes if box.account})
    names = {step.found["Account"]: step.found["AccountName"] for step in steps}
    colours = {account: _COLOURS[number % len(_COLOURS)] for number, account in enumerate(accounts)}
    width = max(_EDGE * 2 + max(box.column for box in boxes) * _ACROSS + _WIDTH, 560)
    height = int(_HEAD + rows * _DOWN + 24 + 20 * len(accounts) + 30)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{_text(f'What {principal} can become')}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fbfbf9"/>',
        f'<text class="t" x="{_EDGE}" y="36">{_text(_cut(f"What {principal} can become", 90))}</text>',
        f'<text class="s" x="{_EDGE}" y="56">{_text(_summary(steps))}</text>',
        *(_edge(box, child) for box in boxes for child in box.children),
        *(_box(box, colours) for box in boxes),
        *_legend(colours, names, steps, int(_HEAD + rows * _DOWN + 24)),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _tree(principal: str, steps: Sequence[Step]) -> _Box:
    """The boxes as a tree; many leaves below one parent become one box that counts them."""
    arn = next((step.found["FromArn"] for step in steps if step.via is None), principal)
    names = {step.found["Account"]: step.found["AccountName"] for step in steps}
    kind, name = _named(arn, names)
    root = _Box(name, kind, _account(arn), 0, arn)
    boxes: dict[str, _Box] = {}
    for step in steps:
        found = step.found
        kind, name = _named(step.arn, names)
        doubt = "a condition decides" if found["Verdict"] == "unknown" else ""
        note = f"if {answer.supposed(found['Assumed'])}" if found["Assumed"] else doubt
        if not step.taken:
            note = f"by {found['By']}{' ' if note else ''}{note}"
        line = _TAKES if step.taken else _MAKES
        box = _Box(name, kind, found["Account"], step.hops, _proof(step), found["Verdict"], note, line)
        boxes.setdefault(step.arn, box)  # what is changed may be somebody who was reached before
        (boxes[step.via.arn] if step.via else root).children.append(box)
    for box in [root, *boxes.values()]:
        leaves = [child for child in box.children if not child.children]
        if len(leaves) > MAX_BESIDE + 1:
            _fold(box, leaves[MAX_BESIDE:], "of the same step")
    _fold_the_furthest(root)
    return root


def _fold(box: _Box, hidden: Sequence[_Box], what: str) -> None:
    """One box that counts in the place of `hidden` children of `box`."""
    roles = sum(behind.roles for child in hidden for behind in _every(child))
    names = [child.title.partition("\n")[0] for child in hidden]
    kept = {id(child) for child in hidden}
    box.children = [child for child in box.children if id(child) not in kept]
    more = "roles" if all(child.line == _TAKES for child in hidden) else "ways"
    box.children.append(_Box(f"{roles} more {more}", what, "", box.column + 1, "\n".join(names), roles=roles))


def _fold_the_furthest(root: _Box) -> None:
    """Keep the first MAX_BOXES boxes, step by step; below each of them one more counts what is left out."""
    kept, row = {id(root)}, [root]
    while row:
        behind: list[_Box] = []
        for box in row:
            room = MAX_BOXES - len(kept)
            hidden = [child for child in box.children[max(room, 0) :] if child.account]
            if hidden:
                _fold(box, hidden, "at this step and behind")
            kept |= {id(child) for child in box.children}
            behind += box.children
        row = behind


def _lay_out(box: _Box, top: float) -> float:
    """Give `box` and all behind it their places, from the row `top` on; the rows that they take. Iterative: chains may be long."""
    order = list(_every(box))
    row = top
    for one in order:
        if not one.children:
            one.y = row
            row += 1
    for one in reversed(order):
        if one.children:
            one.y = (one.children[0].y + one.children[-1].y) / 2
    return max(row - top, 1)


def _every(root: _Box) -> Iterator[_Box]:
    waiting = [root]
    while waiting:
        box = waiting.pop()
        yield box
        waiting += reversed(box.children)


def _edge(parent: _Box, child: _Box) -> str:
    x1, x2 = parent.x + _WIDTH, child.x
    y1, y2 = (_HEAD + box.y * _DOWN + _HEIGHT / 2 for box in (parent, child))
    bend = (x2 - x1) / 2
    line = f'<path d="M{x1} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2 - 6} {y2:.0f}"'
    tip = f'<path d="M{x2 - 8} {y2 - 4:.0f}L{x2 - 1} {y2:.0f}L{x2 - 8} {y2 + 4:.0f}z" fill="{child.line}"/>'
    return f'{line} fill="none" stroke="{child.line}" stroke-width="1.5"{_LINES[child.verdict]}/>{tip}'


def _box(box: _Box, colours: Mapping[str, str]) -> str:
    y = _HEAD + box.y * _DOWN
    colour = colours.get(box.account, "#9aa4af")
    lines = [
        f'<g><title>{_text(box.title)}</title><rect x="{box.x}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#ffffff" '
        f'stroke="{colour}" stroke-width="1.5"{_LINES[box.verdict]}/>',
        f'<rect x="{box.x}" y="{y:.0f}" width="6" height="{_HEIGHT}" rx="3" fill="{colour}"/>',
        f'<text class="n" x="{box.x + 14}" y="{y + 17:.0f}">{_text(_cut(box.name, 27))}</text>',
        f'<text class="s" x="{box.x + 14}" y="{y + 32:.0f}">{_text(_cut(box.below, _LETTERS + 4))}</text>',
    ]
    if box.note:
        lines.append(f'<text class="e" x="{box.x + 2}" y="{y + _HEIGHT + 10:.0f}">{_text(_cut(box.note, 46))}</text>')
    return "\n".join([*lines, "</g>"])


def _legend(colours: Mapping[str, str], names: Mapping[str, str], steps: Sequence[Step], top: int) -> Iterator[str]:
    for number, (account, colour) in enumerate(colours.items()):
        y = top + 20 * number
        yield f'<rect x="{_EDGE}" y="{y}" width="12" height="12" rx="3" fill="{colour}"/>'
        label = f"{names.get(account, 'account')} {account}"
        yield f'<text class="s" x="{_EDGE + 18}" y="{y + 10}">{_text(_cut(label, 40))}</text>'
    used = [(_LINES[verdict], _TAKES, word) for verdict, word in _MEANINGS if any(step.found["Verdict"] == verdict for step in steps)]
    if not all(step.taken for step in steps):
        used.append(("", _MAKES, "can change IAM"))
    for number, (dashes, colour, word) in enumerate(used):
        x, y = _EDGE + 300 + 130 * number, top + 6
        yield f'<path d="M{x} {y}H{x + 34}" stroke="{colour}" stroke-width="1.5"{dashes}/>'
        yield f'<text class="s" x="{x + 40}" y="{y + 4}">{word}</text>'


_TRUSTED = ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity")
_GAINS = {"identity": "becomes this", "permissions": "gives any permission", "task": "one task as this root"}
_MEANINGS = (("allowed", "can"), ("conditional", "can, if …"), ("unknown", "perhaps"))


def _summary(steps: Sequence[Step]) -> str:
    if not steps:
        return "no role"
    accounts = len({step.found["Account"] for step in steps})
    furthest = max(step.hops for step in steps)
    what = "role" if all(step.taken for step in steps) else "way"
    return f"{_many(len(steps), what)} in {_many(accounts, 'account')}, in at most {_many(furthest, 'step')}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _proof(step: Step) -> str:
    found = step.found
    trust = f"its trust policy allows: statement {found['TrustStatement']}" if found["TrustStatement"] else "its trust policy may allow"
    if found["By"] not in _TRUSTED:
        trust = f"{found['By']}: {_GAINS[found['Gives']]}"
    own = f"\nthe caller's policy {found['OwnPolicy']} allows: statement {found['OwnStatement']}" if found["OwnStatement"] else ""
    held = f"\nif {answer.supposed(found['Assumed'])}" if found["Assumed"] else ""
    return f"{step.arn}\n{trust}{own}{held}"


def _named(arn: str, names: Mapping[str, str]) -> tuple[str, str]:
    """What kind of thing, with its account's name or number, and its name with its path."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return "", arn
    kind, _, name = parts[5].partition("/")
    return f"{kind} in {names.get(parts[4]) or parts[4]}", name or kind


def _account(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 else "?"


def _cut(text: str, letters: int) -> str:
    """`text`, with its middle left out when it is longer than `letters`."""
    half = (letters - 1) // 2
    return text if len(text) <= letters else f"{text[: letters - 1 - half]}…{text[-half:]}"


def _text(text: str) -> str:
    """Text of others inside the picture: cleaned line by line, and no markup."""
    return escape("\n".join(clean(line) for line in text.split("\n")), {'"': "&quot;"})
