from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.java import Untranslatable, translate
from models.linear import REWRITTEN, SHORT, grows, pattern_of

from daypass.wire import patterns
from daypass.wire.patterns import matcher

WIRE = Path(patterns.__file__).parent
SHAPES = [shape for path in sorted(WIRE.glob("*/*.json")) for shape in json.loads(path.read_text("utf-8")).get("shapes", {}).values()]
JAVA = sorted({shape["pattern"] for shape in SHAPES if "pattern" in shape})
ANEW = [java for java in JAVA if pattern_of(java) != translate(java)]


@pytest.mark.parametrize(
    ("java", "yes", "no"),
    [
        (r"[\w+=,.@-]+", ["a", "A_9+=,.@-"], ["", "é", "٩", "a\n", "a b", "\u017f", "\u212a"]),
        (r"\d{12}", ["123456789012"], ["12345678901２", "1234567890123", "123456789012\n"]),
        (r"[\u0009\u000A\u000D\u0020-\u00FF]+", ["\t\n\r ~é\x7f\x85ÿ"], ["\x00", "Ā", "\x0b", "漢"]),
        (r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+", ["a漢𝔘\u0085"], ["\x7f", "\ufffe", "\x00"]),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["", "aé漢 \u00a0٩Ⅷ_.:/=+-@", "𝔘"], ["\u0301", "\n", "a;b", "\u200b", "😀"]),
        (r"[^\p{C}]*", ["aé漢😀"], ["\x00", "\u200b", "\ue000"]),
        (r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", ["e\u0301+9!"], [" ", "\t"]),
        (r"[\S]+", ["a\u00a0"], ["a b", "\t"]),
        (r"[\w\s+=,.@-]+", ["a b\t"], ["a\u00a0"]),
        (r"^[^_].*$", ["ab"], ["_a", "", "a\nb", "ab\n", "a\u2028b", "a\u0085b"]),
        (r"^(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$", ["123456789012", "ou-abcd-12345678"], ["x123456789012", "1234567890123"]),
        (r"[\p{Upper}\p{Digit}_]+", ["A9_"], ["a", "É", "٩"]),
        (r"[\p{Graph}\x20]*", ["a b~"], ["é", "\t", "\x7f"]),
        (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", ["my-name"], ["my--name", "-a", "a"]),
        (r"((/[A-Za-z0-9\.,\+@=_-]+)*)/", ["/", "/a/b/"], ["", "a/", "/a", "//"]),
        (r"[a-zA-Z0-9-_]+", ["a-_"], ["a+"]),
        (r"[!$-;=@-\[\]_a-z~]+", ["$%;=@A[]_~"], ["<", "\\", "#"]),
    ],
)
def test_a_pattern_means_what_it_means_in_java(java: str, yes: list[str], no: list[str]) -> None:
    match = matcher(translate(java))
    assert [text for text in yes if not match(text)] == []
    assert [text for text in no if match(text)] == []


@pytest.mark.parametrize("java", [r"[\s\S]*", r"[\S\s]*", r"(?s).*"])
def test_what_matches_everything_is_not_run(java: str) -> None:
    assert translate(java) == ""


@pytest.mark.parametrize("java", [r"\p{IsGreek}", r"[a[b]]", r"[a&&b]", r"\Qa\E", r"[z-a]", r"\u12"])
def test_what_has_no_counterpart_is_not_guessed(java: str) -> None:
    with pytest.raises(Untranslatable):
        translate(java)


def test_no_pattern_of_the_models_was_dropped() -> None:
    with_pattern = [shape for shape in SHAPES if "pattern" in shape]
    assert len(with_pattern) > 500
    for shape in with_pattern:
        match = shape.get("match", shape["pattern"])
        assert match == pattern_of(shape["pattern"])
        matcher(match)


def test_no_pattern_leaves_letters_digits_and_ends_to_python() -> None:
    for java in JAVA:
        assert not re.search(r"\\[wdWD$]|(?<!\\)\$", pattern_of(java).replace("\\$", ""))


def test_h66_no_pattern_takes_more_than_linear_time() -> None:
    longest = {java: max(shape.get("max", 10**9) for shape in SHAPES if shape.get("pattern") == java) for java in JAVA}
    left = [java for java in JAVA if java not in ANEW and longest[java] > SHORT and pattern_of(java) and grows(pattern_of(java))]
    assert left == []


@pytest.mark.parametrize("java", [r"(a+)+b", r"(a|ab|b)*c", r"a*a*b", r".*x.*y", r"(a*b*)*c", r"[ab]+[bc]+"])
def test_what_grows_is_seen(java: str) -> None:
    assert grows(translate(java))


@pytest.mark.parametrize("java", [r"a*b*c", r"(a|b)*c", r"(/[a-z]+)*/", r"a{1,100}b{1,100}", r"(ab)*a?", r"[a-z]+(-[a-z]+)*"])
def test_what_does_not_grow_is_let_be(java: str) -> None:
    assert not grows(translate(java))


PIECES = st.sampled_from([
    ":", "a", "1", "0", ".", "@", "{", "}", "#", "##", "{##", "##}", "{####}", "\n", " ", "é", "/", "arn:aws", "-x", ":rolesanywhere",
    ":iam", "crl/",
    ":crl/", ":alias/crl/", ":role", ":profile/", ":alias/profile/", ":trust-anchor", ":trust-anchor/", ":alias/trust-anchor/",
    "organizations", "arn:aws:organizations::", "01234567-0123-0123-0123-0123456789ab",
])  # fmt: skip


@pytest.mark.parametrize("java", ANEW)
def test_a_rewriting_means_the_same(java: str) -> None:
    direct, rewritten = matcher(translate(java)), matcher(pattern_of(java))

    @given(st.lists(PIECES, max_size=9).map("".join))
    def check(text: str) -> None:
        assert bool(direct(text)) == bool(rewritten(text))
        for start in ("arn:aws:rolesanywhere", "arn:aws-x:rolesanywhere:", "arn:aws:iam:", "arn:aws:organizations::"):
            assert bool(direct(start + text)) == bool(rewritten(start + text))

    check()


def test_no_rewriting_is_left_over() -> None:
    assert set(REWRITTEN) <= set(JAVA)
