from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from daypass.services.iam.simulate_positions import statement_places


def cut(text: str) -> list[str]:
    """The texts between the places that are told."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    return [
        text[starts[start.line - 1] + start.column - 1 : starts[end.line - 1] + end.column - 1] for start, end in statement_places(text)
    ]


def test_one_statement_or_a_list() -> None:
    one = '{"Effect": "Allow"}'
    assert cut(f'{{"Version": "2012-10-17", "Statement": {one}}}') == [one]
    assert cut(f'{{"Statement":[{one} ,\r\n\t{one}]\n,"Id":"x"}}') == [one, one]
    assert cut(f' \n{{ "Id" : "a\\"Statement\\": {{" , "Statement" :\n[\n{one}\n]\n}}\n') == [one]


@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.one_of(st.text(), st.lists(st.text(), max_size=2)), max_size=3), min_size=1, max_size=4
    ),
    st.sampled_from([None, 1, "\t"]),
    st.sampled_from(["", " ", "\n  ", "\r\n"]),
    st.text(),
    st.booleans(),
)
def test_what_stands_there_is_the_statement(
    statements: list[dict[str, object]], indent: int | str | None, around: str, name: str, ascii_only: bool
) -> None:
    document = {"Id": name, "Statement": statements, "Version": "2012-10-17"}
    text = around + json.dumps(document, indent=indent, ensure_ascii=ascii_only) + around
    assert [json.loads(part) for part in cut(text)] == statements
