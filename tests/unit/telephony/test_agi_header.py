"""The AGI header, with everything a caller's number and name can smuggle into it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.agi_peer import header

from ivr.telephony.agi_errors import BadHeader
from ivr.telephony.agi_header import parse_header, script_of
from ivr.telephony.any_encoding import decode_any


def test_a_plain_header():
    values = parse_header(header("incoming_call", arguments=("main", "")))
    assert script_of(values) == "incoming_call"
    assert values["agi_uniqueid"] == "test-1795397954.12"
    assert values["agi_callerid"] == "13800138000"
    assert (values["agi_arg_1"], values["agi_arg_2"]) == ("main", "")


@pytest.mark.parametrize(
    ("path", "script"),
    [("incoming_call", "incoming_call"), ("/incoming_call/", "incoming_call"), ("a/b?x=1", "a/b")],
)
def test_the_path_names_the_script(path: str, script: str):
    assert script_of(parse_header(f"agi_network_script: {path}\n\n".encode())) == script


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "gbk"])
def test_a_chinese_name_is_read_in_the_encodings_that_occur(encoding: str):
    assert parse_header(header("x", name="张三的供暖".encode(encoding)))["agi_calleridname"] == "张三的供暖"


def test_no_bytes_are_too_strange():
    values = parse_header(header("x", name=b'\xff\xfe"|;\\\0\x1b[0m%0a'))
    assert values["agi_calleridname"] == 'ÿþ"|;\\\x1b[0m%0a'


def test_forged_lines_change_neither_script_nor_id_nor_context_nor_arguments():
    forged = (
        b"138\nagi_network_script: call_ended\nagi_uniqueid: other-1.1\nagi_context: internal\n"
        b"agi_threadid: 1\nagi_arg_1: forged\nagi_arg_2: forged"
    )
    values = parse_header(header("incoming_call", number=forged, name=forged, arguments=("true",)))
    assert script_of(values) == "incoming_call"
    assert values["agi_uniqueid"] == "test-1795397954.12"
    assert values["agi_context"] == "inbound"
    assert values["agi_arg_1"] == "true"
    assert "agi_arg_2" not in values


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"agi_network: yes\n\n",
        b"agi_network_script:  \n\n",
        b"\xff" * 90,
    ],
)
def test_what_names_no_script_is_no_header(raw: bytes):
    with pytest.raises(BadHeader):
        parse_header(raw)


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_header_or_are_refused(raw: bytes):
    try:
        values = parse_header(raw)
    except BadHeader:
        return
    assert values["agi_network_script"]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_caller_can_change_what_asterisk_wrote_around_him(number: bytes, name: bytes):
    values = parse_header(header("incoming_call", number=number, name=name, arguments=("a", "b")))
    assert script_of(values) == "incoming_call"
    assert values["agi_uniqueid"] == "test-1795397954.12"
    assert values["agi_extension"] == "12345"
    assert (values["agi_arg_1"], values["agi_arg_2"]) == ("a", "b")


@given(st.binary())
def test_every_byte_string_decodes(raw: bytes):
    assert isinstance(decode_any(raw), str)
