from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.wire.faults import MalformedXml, Unknown, WrongType
from daypass.wire.shapes import Shape, read_shapes
from daypass.wire.xml_body import MAX_BODY, MAX_DEPTH, MAX_ELEMENTS, Run, members_of, parse, reader_of
from daypass.wire.xml_out import element_writer

EXAMPLES = 20_000 if os.environ.get("DAYPASS_FUZZ") else 300
NS = "http://s3.example/doc/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SHAPES = read_shapes({
    "Text": {"type": "string"},
    "Number": {"type": "integer"},
    "Flag": {"type": "boolean"},
    "Time": {"type": "timestamp"},
    "Bytes": {"type": "blob"},
    "Texts": {"type": "list", "member": "Text"},
    "Tags": {"type": "list", "member": "Tag", "itemWire": "Tag"},
    "Tag": {"type": "structure", "members": {"Key": "Text", "Value": "Text"}},
    "Map": {"type": "map", "key": "Text", "value": "Number"},
    "Named": {"type": "map", "key": "Text", "value": "Text", "keyWire": "K", "itemWire": "V"},
    "Grantee": {
        "type": "structure",
        "prefixes": {"xsi": XSI},
        "members": {"Type": {"shape": "Text", "wire": "xsi:type", "in": "attribute"}, "ID": "Text"},
    },
    "Rule": {
        "type": "structure",
        "members": {
            "Name": {"shape": "Text", "wire": "name"}, "Count": "Number", "On": "Flag", "At": "Time", "Data": "Bytes", "Texts": "Texts",
            "Tags": "Tags", "Flat": {"shape": "Tags", "wire": "Tag", "flat": True}, "Map": "Map", "Grantee": "Grantee",
            "Named": {"shape": "Named", "wire": "Pair", "flat": True}, "Inner": "Rule",
        },
    },
})  # fmt: skip
RULE = SHAPES["Rule"]


def read(inside: str, shape: Shape = RULE) -> dict[str, Any]:
    unknown = Unknown()
    found: dict[str, Any] = reader_of(shape)(parse(f'<R xmlns="{NS}">{inside}</R>'.encode(), "R", NS), unknown)
    return found | ({"unknown": unknown.count} if unknown.count else {})


def refused(body: bytes) -> str:
    with pytest.raises(MalformedXml) as caught:
        parse(body, "R", NS)
    return caught.value.message


def text_of(body: bytes) -> str:
    return parse(body, "R", NS)[0].text


@pytest.mark.parametrize(
    ("inside", "values"),
    [
        ("", {}),
        ("\n  <name>a</name>\n  <Count>-5</Count>\n", {"Name": "a", "Count": -5}),
        ("<name/><On>true</On><Data>AAE=</Data>", {"Name": "", "On": True, "Data": b"\x00\x01"}),
        ("<name> a&#10;&lt;&amp;&#x41;\r\n</name>", {"Name": " a\n<&A\n"}),
        ("<Texts/>", {"Texts": []}),
        ("<Texts><member>a</member><member/></Texts>", {"Texts": ["a", ""]}),
        ("<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>", {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("<Tag><Key>a</Key></Tag><name>n</name><Tag><Key>b</Key></Tag>", {"Name": "n", "Flat": [{"Key": "a"}, {"Key": "b"}]}),
        ("<Map><entry><key>a</key><value>1</value></entry></Map>", {"Map": {"a": 1}}),
        ("<Pair><K>a</K><V>1</V></Pair><Pair><K>b</K><V>2</V></Pair>", {"Named": {"a": "1", "b": "2"}}),
        ("<Inner><Inner><name>x</name></Inner></Inner>", {"Inner": {"Inner": {"Name": "x"}}}),
        (f'<Grantee xmlns:x="{XSI}" x:type="A"><ID>i</ID></Grantee>', {"Grantee": {"Type": "A", "ID": "i"}}),
        ("<Grantee type='A'/>", {"Grantee": {}, "unknown": 1}),
        ("<Colour/><Colour/><name a='b'>x</name>", {"Name": "x", "unknown": 3}),
        ("<Name>case counts</Name>", {"unknown": 1}),
    ],
)
def test_values(inside: str, values: dict[str, Any]) -> None:
    assert read(inside) == values


@pytest.mark.parametrize(
    "inside",
    [
        "<name><b/></name>", "<Count> 5</Count>", "<Count>5_0</Count>", "<Count>٥</Count>", "<On>TRUE</On>", "<Data>A</Data>",
        "<At>2026</At>", "x", "<name/>x", "<Texts>x</Texts>", "<Texts><Member/></Texts>", "<Tags><member/></Tags>", "<Inner>x</Inner>",
        "<Map><entry><key>a</key></entry></Map>", "<Map><x/></Map>", "<Map><entry><key>a</key><value>1</value><v/></entry></Map>",
    ],
)  # fmt: skip
def test_wrong_types(inside: str) -> None:
    with pytest.raises(WrongType):
        read(inside)


@pytest.mark.parametrize(
    "inside",
    [
        "<name>a</name><name>a</name>", "<name/><Count>1</Count><name/>", "<Inner/><Inner/>", "<Texts/><Texts/>",
        "<Tag><Key>a</Key><Key>b</Key></Tag>", "<Map>" + "<entry><key>a</key><value>1</value></entry>" * 2 + "</Map>",
        "<Pair><K>a</K><V>1</V></Pair><Pair><K>a</K><V>1</V></Pair>", "<Pair><K>a</K><K>b</K><V>1</V></Pair>",
    ],
)  # fmt: skip
def test_what_comes_twice_is_refused_unless_it_is_a_list(inside: str) -> None:
    with pytest.raises(MalformedXml):
        read(inside)


def test_text_between_the_members_of_a_root_is_refused() -> None:
    assert members_of(parse(b"<R> <a/>\n</R>", "R", NS)).keys() == {"a"}
    with pytest.raises(MalformedXml):
        members_of(parse(b"<R><a/>x</R>", "R", NS))


DOCTYPES = [
    b'<!DOCTYPE R [<!ENTITY x SYSTEM "file:///etc/passwd">]><R>&x;</R>',
    b'<!DOCTYPE R SYSTEM "http://127.0.0.1:1/x.dtd"><R/>',
    b'<!DOCTYPE R [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]><R/>',
    b'<!DOCTYPE R [<!ATTLIST R a CDATA "b">]><R/>',
    b"<!DOCTYPE R><R/>",
    b'<?xml version="1.0"?><!-- x --> <!DOCTYPE R><R/>',
    b"<!doctype R><R/>",
    b"<R><!DOCTYPE R></R>",
    b"<R/><!DOCTYPE R>",
    b'<!ENTITY a "b"><R/>',
]


@pytest.mark.parametrize("body", DOCTYPES)
def test_c28_c62_no_doctype_reaches_the_parser(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_arguments: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr("daypass.wire.xml_body.expat.ParserCreate", never)
    assert "DOCTYPE" in refused(body)


def test_c62_a_billion_laughs_are_not_begun() -> None:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    started = time.process_time()
    refused(f'<!DOCTYPE R [<!ENTITY a0 "lol">{levels}]><R>&a9;</R>'.encode())
    assert time.process_time() - started < 1


@pytest.mark.parametrize("body", [b"<R>&x;</R>", b"<R a='&x;'/>", b"<R>&#0;</R>", b"<R>&#xD800;</R>", b"<R>&#xFFFFFFFF;</R>", b"<R>&</R>"])
def test_c62_entities_that_xml_does_not_have(body: bytes) -> None:
    refused(body)


def test_an_xinclude_is_an_element_of_another_namespace() -> None:
    include = b'<R><i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/></R>'
    assert refused(include) == "An element is in another namespace"


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"x", b"<R>", b"</R>", b"<R/><R/>", b"<R/>x", b"<R></r>", b"<R a='1' a='2'/>", b"<R a=1/>", b"<R><a></R></a>",
        b"<R>\x00</R>", b"<R>\x0b</R>", b"<R>]]></R>", b"<R><!-- -- --></R>", b"<R><!--</R>", b"<R><![CDATA[</R>", b"<R><![CDATA[<!DOCTYPE",
        b"<x:R/>", b"<R xmlns:x=''/>", b"<?pi x?><R/>", b"<R><?pi x?></R>", b"<?xml version='1.1'?><R/>", b" <?xml version='1.0'?><R/>",
        b"<?xml version='1.0' encoding='iso-8859-1'?><R/>", b"<?xml version='1.0' encoding='utf-7'?><R/>",
        b"<?xml-stylesheet href='x'?><R/>",
        b"<R>\xff</R>", b"<R>\xc0\x80</R>", b"<R>\xed\xa0\x80</R>", b"<R>\xef\xbf\xbe</R>", "<R/>".encode("utf-16"),
        "<R/>".encode("utf-16-be"),
        "<R/>".encode("utf-16-le"), "<!DOCTYPE R><R/>".encode("utf-16-be"),
        "<R/>".encode("utf-32"), b"\xef\xbb\xbf\xef\xbb\xbf<R/>",
    ],
)  # fmt: skip
def test_what_is_no_xml_of_ours_is_refused(body: bytes) -> None:
    refused(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<R/>", b"<R></R>\n", b"\xef\xbb\xbf<R/>", b"<?xml version='1.0'?><R/>", b'<?xml version="1.0" encoding="UTF-8"?>\n<R/>',
        b'<?xml version="1.0" encoding="utf-8" standalone="yes" ?><R/>', f'<R xmlns="{NS}"/>'.encode(), f'<x:R xmlns:x="{NS}"/>'.encode(),
        b"<!-- <!DOCTYPE R> --><R/>", b"\n<R/><!-- -->",
    ],
)  # fmt: skip
def test_what_clients_send(body: bytes) -> None:
    assert len(parse(body, "R", NS)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<S/>", b'<R xmlns="http://evil.example/"/>', f'<R xmlns="{NS}x"/>'.encode(), f'<R xmlns="{NS}"><a xmlns=""/></R>'.encode(),
        f'<R><a xmlns="{NS}"/></R>'.encode(), f'<R xmlns="{NS}" xmlns:e="http://evil.example/"><e:name>x</e:name></R>'.encode(),
        f'<e:R xmlns:e="{NS}"><name/></e:R>'.encode(),
    ],
)  # fmt: skip
def test_c28_another_root_or_namespace_is_refused(body: bytes) -> None:
    refused(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<R>ad<!-- x -->min</R>", "admin"),
        (b"<R><!-- x -->admin<!----></R>", "admin"),
        (b"<R>ad<![CDATA[m&lt;i<b>]]>n</R>", "adm&lt;i<b>n"),
        (b"<R><![CDATA[<!DOCTYPE R [<!ENTITY x 'y'>]>]]></R>", "<!DOCTYPE R [<!ENTITY x 'y'>]>"),
        (b"<R><![CDATA[<!-- ]]>a<![CDATA[ -->]]></R>", "<!-- a -->"),
        (b"<R>a\r\nb\rc&#13;</R>", "a\nb\nc\r"),
    ],
)
def test_comments_and_cdata_do_not_cut_a_text(body: bytes, text: str) -> None:
    assert text_of(body) == text


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
@pytest.mark.parametrize("close", [True, False])
def test_h67_depth_is_limited(depth: int, close: bool) -> None:
    inside = MAX_DEPTH - 1
    parse(b"<R>" + b"<a>" * inside + b"</a>" * inside + b"</R>", "R", NS)
    assert "deeper" in refused(b"<R>" + b"<a>" * (depth - 1) + (b"</a>" * (depth - 1) + b"</R>" if close else b""))


def test_the_number_of_elements_is_limited() -> None:
    assert len(parse(b"<R>" + b"<a/>" * (MAX_ELEMENTS - 1) + b"</R>", "R", NS)[0].children["a"]) == MAX_ELEMENTS - 1
    assert "elements" in refused(b"<R>" + b"<a/>" * MAX_ELEMENTS + b"</R>")


def test_the_size_is_limited_and_a_huge_text_is_one() -> None:
    body = b"<R>" + b"a" * (MAX_BODY - 7) + b"</R>"
    assert len(text_of(body)) == MAX_BODY - 7
    assert "longer" in refused(body + b" ")


@pytest.mark.parametrize("piece", [b"<!--", b"<![CDATA[", b"<!-", b"<![CDATA[]]>", b"<!---->", b"&amp;", b"a\n", b"]]", b"<a b='c'>"])
def test_no_body_takes_more_than_linear_time(piece: bytes) -> None:
    def took(length: int) -> float:
        body = b"<R>" + piece * (length // len(piece))
        started = time.process_time()
        refused(body)
        return time.process_time() - started

    took(1000)
    assert took(MAX_BODY - 1000) < 5  # quadratic would take hours


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n<>&'\"]"))


@given(TEXT, st.dictionaries(TEXT, st.integers(-(2**31), 2**31 - 1), max_size=3), st.lists(TEXT, max_size=3))
def test_what_we_write_we_read(text: str, numbers: dict[str, int], texts: list[str]) -> None:
    values = {"Name": text, "Map": numbers, "Texts": texts, "Grantee": {"Type": text, "ID": text}, "Inner": {"Texts": []}}
    tags = [{"Key": one, "Value": one} for one in texts]
    if tags:
        values |= {"Flat": tags, "Tags": tags, "Named": {one: one for one in texts}}
    body = element_writer("R", RULE, NS)(values).encode()
    assert reader_of(RULE)(parse(body, "R", NS), Unknown()) == values


@given(TEXT)
def test_what_others_write_we_read(text: str) -> None:
    body = f"<R xmlns='{NS}'><name a={quoteattr(text)}>{escape(text)}</name></R>"
    assert reader_of(RULE)(parse(body.encode(), "R", NS), Unknown()) == {"Name": text}


PIECES = st.lists(
    st.sampled_from([
        b"<R>", b"</R>", b"<name>", b"</name>", b"<Tag>", b"</Tag>", b"<Map><entry>", b"<key/>", b"<!--", b"-->", b"<![CDATA[", b"]]>",
        b"<!DOCTYPE R>", b"&amp;", b"&x;", b"<?", b"?>", b"x", b"\xff", b" ", b"<", b'<Grantee xmlns="y" a="b"/>',
    ]) | st.binary(max_size=6),
    max_size=20,
)  # fmt: skip


@pytest.mark.fuzz
@settings(max_examples=EXAMPLES)
@given(PIECES)
def test_nothing_but_malformed_or_a_wrong_type_comes_of_bad_bytes(pieces: list[bytes]) -> None:
    read_rule: Callable[[Run, Unknown], Any] = reader_of(RULE)
    for body in (b"".join(pieces), b"<R>" + b"".join(pieces) + b"</R>"):
        try:
            assert isinstance(read_rule(parse(body, "R", NS), Unknown()), dict)
        except (MalformedXml, WrongType) as refusal:
            assert str(refusal)
