"""cli/drawing.py: a picture that stands alone, says what it is given, and stays small however many roles there are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from daypass.cli.can_become import Step, follow
from daypass.cli.drawing import MAX_BESIDE, MAX_BOXES, draw
from unit.cli.test_can_become import IF, MAYBE, YES, world

SVG = "{http://www.w3.org/2000/svg}"


def reach(edges: dict[str, dict[str, str]]) -> list[Step]:
    return follow(world(edges), "dana", 9)


def read(text: str) -> tuple[list[str], list[Mapping[str, str]]]:
    """What the picture says, and its boxes."""
    root = ElementTree.fromstring(text)  # noqa: S314  # our own picture
    said = [element.text or "" for element in root.iter(f"{SVG}text")]
    return said, [group.find(f"{SVG}rect").attrib for group in root.iter(f"{SVG}g")]  # type: ignore[union-attr]  # each has one


def test_every_role_stands_in_its_column() -> None:
    said, boxes = read(draw("dana", reach({"dana": {"a": YES, "b": IF}, "a": {"c": MAYBE}})))
    assert [name for name in said if len(name) == 1] == ["a", "c", "b"]
    columns = sorted({int(box["x"]) for box in boxes})
    assert len(boxes) == 4
    assert [sum(int(box["x"]) == x for box in boxes) for x in columns] == [1, 2, 1]
    assert "if sts:ExternalId = e1" in said
    assert "a condition decides" in said
    assert "3 roles in 1 account, in at most 2 steps" in said


def test_the_statements_are_in_the_hints() -> None:
    text = draw("dana", reach({"dana": {"a": YES}}))
    assert "its trust policy allows: statement 1" in text
    assert "the caller's policy own allows: statement Chain" in text


def test_boxes_never_lie_on_each_other() -> None:
    edges = {"dana": {f"a{n}": YES for n in range(5)}, "a1": {f"b{n}": YES for n in range(4)}, "a3": {f"c{n}": YES for n in range(3)}}
    _, boxes = read(draw("dana", reach(edges)))
    places = sorted((int(box["x"]), int(box["y"])) for box in boxes)
    assert all(x != x2 or y2 - y >= 50 for (x, y), (x2, y2) in pairwise(places))


def test_many_of_one_step_are_counted() -> None:
    said, boxes = read(draw("dana", reach({"dana": {f"r{n}": YES for n in range(300)}})))
    assert len(boxes) == 1 + MAX_BESIDE + 1
    assert f"{300 - MAX_BESIDE} more roles" in said


def test_what_lies_furthest_is_counted_and_nothing_is_lost() -> None:
    edges: dict[str, dict[str, str]] = {"dana": {f"r{n}": YES for n in range(10)}}
    edges |= {f"r{n}": {f"r{n}x{m}": YES for m in range(10)} for n in range(10)}
    edges |= {f"r{n}x{m}": {f"r{n}x{m}y": YES} for n in range(10) for m in range(10)}
    said, boxes = read(draw("dana", reach(edges)))
    counted = [int(text.split()[0]) for text in said if text.endswith("more roles")]
    assert len(boxes) <= 2 * MAX_BOXES
    assert sum(counted) + len(boxes) - len(counted) - 1 == 210


def test_text_of_others_is_no_markup() -> None:
    def evil(principals: Any, reached: Any) -> dict[str, Any]:
        page = world({"dana": {"a": YES}})(principals, reached)
        return page | {"Steps": [one | {"AccountName": "<script>\x1b[1m", "OwnPolicy": '"><b>&'} for one in page["Steps"]]}

    text = draw("dana <b>", follow(evil, "dana", 1))
    read(text)
    assert "<script" not in text
    assert "<b>" not in text
    assert "\x1b" not in text
    assert "href" not in text


def test_no_role() -> None:
    said, boxes = read(draw("arn:aws:iam::123456789012:user/dana", []))
    assert "no role" in said
    assert len(boxes) == 1
