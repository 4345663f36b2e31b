"""YAML in which nothing is passed over."""

import pytest

from hdray.config.document import read_document
from hdray.errors import UserError


def test_what_stands_there_is_read() -> None:
    assert read_document(b"a: &a {b: 1, c: [{b: 2}]}\nd: {<<: *a, b: 3}", "file") == {
        "a": {"b": 1, "c": [{"b": 2}]},
        "d": {"b": 3, "c": [{"b": 2}]},
    }
    assert read_document(b"", "file") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("set: {a: 1}\ntitle: b\nset: {c: 2}", r"file holds set twice \(lines 1 and 3\), and only the last"),
        ("fit:\n  steps: 1\n  steps: 2", r"file holds steps twice \(lines 2 and 3\)"),
        ("- {a: 1, a: 1}", r"file holds a twice \(lines 1 and 1\)"),
        ("a: [", "file is not YAML"),
    ],
)
def test_what_is_said_twice_is_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read_document(text.encode(), "file")
