"""Smuggling, on raw sockets: straight at the product's HTTP protocol, at a real server, and through real nginx and HAProxy in pane."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from attacks.conftest import Target, accepted
from attacks.framings import RIGHT, WRONG, filled, get, post, second
from rig.http import Attempt, sign, who_am_i
from rig.mirror import Mirror
from rig.proxy import Proxy
from rig.raw import Heard, say

AT_ONCE = 12
PROBES = 48
ALL = {**WRONG, **RIGHT}
NUMBERS = {name: number for number, name in enumerate(ALL)}


def thrown(url: str, trust: str = "", *, split: bool = False) -> dict[str, Heard]:
    """What comes back for each case with its second request behind it; with `split` the body comes in a turn of its own."""
    host = urlsplit(url).netloc

    def throw(name: str) -> Heard:
        raw = filled(ALL[name] + second(NUMBERS[name]), host, NUMBERS[name])
        cut = raw.index(b"\r\n\r\n") + 4 if split and b"\r\n\r\n" in raw else 0
        return say(url, *filter(None, (raw[:cut], raw[cut:])), trust=trust, pause=0.02)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(ALL, pool.map(throw, ALL), strict=True))


@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
def test_C56_straight_at_us(glass: Mirror, split: bool) -> None:
    glass.seen.clear()
    heard = thrown(glass.url, split=split)
    wrong = {}
    for name, answer in heard.items():
        allowed = ([200, 200],) if name in RIGHT else ([400], [413]) if name != "HTTP/0.9" else ([400], [])
        if answer.statuses not in allowed or (name in WRONG and not answer.closed):
            wrong[name] = answer
    assert wrong == {}
    paths = {request.raw_path for request in glass.seen}
    assert {name for name in WRONG if b"/smuggled-%d" % NUMBERS[name] in paths} == set()
    assert {name for name in RIGHT if b"/smuggled-%d" % NUMBERS[name] not in paths} == set()
    assert [
        request for request in glass.seen if (request.first(b"x-who") or b"").partition(b"-")[2] != request.raw_path.partition(b"-")[2]
    ] == []


def test_C56_at_a_real_server(target: Target) -> None:
    """Behind a request that proves somebody, what is smuggled is answered by nobody, and proves nobody."""
    for name, answer in thrown(target.url).items():
        assert not [body for _, body in answer.answers if b"Arn" in body], name
        if name in WRONG:
            assert len(answer.statuses) <= 1 and answer.closed and (answer.statuses or [400])[0] in (400, 413), (name, answer)
    signed = sign(who_am_i(target.url), target.alice)
    after = say(target.url, signed.raw() + who_am_i(target.url).raw() + sign(who_am_i(target.url), target.bob).raw())
    (first, alice), (_, nobody), (third, bob) = after.answers
    assert (first, third) == (200, 200) and b"user/alice<" in alice and b"user/bob<" in bob  # in order, each its own
    assert b"<Arn>" not in nobody and b"MissingAuthenticationToken" in nobody


def test_C56_a_trailer_is_no_header(target: Target) -> None:
    """A signature in a trailer, which a proxy that looks at heads does not see, proves nobody; in the head it does."""
    signed = sign(who_am_i(target.url), target.alice)
    chunked = b"%x\r\n%b\r\n0\r\n" % (len(signed.body), signed.body)
    head, trailer = signed.headers[:-1], signed.headers[-1]

    def raw(headers: list[tuple[str, str]], ending: str) -> bytes:
        lines = Attempt(signed.url, headers=[*headers, ("Transfer-Encoding", "chunked")]).raw()
        return lines + chunked + ending.encode() + b"\r\n"

    assert trailer[0] == "Authorization"
    heard = say(target.url, raw(head, f"Authorization: {trailer[1]}\r\n"))
    assert heard.statuses == [400] and heard.closed and b"alice" not in heard.data
    assert say(target.url, raw([*head, trailer], "")).statuses == [200]


def test_C56_through_a_proxy(pane: Proxy, glass: Mirror) -> None:
    """However the proxy reads a case, we read what it passes on in the same way: each answer is of the request that it belongs to."""
    glass.seen.clear()
    heard = thrown(pane.url, pane.trust, split=True)
    wrong = {}
    for name, answer in heard.items():
        if name == "HTTP/0.9" and not answer.data.startswith(b"HTTP/"):  # nginx speaks it, and answers without a head
            assert json.loads(answer.data)["path"] == f"/first-{NUMBERS[name]}"
            continue
        mine = [json.loads(body) for status, body in answer.answers if status == 200]
        told = [(one["path"], one["who"]) for one in mine]
        number = NUMBERS[name]
        possible = [(f"/first-{number}", f"first-{number}"), (f"/smuggled-{number}", f"second-{number}")]
        pairs_are_right = all(path.partition("-")[2] == f"{number}" and who in (possible[0][1], possible[1][1], "") for path, who in told)
        in_order = [path for path, _ in told] == sorted(path for path, _ in told)
        if not (pairs_are_right and in_order and len(answer.answers) <= 2):
            wrong[name] = answer
        if name in RIGHT and told != possible and not (b"\t" in RIGHT[name] and answer.statuses[0] >= 400):  # nginx takes no tabs
            wrong[name] = answer
    assert wrong == {}
    for request in glass.seen:  # nobody's request became another's, on connections that the proxy shares
        who, path = request.first(b"x-who") or b"", request.raw_path
        assert who in (b"", b"somebody") or who.partition(b"-")[2] == path.partition(b"-")[2], request
        assert path.startswith(b"/first-") == who.startswith(b"first-") or who == b"", request
    host = urlsplit(pane.url).netloc
    for number in range(1000, 1000 + PROBES):
        [(status, body)] = say(pane.url, filled(get(), host, number), trust=pane.trust, count=1).answers
        assert status == 200 and json.loads(body)["who"] == f"first-{number}"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_C56_keep_alive_of_old_clients(glass: Mirror, version: str) -> None:
    line = f"GET /first-NUMBER HTTP/{version}\r\n".encode()
    raw = get(line, b"Host: HOST\r\nX-Who: first-NUMBER\r\nConnection: keep-alive\r\n") + second(7)
    heard = say(glass.url, filled(raw, "127.0.0.1", 7))
    assert heard.statuses == ([200] if version == "1.0" else [200, 200])
    assert heard.closed is (version == "1.0")


def test_C56_expect_100_continue(glass: Mirror) -> None:
    asked = filled(post(b"Expect: 100-continue\r\nContent-Length: 2"), "127.0.0.1", 8)
    polite = say(glass.url, asked, b"ab" + filled(second(8), "127.0.0.1", 8), pause=0.1)
    assert polite.statuses == [200, 200] and polite.data.count(b"HTTP/1.1 100 ") == 1
    large = filled(post(b"Expect: 100-continue\r\nContent-Length: 99999999"), "127.0.0.1", 8)
    heard = say(glass.url, large, filled(second(8), "127.0.0.1", 8), pause=0.1)
    assert heard.statuses == [413] and heard.closed and b" 100 " not in heard.data


def test_C56_pipelining_in_order(glass: Mirror) -> None:
    raw = b"".join(filled(post(b"Content-Length: 2", b"ab") if n % 2 else get(), "127.0.0.1", n) for n in range(100, 116))
    for size in (len(raw), 7, 61):
        pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
        told = [json.loads(body)["who"] for _, body in say(glass.url, *pieces).answers]
        assert told == [f"first-{number}" for number in range(100, 116)]


def test_C56_the_server_still_serves(target: Target) -> None:
    accepted(sign(who_am_i(target.url), target.alice).send())
