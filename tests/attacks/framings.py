"""Heads and bodies whose end may be seen in two places, for a second request behind them that nobody may take for another sender's."""

from __future__ import annotations


def second(number: int) -> bytes:
    """What an attacker hides behind case `number`."""
    return b"GET /smuggled-%d HTTP/1.1\r\nHost: HOST\r\nX-Who: second-%d\r\n\r\n" % (number, number)


def post(headers: bytes, body: bytes = b"") -> bytes:
    """A POST with these header lines."""
    return b"POST /first-NUMBER HTTP/1.1\r\nHost: HOST\r\nX-Who: first-NUMBER\r\n" + headers + b"\r\n\r\n" + body


def get(
    line: bytes = b"GET /first-NUMBER HTTP/1.1\r\n", headers: bytes = b"Host: HOST\r\nX-Who: first-NUMBER\r\n", end: bytes = b"\r\n"
) -> bytes:
    """A request without a body; each part may be replaced."""
    return line + headers + end


_EMPTY = b"0\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked"

# Refused, and nothing behind them is looked at.
WRONG: dict[str, bytes] = {
    "CL.TE": post(b"Content-Length: 5\r\n" + _CHUNKED, _EMPTY),
    "TE.CL": post(_CHUNKED + b"\r\nContent-Length: 5", _EMPTY),
    "TE.TE": post(_CHUNKED + b"\r\nTransfer-Encoding: x", _EMPTY),
    "TE.TE-same": post(_CHUNKED + b"\r\n" + _CHUNKED, _EMPTY),
    "TE.TE-other-case": post(_CHUNKED + b"\r\ntransfer-encoding: identity", _EMPTY),
    "TE.0": b"OPTIONS /first-NUMBER HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + _EMPTY,
    **{
        f"TE-{name}": post(b"Transfer-Encoding:" + value, _EMPTY)
        for name, value in {
            "xchunked": b" xchunked",
            "vtab": b" \x0bchunked",
            "chunked,identity": b" chunked, identity",
            "identity,chunked": b" identity, chunked",
            "gzip,chunked": b" gzip, chunked",
            "comma": b" ,chunked",
            "parameter": b" chunked;q=1",
            "quoted": b' "chunked"',
            "twice": b" chunked, chunked",
            "empty": b"",
            "identity": b" identity",
            "folded": b"\r\n chunked",
            "nul": b" chunked\0",
            "bare-cr": b" chunked\r",
        }.items()
    },
    "TE-space-before-colon": post(b"Transfer-Encoding : chunked", _EMPTY),
    "TE-tab-before-colon": post(b"Transfer-Encoding\t: chunked", _EMPTY),
    "TE-HTTP/1.0": b"POST /first-NUMBER HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n" + _EMPTY,
    "CL-twice": post(b"Content-Length: 2\r\nContent-Length: 3", b"ab"),
    "CL-twice-same": post(b"Content-Length: 2\r\nContent-Length: 2", b"ab"),
    **{
        f"CL-{name}": post(b"Content-Length:" + value, b"ab")
        for name, value in {
            "list": b" 2, 2",
            "plus": b" +2",
            "minus": b" -2",
            "hex": b" 0x2",
            "underscore": b" 1_0",
            "inner-space": b" 2 1",
            "empty": b"",
            "huge": b" 99999999999999999999999",
            "2**63": b" 9223372036854775808",
            "2**64+2": b" 18446744073709551618",
            "arabic": b" \xd9\xa2",
            "dot": b" 2.0",
        }.items()
    },
    "LF-everywhere": get().replace(b"\r\n", b"\n"),
    "LF-request-line": get(b"GET /first-NUMBER HTTP/1.1\n"),
    "LF-header": get(headers=b"Host: HOST\nX-Who: first-NUMBER\r\n"),
    "LF-end": get(end=b"\n"),
    "CR-header": get(headers=b"Host: HOST\rX-Who: first-NUMBER\r\n"),
    "CR-end": get(headers=b"Host: HOST\r\nX-Who: first-NUMBER\r\r\n"),
    "NUL-value": get(headers=b"Host: HOST\r\nX-Who: first\0\r\n"),
    "NUL-name": get(headers=b"Host: HOST\r\nX-Who\0: first\r\n"),
    "control-value": get(headers=b"Host: HOST\r\nX-A: \x01\r\n"),
    "obs-fold": get(headers=b"Host: HOST\r\nX-A: a\r\n b\r\n"),
    "fold-first": get(headers=b" X-A: a\r\nHost: HOST\r\n"),
    "name-space": get(headers=b"Host: HOST\r\nX A: a\r\n"),
    "name-empty": get(headers=b"Host: HOST\r\n: a\r\n"),
    "name-utf8": get(headers=b"Host: HOST\r\nX-\xc3\xa9: a\r\n"),
    "no-colon": get(headers=b"Host: HOST\r\nX-A\r\n"),
    "HTTP/0.9": b"GET /first-NUMBER\r\n",
    "HTTP/0.9-said": get(b"GET /first-NUMBER HTTP/0.9\r\n"),
    "HTTP/1.2": get(b"GET /first-NUMBER HTTP/1.2\r\n"),
    "HTTP/2.0": get(b"GET /first-NUMBER HTTP/2.0\r\n"),
    "http/1.1": get(b"GET /first-NUMBER http/1.1\r\n"),
    "HTTP/2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    "tab-in-line": get(b"GET\t/first-NUMBER\tHTTP/1.1\r\n"),
    "space-in-target": get(b"GET /first-NUMBER a HTTP/1.1\r\n"),
    "control-in-target": get(b"GET /first-NUMBER\x01 HTTP/1.1\r\n"),
    "absolute-form": get(b"GET http://elsewhere.test/first-NUMBER HTTP/1.1\r\n"),
    "authority-form": get(b"CONNECT HOST HTTP/1.1\r\n"),
    "connect-path": get(b"CONNECT /first-NUMBER HTTP/1.1\r\n"),
    "asterisk-form": get(b"OPTIONS * HTTP/1.1\r\n"),
    "fragment": get(b"GET /first-NUMBER#a HTTP/1.1\r\n"),
    "h2c": get(headers=b"Host: HOST\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"),
    "h2c-body": post(b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2", b"ab"),
    "websocket": get(headers=b"Host: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
    **{
        f"chunk-{name}": post(_CHUNKED, body)
        for name, body in {
            "0x": b"0x2\r\nab\r\n0\r\n\r\n",
            "plus": b"+2\r\nab\r\n0\r\n\r\n",
            "minus": b"-2\r\nab\r\n0\r\n\r\n",
            "space-before": b" 2\r\nab\r\n0\r\n\r\n",
            "space-behind": b"2 \r\nab\r\n0\r\n\r\n",
            "empty": b"\r\nab\r\n0\r\n\r\n",
            "overflow": b"10000000000000002\r\nab\r\n0\r\n\r\n",
            "extension-LF": b"2;\nab\r\n0\r\n\r\n",
            "extension-control": b"2;\x01\xff\r\nab\r\n0\r\n\r\n",
            "extension-quoted-line": b'2;a="\r\n"\r\nab\r\n0\r\n\r\n',
            "LF": b"2\nab\n0\n\n",
            "LF-behind-data": b"2\r\nab\n0\r\n\r\n",
            "no-end-of-data": b"2\r\nab0\r\n\r\n",
            "longer-than-said": b"2\r\nabXX0\r\n\r\n",
            "CR": b"2\rab\r\n0\r\n\r\n",
            "LF-at-last": b"2\r\nab\r\n0\r\n\n",
            "last-missing": b"2\r\nab\r\n",
            "trailer-authorization": b"2\r\nab\r\n0\r\nAuthorization: x\r\n\r\n",
            "trailer-who": b"2\r\nab\r\n0\r\nX-Who: somebody\r\n\r\n",
            "trailer-host": b"2\r\nab\r\n0\r\nHost: elsewhere\r\nX-Amz-Date: 1\r\n\r\n",
            "trailer-length": b"2\r\nab\r\n0\r\nContent-Length: 3\r\n\r\n",
            "trailer-coding": b"2\r\nab\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        }.items()
    },
}  # fmt: skip

# Read in one way by everybody: two requests, two answers.
RIGHT: dict[str, bytes] = {
    "length": post(b"Content-Length: 2", b"ab"),
    "length-tabs": post(b"Content-Length:\t2\t", b"ab"),
    "length-zeros": post(b"Content-Length: 0002", b"ab"),
    "chunked": post(_CHUNKED, b"2\r\nab\r\n0\r\n\r\n"),
    "CHUNKED": post(b"transfer-ENCODING:\tCHUNKED ", b"2\r\nab\r\n0\r\n\r\n"),
    "chunk-zeros": post(_CHUNKED, b"002\r\nab\r\n000\r\n\r\n"),
    "chunk-extension": post(_CHUNKED, b'2;a=b;c="d"\r\nab\r\n0\r\n\r\n'),
    "no-body": get(),
    "connection-names": get(headers=b"Host: HOST\r\nX-Who: first-NUMBER\r\nConnection: x-other, keep-alive\r\n"),
}


def filled(raw: bytes, host: str, number: int) -> bytes:
    """The bytes of a case for this host, with its number."""
    return raw.replace(b"HOST", host.encode()).replace(b"NUMBER", b"%d" % number)
