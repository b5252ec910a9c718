"""One GET to a checked address: what may be asked, what is answered, and the limits of time and size (H42)."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daypass.outside import https
from rig.idp import JWKS, Idp, json_answer

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def asked(idp: Idp) -> Iterator[Callable[..., https.Answer]]:
    """`get` of the test issuer, allowed and trusted unless said otherwise."""
    idp.reset()
    trusting = ssl.create_default_context(cafile=str(idp.ca_file))

    def get(url: str = "", **how: object) -> https.Answer:
        return https.get(url or idp.url + JWKS, **({"context": trusting, "allowed": LOOPBACK} | how))  # type: ignore[arg-type]  # as get

    yield get
    idp.reset()


def test_a_good_answer(asked: Callable[..., https.Answer], idp: Idp) -> None:
    idp.misbehave(JWKS, (200, {"Cache-Control": "max-age=5"}, b"body"))
    assert asked() == https.Answer(b"body", "max-age=5")
    idp.misbehave(JWKS, (200, {}, b""))
    assert asked() == https.Answer(b"", "")


def test_the_query_is_part_of_the_target(asked: Callable[..., https.Answer], idp: Idp) -> None:
    assert asked(idp.url + JWKS + "?a=b&c=%20").body
    assert idp.hits[JWKS] == 1


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",  # noqa: S104 - an address to refuse, nothing is bound
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.1.2.3",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not https.is_allowed(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert https.is_allowed(address)


def test_the_operators_networks() -> None:
    networks = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1"):
        assert https.is_allowed(address, networks)
    for address in ("10.2.0.1", "127.0.0.1", "::1"):
        assert not https.is_allowed(address, networks)


def test_a_name_is_refused_for_any_of_its_addresses(asked: Callable[..., https.Answer], idp: Idp) -> None:
    for addresses in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]):
        with pytest.raises(https.NotAllowed, match="not a public address"):
            asked(f"https://idp.example:{idp.port}/", allowed=(), resolver=lambda host, port, found=addresses: found)
    assert not idp.hits


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_other_spellings_of_loopback(asked: Callable[..., https.Answer], idp: Idp, host: str) -> None:
    with pytest.raises((https.NotAllowed, https.NoAnswer)):
        asked(f"https://{host}:{idp.port}{JWKS}", allowed=())
    assert not idp.hits


def test_the_checked_address_is_the_one_that_is_asked(asked: Callable[..., https.Answer], idp: Idp) -> None:
    """Rebinding: a second look-up would lead elsewhere, so there is none."""
    looked_up: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["169.254.169.254"]

    assert asked(resolver=rebinding).body
    assert looked_up == ["127.0.0.1"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://{host}/jwks",
        "HTTPS://{host}/jwks",
        "ftp://{host}/",
        "file:///etc/passwd",
        "gopher://{host}/",
        "https:/{host}/jwks",
        "https://user@{host}/jwks",
        "https://user:pw@{host}/jwks",
        "https://good.example\\@{host}/jwks",
        "https://{host}/jwks#fragment",
        "https://{host}/a b",
        "https://{host}/a\r\nX: y",
        "https://{host}/\u00e9",
        "https://{host}\n",
        "https:///jwks",
        "https://127.0.0.1:0/jwks",
        "https://127.0.0.1:65536/jwks",
        "https://127.0.0.1:٤٤٣/jwks",
        "https://{host}/" + "a" * 2048,
    ],
)
def test_urls_that_are_not_plain(asked: Callable[..., https.Answer], idp: Idp, url: str) -> None:
    with pytest.raises(https.NotAllowed):
        asked(url.format(host=f"127.0.0.1:{idp.port}") or " ")
    assert not idp.hits


# Answers


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 404, 500, 503])
def test_only_200_counts(asked: Callable[..., https.Answer], idp: Idp, status: int) -> None:
    idp.misbehave(JWKS, (status, {"Location": idp.url + "/other"}, b""))
    with pytest.raises(https.NoAnswer, match=f"status {status}"):
        asked()
    assert set(idp.hits) == {JWKS}


def test_compressed_and_large_bodies(asked: Callable[..., https.Answer], idp: Idp) -> None:
    idp.misbehave(JWKS, (200, {"Content-Encoding": "gzip"}, b"x"))
    with pytest.raises(https.NoAnswer, match="compressed"):
        asked()
    idp.misbehave(JWKS, (200, {}, b"x" * https.MAX_BODY))
    assert len(asked().body) == https.MAX_BODY
    idp.misbehave(JWKS, (200, {}, b"x" * (https.MAX_BODY + 1)))
    with pytest.raises(https.NoAnswer, match="too large"):
        asked()


def test_a_certificate_that_is_not_trusted_or_of_another_name(asked: Callable[..., https.Answer], idp: Idp) -> None:
    with pytest.raises(https.NoAnswer, match="certificate verify failed"):
        asked(context=ssl.create_default_context())
    with pytest.raises(https.NoAnswer, match="certificate verify failed"):
        asked(f"https://idp.example:{idp.port}{JWKS}", resolver=lambda host, port: ["127.0.0.1"])
    assert not idp.hits


def test_nobody_listens(asked: Callable[..., https.Answer]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(https.NoAnswer, match="ConnectionRefusedError"):
            asked(f"https://127.0.0.1:{unused.getsockname()[1]}/")


def test_the_next_address_is_tried(asked: Callable[..., https.Answer], idp: Idp) -> None:
    assert asked(resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"]).body


@pytest.mark.parametrize(("broken", "answered"), [(https.MAX_TRIES - 1, True), (https.MAX_TRIES, False)])
def test_a_connection_that_breaks_off_is_made_again(asked: Callable[..., https.Answer], idp: Idp, broken: int, answered: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_of(idp))

    def serve() -> None:
        for _ in range(broken):
            listener.accept()[0].close()
        if answered:
            with context.wrap_socket(listener.accept()[0], server_side=True) as secure:
                secure.recv(10_000)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        if answered:
            assert asked(url).body == b"{}"
        else:
            with pytest.raises(https.NoAnswer):
                asked(url)
        thread.join(5)


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve(asked: Callable[..., https.Answer], error: Exception) -> None:
    def failing(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(https.NoAnswer, match="not resolved"):
        asked("https://idp.example/", resolver=failing)
    with pytest.raises(https.NoAnswer, match="no address"):
        asked("https://idp.example/", resolver=lambda host, port: [])


# Time; the limit itself is shortened, so that the tests need not wait for it


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(https, "MAX_SECONDS", 0.3)
    return 2.0  # seconds within which every case must be over, however slow the machine


def within(limit: float, call: Callable[[], object]) -> None:
    started = time.monotonic()
    with pytest.raises(https.NoAnswer):
        call()
    assert time.monotonic() - started < limit


def test_a_resolver_that_hangs(asked: Callable[..., https.Answer], short: float) -> None:
    done = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        done.wait(10)
        return ["127.0.0.1"]

    within(short, lambda: asked(resolver=hanging))
    done.set()


def served(answer: Callable[[socket.socket], None]) -> tuple[socket.socket, threading.Thread]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listener.accept()
            with connection:
                answer(connection)
        except OSError:
            return  # cut off, as it should be

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener, thread


def test_a_server_that_never_speaks_tls(asked: Callable[..., https.Answer], short: float) -> None:
    def listen_only(connection: socket.socket) -> None:
        while connection.recv(10_000):
            pass

    listener, thread = served(listen_only)
    within(short, lambda: asked(f"https://127.0.0.1:{listener.getsockname()[1]}/"))
    listener.close()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_server_that_drips(asked: Callable[..., https.Answer], idp: Idp, short: float, part: str, tmp_path: Path) -> None:
    """Each byte comes long before a read would time out, so only the cut at the deadline ends it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_of(idp))

    def drip(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.sendall(b"HTTP/1.1 200 OK\r\n" + (b"" if part == "header" else b"Content-Length: 100000\r\n\r\n"))
            for _ in range(1000):
                secure.sendall(b"x")
                threading.Event().wait(0.02)

    listener, thread = served(drip)
    within(short, lambda: asked(f"https://127.0.0.1:{listener.getsockname()[1]}/"))
    listener.close()
    thread.join(5)
    assert not thread.is_alive()


def certificate_of(idp: Idp) -> str:
    (found,) = [path for path in idp.folder.iterdir() if path != idp.ca_file]
    return str(found)


def test_a_well_behaved_issuer_after_all_that(asked: Callable[..., https.Answer], idp: Idp) -> None:
    idp.misbehave(JWKS, json_answer({"keys": []}))
    assert asked().body == b'{"keys": []}'
