"""What is generated from pinned packages is what is in the tree: an upgrade, or a new operation, shows as a diff."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from models import actions
from models.__main__ import offered_text
from models.compile import ROOT, WIRE, outputs
from models.java import CATEGORIES


@pytest.fixture(scope="module")
def generated() -> dict[Path, str]:
    return outputs()


def test_the_models_are_what_make_models_writes(generated: dict[Path, str]) -> None:
    stale = [str(path.relative_to(ROOT)) for path, text in (generated | actions.outputs()).items() if path.read_text("utf-8") != text]
    assert stale == [], "run `make models` and review the diff"


def test_what_is_offered_is_what_make_models_writes() -> None:
    assert (ROOT / "offered.json").read_text("utf-8") == offered_text(), "run `make models` and review the diff"


def test_no_model_is_left_over(generated: dict[Path, str]) -> None:
    here = {path.name for path in (WIRE / "models").glob("*.json")}
    assert here == {path.name for path in generated} | {"unicode.json"}


def test_the_models_hold_no_documentation() -> None:
    for path in (WIRE / "models").glob("*.json"):
        assert "documentation" not in path.read_text("utf-8")


def test_every_operation_is_either_offered_or_not() -> None:
    for name, service in json.loads((ROOT / "offered.json").read_text("utf-8")).items():
        model = json.loads(next(path for path in WIRE.glob(f"*/{name}.json")).read_text("utf-8"))
        assert sorted(service["offered"] + service["notOffered"]) == sorted(model["operations"])


def test_the_table_of_categories_is_whole() -> None:
    table = json.loads((WIRE / "models" / "unicode.json").read_text("utf-8"))
    covered = sorted(pair for category in CATEGORIES for pair in table[category])
    assert covered[0][0] == 0
    assert covered[-1][1] == 0x10FFFF
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(covered))
