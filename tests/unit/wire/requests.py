"""Requests as the doors hand them over, short to write."""

from __future__ import annotations

from daypass.values.request import HeaderPairs, Request

FORM = (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")
JSON = (b"content-type", b"application/x-amz-json-1.1")


def form(body: bytes = b"", *headers: tuple[bytes, bytes], method: str = "POST", query: bytes = b"") -> Request:
    return Request(method, b"/", query, (FORM, *headers), body)


def target(name: str, body: bytes = b"{}", *headers: tuple[bytes, bytes]) -> Request:
    return Request("POST", b"/", b"", ((b"x-amz-target", name.encode()), JSON, *headers), body)


def rest(method: str, path: str, query: bytes = b"", headers: HeaderPairs = (), body: bytes = b"") -> Request:
    return Request(method, path.encode(), query, headers, body)
