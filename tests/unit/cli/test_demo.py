"""cli/demo: a story that is told as it went. The whole of it, on a real server, is played by tests/transcripts/commands/demo.txt."""

from __future__ import annotations

import json
import ssl
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from daypass.cli.aws import AwsError
from daypass.cli.demo import play, run, stage, story
from daypass.cli.demo.provider import DISCOVERY, Provider
from daypass.cli.exits import CONFIG, Trouble
from daypass.proof import jwt

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


class EmptyStage:
    """A stage without a server."""

    url = "http://127.0.0.1:1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


def holds(_: story.Story) -> str:
    """One holds."""
    return "it \x1b[2Jheld"


def allowed_by_mistake(_: story.Story) -> str:
    """One was to be refused."""
    return stage.refused(lambda: None, "AccessDenied")


def refused_otherwise(_: story.Story) -> str:
    """One was refused for another reason."""

    def call() -> None:
        raise AwsError("Throttling", "too much", 400)

    return stage.refused(call, "AccessDenied")


def refused_by_mistake(_: story.Story) -> str:
    """One was to be allowed."""
    raise AwsError("AccessDenied", "not you", 403)


def answer_without_its_member(_: story.Story) -> str:
    """One got half an answer."""
    return {"Arn": ""}["Account"]


def play_on_nothing(*steps: story.Step, as_json: bool = False) -> bool:
    return play.play(as_json=as_json, steps=steps, stage=EmptyStage)  # type: ignore[arg-type]  # stands in for a Stage


def test_steps_that_hold_are_shown_and_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert play_on_nothing(holds, holds)
    said = capsys.readouterr().out
    assert said.splitlines()[0].split() == ["1", "ok", "One", "holds", "it", "\\x1b[2Jheld"]
    assert "2 steps held" in said


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (allowed_by_mistake, "expected AccessDenied, but it was allowed"),
        (refused_otherwise, "expected AccessDenied, got Throttling: too much"),
        (refused_by_mistake, "AccessDenied: not you"),
        (answer_without_its_member, "Account"),
    ],
)
def test_the_first_step_that_does_not_hold_ends_it(step: story.Step, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not play_on_nothing(holds, step, holds)
    said = capsys.readouterr().out
    assert [line.split()[1] for line in said.splitlines()[:2]] == ["ok", "FAIL"]
    assert why in said
    assert "Step 2 of 3 did not hold." in said


def test_json_tells_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert not play_on_nothing(holds, allowed_by_mistake, as_json=True)
    assert [(step["Title"], step["Holds"]) for step in json.loads(capsys.readouterr().out)] == [
        ("One holds", True),
        ("One was to be refused", False),
    ]


def test_a_story_that_did_not_hold_is_not_exit_0(monkeypatch: pytest.MonkeyPatch, daypass: Any) -> None:
    monkeypatch.setattr(play, "play", lambda **_: False)
    assert daypass("demo").code == CONFIG
    assert run.__module__ == "daypass.cli.demo"


def test_a_server_that_does_not_start_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    entered = stage.Stage()
    entered.data = "/proc/nowhere"
    with pytest.raises(Trouble, match=r"the demo.s server ended: .*nowhere"):
        entered.__enter__()
    assert not Path(entered._folder.name).exists()


def test_every_step_has_a_title_of_its_own() -> None:
    titles = [play.title(step) for step in story.STEPS]
    assert len(set(titles)) == len(titles) == 16
    assert all(step.__doc__ for step in story.STEPS)


def test_the_provider_is_one_that_the_server_can_believe(tmp_path: Path) -> None:
    with Provider(tmp_path) as provider:
        trusting = ssl.create_default_context(cafile=str(provider.authority))
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        with urllib.request.urlopen(provider.issuer + DISCOVERY, context=trusting, timeout=10) as answer:
            about = json.load(answer)
        with urllib.request.urlopen(about["jwks_uri"], context=trusting, timeout=10) as answer:
            keys = jwt.read_jwks(answer.read())
        token = provider.token("repo:a/b", "aud-1", NOW)
        proven = jwt.verify_token(token, keys, issuer=provider.issuer, audiences=("aud-1",), now=NOW)
    assert about["issuer"] == provider.issuer
    assert proven.subject == "repo:a/b"
    assert (tmp_path / "provider.pem").stat().st_mode & 0o077 == 0
