"""The rig keeps its own promises: the network guard bites, the search for secrets finds them, the test issuer's tokens verify."""

from __future__ import annotations

import json
import math
import random  # noqa: TID251  # cases of a test, from a seed
import socket
import ssl
import urllib.request
from pathlib import Path
from statistics import NormalDist

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from rig.canary import Canaries
from rig.idp import DISCOVERY, JWKS, Idp, b64
from rig.network import LeftTheMachine
from rig.ranks import p_of_shift
from rig.require import ALL, require, require_root


def test_a_connection_beyond_loopback_fails() -> None:
    with socket.socket() as sock, pytest.raises(LeftTheMachine):
        sock.connect(("192.0.2.1", 80))


def test_a_look_up_of_a_foreign_name_fails() -> None:
    with pytest.raises(LeftTheMachine):
        socket.getaddrinfo("daypass.example", 443)


def test_loopback_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        assert server.accept()[0].close() is None


def test_a_secret_is_found_as_text_in_base64_and_percent_encoded(tmp_path: Path) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    canaries = Canaries()
    canaries.watch({"Credentials": {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": secret}})
    (tmp_path / "clean").write_bytes(b"ASIAIOSFODNN7EXAMPLE")
    assert canaries.leaks_under(tmp_path) == []
    (tmp_path / "text").write_bytes(b"x" + secret.encode())
    (tmp_path / "query").write_bytes(secret.replace("/", "%2F").replace("+", "%2B").encode())
    assert [leak.split(":")[0] for leak in canaries.leaks_under(tmp_path)] == ["query", "text"]
    assert not any(secret in leak for leak in canaries.leaks_under(tmp_path))


def test_a_missing_component_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALL, raising=False)
    with pytest.raises(pytest.skip.Exception, match="it is only an example"):
        require("no-such-program", "it is only an example")


def test_a_missing_component_fails_where_all_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALL, "1")
    with pytest.raises(pytest.fail.Exception, match="it is only an example"):
        require("no-such-program", "it is only an example")


@pytest.mark.parametrize(("everything", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_so_do_roots_rights(monkeypatch: pytest.MonkeyPatch, everything: str, outcome: type[BaseException]) -> None:
    monkeypatch.setenv(ALL, everything)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(outcome, match="only root gives a file away"):
        require_root("only root gives a file away")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    require_root("only root gives a file away")


def _get(idp: Idp, url: str) -> bytes:
    with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=str(idp.ca_file)), timeout=10) as answer:
        body: bytes = answer.read()
    return body


@pytest.mark.parametrize("key_id", ["rsa-1", "ec-1"])
def test_a_token_of_the_test_issuer_verifies_by_its_published_keys(idp: Idp, key_id: str) -> None:
    discovery = json.loads(_get(idp, idp.url + DISCOVERY))
    keys = KeySet.import_key_set(json.loads(_get(idp, discovery["jwks_uri"])))
    token = jwt.decode(idp.token(key_id=key_id), keys, algorithms=["RS256", "ES256"])
    assert discovery["issuer"] == token.claims["iss"] == idp.url
    assert idp.hits[JWKS] >= 1


def test_a_token_of_the_test_issuer_can_have_any_header(idp: Idp) -> None:
    header, _, signature = idp.token(key=b"public", header={"kid": None, "crit": ["x"]}).split(".")
    assert header == b64(json.dumps({"alg": "HS256", "typ": "JWT", "crit": ["x"]}).encode())
    assert len(signature) == 43


def test_the_rank_test_sees_a_shift_beyond_the_margin_and_no_other() -> None:
    chance = random.Random(18)
    quick, slow = ([chance.expovariate(500) for _ in range(2000)] for _ in range(2))
    assert p_of_shift(slow, quick, 0.0) > 0.01
    assert p_of_shift([time + 0.0005 for time in slow], quick, 0.001) > 0.99
    assert p_of_shift([time + 0.0015 for time in slow], quick, 0.001) < 0.01
    # by hand: of 1, 2 against 3, 4 the second is larger in all four pairs, so that U = 4, of mean 2 and deviation sqrt(5/3)
    assert p_of_shift([3, 4], [1, 2], 0.0) == pytest.approx(1 - NormalDist().cdf(1.5 / math.sqrt(5 / 3)))
    assert p_of_shift([1, 1], [1, 1], 0.0) == 1.0
