"""What a config file means, value by value, and where each stands."""

import pytest

from ivr.config_files.reader import read


def values(text):
    document = read("x.yaml", text.encode())
    assert document.problems == []
    return document.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12345", 12345),
        ("0355", "0355"),
        ("00", "00"),
        ("0", 0),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("21:30", "21:30"),
        ("21:30-08:00", "21:30-08:00"),
        ("30m", "30m"),
        ("2026-11-23", "2026-11-23"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('"12345"', "12345"),
        ("'true'", "true"),
        ('""', ""),
        (".inf", float("inf")),
        ("1[3-9]XXXXXXXXX", "1[3-9]XXXXXXXXX"),
        ("9" * 30, "9" * 30),
        ("<<", "<<"),
    ],
)
def test_bare_words_follow_yaml_1_2(written, value):
    found = values(f"key: {written}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_always_text():
    assert list(values("1: a\ntrue: b\n0355: c\n2026-01-01: d")) == ["1", "true", "0355", "2026-01-01"]


def test_places_are_remembered():
    document = read("x.yaml", "# first\na:\n  - b: 1\n  - {c: 电话, d: 2}\n".encode())
    assert document.place(("a", 1, "d")) == (4, 16)
    assert document.key_place(("a", 1, "d")) == (4, 13)
    assert document.place(("a", 0, "b", "missing", "deeper")) == (3, 8)
    assert document.as_written[("a", 0, "b")] == "1"


def test_texts_over_several_lines():
    assert values("a: >-\n  one\n  two\nb: |\n  one\n  two\n") == {"a": "one two", "b": "one\ntwo\n"}


def test_a_byte_order_mark_is_passed_over():
    assert read("x.yaml", b"\xef\xbb\xbfa: 1\n").value == {"a": 1}


def test_windows_line_ends():
    document = read("x.yaml", b"a: 1\r\nb: 2\r\n")
    assert document.value == {"a": 1, "b": 2}
    assert document.place(("b",)) == (2, 4)


def test_all_repeated_keys_are_told_and_the_first_counts():
    document = read("x.yaml", b"a: 1\na: {x: [1, 2]}\nb: 1\na: 3\n")
    assert [(p.line, p.path) for p in document.problems] == [(2, ("a",)), (4, ("a",))]
    assert document.value == {"a": 1, "b": 1}
