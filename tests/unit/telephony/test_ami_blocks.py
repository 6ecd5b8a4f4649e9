"""The manager interface's blocks, written so that nothing escapes and read so that nothing forged gets in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.telephony.ami_blocks import BlockReader, BlockTooLong, UnsafeAmiText, encode_action


def test_an_action_on_the_wire():
    raw = encode_action({"Action": "Originate", "Variable": ["__A=1", "__B=供暖"], "Timeout": "90000"})
    assert (
        raw.decode() == "Action: Originate\r\nVariable: __A=1\r\nVariable: __B=供暖\r\nTimeout: 90000\r\n\r\n"
    )


@pytest.mark.parametrize("value", ["a\r\nAction: Command", "a\nb", "a\rb", "a\0b", "x" * 1000])
def test_no_value_can_become_another_line(value: str):
    with pytest.raises(UnsafeAmiText):
        encode_action({"Action": "QueuePause", "Reason": value})
    with pytest.raises(UnsafeAmiText):
        encode_action({"Action": "Originate", "Variable": ["A=1", value]})


@pytest.mark.parametrize("key", ["", "A B", "A:", "A\r\nAction", "名", "1"])
def test_no_key_can_become_another_line(key: str):
    with pytest.raises(UnsafeAmiText):
        encode_action({"Action": "Ping", key: "x"})


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), min_size=1, max_size=5))
def test_whatever_is_sent_is_one_block(fields: dict[str, str]):
    try:
        raw = encode_action(fields)
    except UnsafeAmiText:
        return
    assert raw.endswith(b"\r\n\r\n")
    assert raw.count(b"\r\n\r\n") == 1
    assert raw.count(b"\n") == raw.count(b"\r") == len(fields) + 1


EVENTS = (
    "Event: AgentConnect\r\nUniqueid: test-1.1\r\nMemberName: 张三\r\nHoldTime: 3\r\n"
    "Empty: \r\nColon: a: b\r\n\r\n"
    "Event: VarSet\r\nChanVariable: a=1\r\nChanVariable: b=2\r\n\r\n"
    "Response: Success\r\nActionID: x-1\r\n\r\n"
).encode()
PARSED = [
    {
        "Event": "AgentConnect", "Uniqueid": "test-1.1", "MemberName": "张三", "HoldTime": "3",
        "Empty": "", "Colon": "a: b",
    },
    {"Event": "VarSet", "ChanVariable": "a=1\nb=2"},
    {"Response": "Success", "ActionID": "x-1"},
]  # fmt: skip


@given(st.lists(st.integers(0, len(EVENTS)), max_size=12))
def test_cuts_in_the_stream_do_not_matter(cuts: list[int]):
    reader = BlockReader()
    points = [0, *sorted(cuts), len(EVENTS)]
    pairs = itertools.pairwise(points)
    assert [dict(block) for start, end in pairs for block in reader.feed(EVENTS[start:end])] == PARSED
    assert reader.doubtful == 0


def test_a_gb18030_name_is_read():
    reader = BlockReader()
    [block] = reader.feed("Event: X\r\nCallerIDName: 王小明\r\n\r\n".encode("gb18030"))
    assert block["CallerIDName"] == "王小明"


def test_a_forged_line_makes_the_event_doubtful():
    reader = BlockReader()
    raw = b"Event: Newchannel\r\nCallerIDName: x\r\nUniqueid: forged\r\nUniqueid: test-1.1\r\n\r\n"
    assert list(reader.feed(raw)) == []
    assert reader.doubtful == 1


def test_a_line_that_is_merely_said_twice_is_no_doubt():
    """Builds with the test framework say `State:` twice in every TestEvent."""
    reader = BlockReader()
    raw = b"Event: TestEvent\r\nState: CallIDChange\r\nAppLine: 677\r\nState: CallIDChange\r\n\r\n"
    assert list(reader.feed(raw)) == [{"Event": "TestEvent", "State": "CallIDChange", "AppLine": "677"}]
    assert reader.doubtful == 0


def test_a_forged_block_stands_alone_and_what_it_tore_off_is_dropped():
    reader = BlockReader()
    raw = (
        b"Event: Newchannel\r\nChannel: PJSIP/t-1\r\nCallerIDName: x\r\n\r\n"
        b"Event: QueueCallerAbandon\r\nUniqueid: victim-1.1\r\n\r\n"
        b"ConnectedLineNum: x\r\nUniqueid: test-1.1\r\n\r\nEvent: Hangup\r\nUniqueid: test-1.1\r\n\r\n"
    )
    blocks = list(reader.feed(raw))
    assert [block["Event"] for block in blocks] == ["Newchannel", "QueueCallerAbandon", "Hangup"]
    assert "Uniqueid" not in blocks[0]
    assert reader.doubtful == 1


def test_a_block_without_end_is_refused():
    reader = BlockReader()

    def listen() -> None:
        for _ in range(100):
            list(reader.feed(b"Key: " + b"x" * 8192))

    with pytest.raises(BlockTooLong):
        listen()


@given(st.lists(st.binary(max_size=400), max_size=10))
def test_any_bytes_are_blocks_or_are_dropped(chunks: list[bytes]):
    reader = BlockReader()
    for chunk in chunks:
        for block in reader.feed(chunk):
            assert next(iter(block)) in ("Event", "Response")
