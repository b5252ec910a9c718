"""What the pages say is true: the layout drawn, the links, the commands, the generated reference, the settings."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from docs import generate

from rig.source import ROOT, SRC, files

PAGES = sorted({*ROOT.glob("*.md"), *files("docs", "*.md"), *files("tests", "*.md")})
LINK = re.compile(r"\]\(([^)\s]+)\)")
DRAWN = re.compile(r"^[├└]── (?P<name>[a-z_]+(?:\.py|/))\s", re.M)
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


def test_the_layout_drawn_is_the_layout() -> None:
    drawn = set(DRAWN.findall(README))
    rooms = {f"{path.name}/" for path in SRC.iterdir() if (path / "__init__.py").exists()}
    alone = {path.name for path in SRC.glob("*.py") if path.name != "__init__.py"}
    assert drawn == rooms | alone


def test_what_the_readme_names_exists() -> None:
    named = re.findall(r"^(\w+)/ +\S", README, re.M) + [f"tests/{name}" for name in re.findall(r"^\| `(\w+)/` \|", README, re.M)]
    assert len(named) > 10
    assert [name for name in named if not any((ROOT / name).glob("*"))] == []


def test_every_folder_of_tests_is_in_the_readme() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("**/test_*.py"))}
    assert folders - set(re.findall(r"^\| `(\w+)/` \|", README, re.M)) == set()


def test_the_two_commands_stand_in_the_readme() -> None:
    assert re.search(r"^make up\b", README, re.M)
    assert re.search(r"^make test\b", README, re.M)


def test_every_make_target_named_in_a_page_exists() -> None:
    listed = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    targets = set(re.findall(r"^  make (\w+)", listed, re.M))
    named = {target for page in PAGES for target in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.M)}
    assert {"up", "test", "check", "bench", "demo", "docs", "fuzz"} <= targets
    assert named <= targets


@pytest.mark.parametrize("name", sorted(generate.pages()))
def test_the_generated_reference_is_up_to_date(name: str) -> None:
    assert (generate.REFERENCE / name).read_text() == generate.pages()[name], "run `make docs`"


def test_the_table_of_attacks_has_every_row_and_promises_no_test_that_there_is_not() -> None:
    rows, tests = generate.attack_rows(), generate.tests_of(generate.ATTACK)
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids, key=lambda row: (list(generate.SEVERITIES).index(row[0]), row))
    assert set(tests) - set(ids) == set()
    assert [row["id"] for row in rows if row["waits"] and row["id"] in tests] == []  # a row that waits for a door has nothing to test
    assert all(row["sentence"].endswith(".") and row["class"] for row in rows)


def test_the_table_of_faults_has_every_row_and_promises_no_test_that_there_is_not() -> None:
    rows, tests = generate.fault_rows(), generate.tests_of(generate.FAULT)
    assert [row["id"] for row in rows] == [f"F{number:02d}" for number in range(1, len(rows) + 1)]
    assert set(tests) - {row["id"] for row in rows} == set()
    assert [row["id"] for row in rows if row["waits"] and row["id"] in tests] == []
    assert [row["id"] for row in rows if not row["waits"] and row["id"] not in tests] == []


def test_every_setting_is_described_and_exists() -> None:
    up = generate.pages()["cli.md"].partition("## daypass up")[2].partition("\n## ")[0]
    offered = set(re.findall(r"^\| `(--[a-z-]+)", up, re.M))
    table = (ROOT / "docs" / "reference" / "settings.md").read_text().partition("## Files")[0]
    described = {option for row in re.findall(r"^\| (.*?) \|", table, re.M) for option in re.findall(r"--[a-z-]+", row)}
    assert described - {"--data"} == offered


def test_every_command_named_in_a_page_exists() -> None:
    named = {word for page in PAGES for word in re.findall(r"(?:`|^|bin/)daypass ([a-z-]+)", page.read_text(), re.M)}
    assert named - {*generate.command_line.COMMANDS} == set()


def test_decisions_are_numbered_without_gaps_and_say_their_price() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04d}" for number in range(1, len(decisions) + 1)]
    words = ("**Problem.**", "**Options.**", "**Choice.**", "**Price.**")
    assert [path.name for path in decisions if any(word not in path.read_text() for word in words)] == []
