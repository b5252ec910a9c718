"""cli/policy.py: what AWS refuses with its message and place, what is warned of, and whether it is broader."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from daypass.cli.exits import CONFIG, DENIED, OK, USAGE
from daypass.cli.policy import guess


def statement(action: Any, resource: Any = "arn:aws:s3:::data/*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def written(directory: Path, name: str, *statements: Any) -> Path:
    file = directory / name
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    return file


TRUST = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/a"}, "Action": "sts:AssumeRole"}


def test_nothing_to_say(daypass: Any, tmp_path: Path) -> None:
    ended = daypass("policy", "check", written(tmp_path, "p.json", statement("s3:GetObject")))
    assert ended.code == OK
    assert "a valid identity policy, nothing to say against it" in ended.out


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ('{"Statement": [{"Effect": "Allow", "Resource": "*"}]}', "Statement[1]", "Policy statement must contain actions."),
        ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "x"}}', "Statement[1].Resource", "must be in ARN format"),
        ('{"Version": ', "line 1 column 13", ""),
    ],
)
def test_what_aws_refuses(daypass: Any, tmp_path: Path, text: str, where: str, says: str) -> None:
    file = tmp_path / "p.json"
    file.write_text(text)
    ended = daypass("policy", "check", file, "-o", "json")
    report = json.loads(ended.out)
    assert (ended.code, report["Valid"]) == (USAGE, False)
    [finding] = report["Findings"]
    assert finding["state"] == "error"
    assert where in finding["where"]
    assert says in finding["says"]


def test_warnings_leave_it_valid_and_a_rail_refuses(daypass: Any, tmp_path: Path) -> None:
    broad = daypass("policy", "check", written(tmp_path, "p.json", statement("*", "*")))
    assert broad.code == OK
    assert "warn" in broad.out
    assert "administrator" in broad.out
    anyone = daypass("policy", "check", written(tmp_path, "t.json", TRUST | {"Principal": "*"}), "-o", "json")
    report = json.loads(anyone.out)
    assert (anyone.code, report["Valid"], report["Kind"]) == (USAGE, True, "trust")
    assert "refuse" in {finding["state"] for finding in report["Findings"]}


def test_its_own_account_is_no_stranger(daypass: Any, tmp_path: Path) -> None:
    file = written(tmp_path, "t.json", TRUST)
    assert "external-id" in daypass("policy", "check", file).out
    assert "external-id" not in daypass("policy", "check", file, "--account", "111111111111").out


def test_broader_has_a_proof(daypass: Any, tmp_path: Path) -> None:
    new, old = written(tmp_path, "new.json", statement("s3:*")), written(tmp_path, "old.json", statement("s3:GetObject"))
    ended = daypass("policy", "check", new, "--against", old)
    assert ended.code == DENIED
    assert f"{new} against {old}: broader" in ended.out
    assert "NOW ALLOWED, AND NOT BEFORE" in ended.out
    proof = json.loads(daypass("policy", "check", new, "--against", old, "-o", "json").out)["Comparison"]["Proof"]
    assert proof["Action"].startswith("s3:")
    assert proof["Action"] != "s3:GetObject"
    assert proof["Resource"].startswith("arn:aws:s3:::data/")


def test_not_broader_is_well(daypass: Any, tmp_path: Path) -> None:
    new, old = written(tmp_path, "new.json", statement("s3:GetObject")), written(tmp_path, "old.json", statement("s3:*"))
    narrower = daypass("policy", "check", new, "--against", old)
    assert narrower.code == OK
    assert ": narrower" in narrower.out
    assert ": equal" in daypass("policy", "check", new, "--against", new).out


def test_different_either_way(daypass: Any, tmp_path: Path) -> None:
    new, old = written(tmp_path, "new.json", statement("s3:PutObject")), written(tmp_path, "old.json", statement("s3:GetObject"))
    ended = daypass("policy", "check", new, "--against", old)
    assert ended.code == DENIED
    assert "different: each allows what the other does not" in ended.out
    assert "NO LONGER ALLOWED" in ended.out


def test_what_cannot_be_shown_is_unknown_and_no_success(daypass: Any, tmp_path: Path) -> None:
    odd = {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:${aws:username}"}}
    new = written(tmp_path, "new.json", statement("s3:GetObject", Condition=odd))
    old = written(tmp_path, "old.json", statement("s3:GetObject", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}))
    ended = daypass("policy", "check", new, "--against", old)
    assert ended.code == DENIED
    assert "Not decided by formula: aws:sourcearn 0: arn:aws:sns:*:*:${aws:username}" in ended.err


def test_a_trust_policy_names_who_can_now(daypass: Any, tmp_path: Path) -> None:
    new = written(tmp_path, "new.json", TRUST, TRUST | {"Principal": {"AWS": "222222222222"}, "Sid": "Partner"})
    ended = daypass("policy", "check", new, "--against", written(tmp_path, "old.json", TRUST))
    assert ended.code == DENIED
    assert "arn:aws:iam::222222222222:" in ended.out


def test_standard_input_and_the_kind_given(daypass: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = written(tmp_path, "p.json", statement("s3:*", "*")).read_text()
    monkeypatch.setattr(sys, "stdin", type("In", (), {"read": lambda self, size: text})())
    ended = daypass("policy", "check", "-", "--kind", "scp")
    assert ended.code == OK
    assert "-: a valid scp policy" in ended.out


@pytest.mark.parametrize("name", ["absent.json", "binary.json"])
def test_a_file_that_cannot_be_read(daypass: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    ended = daypass("policy", "check", tmp_path / name)
    assert ended.code == USAGE
    assert str(tmp_path / name) in ended.err
    assert "daypass policy --help" in ended.err


def test_an_old_one_that_is_none_names_itself(daypass: Any, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text("{}")
    ended = daypass("policy", "check", written(tmp_path, "new.json", statement("s3:*")), "--against", old)
    assert ended.code == USAGE
    assert f"daypass policy check {old} --kind identity" in ended.err


def test_without_the_solver(daypass: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "z3", None)
    new = written(tmp_path, "new.json", statement("s3:Get*"))
    ended = daypass("policy", "check", new, "--against", written(tmp_path, "old.json", statement("s3:Get*", "*")))
    assert ended.code == CONFIG
    assert "pip install z3-solver" in ended.err


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (json.dumps({"Statement": statement("s3:*")}), "identity"),
        (json.dumps({"Statement": [TRUST]}), "trust"),
        (json.dumps({"Statement": [TRUST | {"Resource": "*"}]}), "resource"),
        (json.dumps({"Statement": [{"NotPrincipal": "x", "NotResource": "*"}]}), "resource"),
        ("{", "identity"), ("[]", "identity"), ('{"Statement": [1]}', "identity"),
    ],
)  # fmt: skip
def test_the_kind_that_its_elements_tell(text: str, kind: str) -> None:
    assert guess(text) == kind
