"""Lines for which Asterisk 22 was seen to leave a whole file unread while its console said that all went well."""

import pytest

from ivr.telephony.asterisk_syntax import unread

UNREAD = [
    ("[q-a]\n[unclosed\nfoo = bar\n", (2, "no closing ']'")),
    ("[q-d](!\nx = 1\n", (1, "no closing ')'")),
    ("[a]\n[x](no-such)\nfoo = bar\n", (2, "no section [no-such] stands before it")),
    ("[a]\n[b](+)\n", (2, "no section [b] stands before it")),
    ("x = 1\n[a]\n", (1, "it stands before the first [section]")),
    (";-- a\n[b --;\n\n[c", (4, "no closing ']'")),
]
READ = [
    "",
    "[a](!)\nx = 1\n[b](a)\n[b](+)\n[c](a,b)\ny => 2\n",
    "[q-c]\nabc\n#nonsense\n",
    "#include other.conf\n[a]\n",
    "; [x\n[a] ; [y\nstrategy = ringall ; [z\n;-- [never --; x = 1\n;-- never closed\n[q-e",
    "[a]\n\\;[ = 1\n[q-h] trailing\n  [q-g]\n",
    ";--- a line of dashes [x\n[a]\n",
]


@pytest.mark.parametrize(("text", "told"), UNREAD)
def test_a_file_that_would_not_be_read_is_told_with_its_line(text: str, told: tuple[int, str]) -> None:
    assert unread(text) == told


@pytest.mark.parametrize("text", READ)
def test_what_asterisk_reads_is_let_through(text: str) -> None:
    assert unread(text) is None
