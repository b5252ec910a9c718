"""Dependencies: what is declared is locked, what is locked has hashes, and each that is declared has its line in docs/dependencies.md."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from rig.source import ROOT, files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
RUN: list[str] = PROJECT["project"]["dependencies"]
LOCKS = sorted([*ROOT.glob("requirements*.lock"), *(ROOT / "tests" / "clients" / "locks").glob("*.lock")])
WANTED = {
    "requirements.lock": [*RUN, *EXTRAS["build"]],
    "requirements-test.lock": [*RUN, *EXTRAS["build"], *EXTRAS["test"]],
    "requirements-bench.lock": [*RUN, *EXTRAS["build"], *EXTRAS["test"], *EXTRAS["bench"]],
}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def _locked(path: Path) -> dict[str, set[str]]:
    """Each package of a lock file with its versions (several where markers differ); every one has a hash."""
    versions: dict[str, set[str]] = {}
    for block in re.split(r"\n(?=\S)", path.read_text()):
        if not block or block.startswith("#"):
            continue
        found = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block)
        assert found, f"{path.name}: not pinned: {block[:60]}"
        assert "--hash=sha256:" in block, f"{path.name}: no hash: {found.group()}"
        versions.setdefault(_name(found[1]), set()).add(found[2])
    return versions


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_line_of_a_lock_is_pinned_and_hashed(path: Path) -> None:
    assert _locked(path)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_a_registry(path: Path) -> None:
    assert "://" not in path.read_text()


@pytest.mark.parametrize("name", WANTED)
def test_what_is_declared_is_locked(name: str) -> None:
    assert {_name(wanted) for wanted in WANTED[name]} - _locked(ROOT / name).keys() == set()


def test_an_exact_pin_is_the_locked_version() -> None:
    locked = _locked(ROOT / "requirements-bench.lock")
    pins = [re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[.*\])?==(\S+)", wanted) for wanted in WANTED["requirements-bench.lock"]]
    assert {pin[1]: {pin[2]} for pin in pins if pin} == {pin[1]: locked[_name(pin[1])] for pin in pins if pin}


def test_the_locks_agree_with_each_other() -> None:
    run, test, bench = (_locked(ROOT / name) for name in WANTED)
    assert {name: versions for name, versions in run.items() if test.get(name) != versions} == {}
    assert {name: versions for name, versions in test.items() if bench.get(name) != versions} == {}


def test_every_dependency_has_its_line_and_every_line_its_dependency() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    described = {_name(name) for name in re.findall(r"^\| `([^`]+)` \|", text, re.M)}
    declared = {_name(wanted) for wanted in [*RUN, *(wanted for extra in EXTRAS.values() for wanted in extra)]}
    assert described == declared


def test_no_install_step_goes_around_the_locks() -> None:
    scripts = [ROOT / "Makefile", ROOT / ".ci" / "run", *files("tests/clients", "install")]
    installs = [
        line.strip()
        for path in scripts
        for line in path.read_text().splitlines()
        if re.search(r"(pip|PIP\)?|npm)\S* .*(install|ci)\b", line)
    ]
    loose = [line for line in installs if "--require-hashes" not in line and "--no-index" not in line and "npm ci" not in line]
    # the resolver itself, which only writes the locks that a person then reads, is the one thing taken as it comes
    assert [line for line in loose if "install uv" not in line] == []
    assert len(installs) >= 6
