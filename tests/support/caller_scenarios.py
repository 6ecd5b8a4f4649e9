"""What a citizen's phone does: it calls, presses keys, speaks, and hangs up when it is told to.

A scenario is written as text from a few steps; SIPp's own exit code tells whether the call went as the steps say.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from support.sip_messages import END, HANG_UP, PRESS, VOICE_CAPTURE, request, scenario, until_bye

VOICE, HUSH = "voice", "hush"
"""Steps of a caller who speaks: for seven seconds, or not at all for as long on an open line."""
_KEY_CAPTURE: Final = "/usr/share/sip-tester/dtmf_2833_{}.pcap"
_KEY_NAMES: Final = {"*": "star", "#": "pound"}
_HEAD, _PACKET_HEAD, _FRAME_HEADS = 24, 16, 14 + 20 + 8
"""Bytes of a capture before its packets, before each, and of each before RTP: Ethernet, IPv4, UDP."""
_RTP_HEAD: Final = 12


def _packets(capture: bytes) -> Iterator[tuple[int, int]]:
    """Where the RTP of each packet begins and where it ends."""
    at = _HEAD
    while at < len(capture):
        (length,) = struct.unpack_from("<I", capture, at + 8)
        at += _PACKET_HEAD
        yield at + _FRAME_HEADS, at + length
        at += length


def _later(recorded: bytes, nth: int) -> bytes:
    """The capture of a key as the `nth` of a call: with numbers and times of RTP behind those of the ones before, for
    Asterisk takes a second recorded one for the first again."""
    made = bytearray(recorded)
    packets = [begin + 2 for begin, _ in _packets(recorded)]
    first, start = struct.unpack_from("!HI", made, packets[0])
    for at in packets:
        number, moment = struct.unpack_from("!HI", made, at)
        later = number - first + 1000 * (nth + 1), moment - start + 80_000 * (nth + 1)
        struct.pack_into("!HI", made, at, *later)
    return bytes(made)


def _hushed(recorded: bytes) -> bytes:
    """A capture of a voice in A-law with nothing to be heard in it: a line that is open while nobody speaks."""
    made = bytearray(recorded)
    for begin, end in _packets(recorded):
        sound = begin + _RTP_HEAD
        made[sound:end] = b"\xd5" * (end - sound)
    return bytes(made)


def _played(capture: str | Path) -> str:
    return f'<nop><action><exec play_pcap_audio="{capture}"/></action></nop>\n'


def _pressed(key: str, nth: int, folder: Path) -> str:
    """RFC 2833."""
    name = _KEY_NAMES.get(key, key)
    capture = folder / f"{nth}{name}.pcap"
    capture.write_bytes(_later(Path(_KEY_CAPTURE.format(name)).read_bytes(), nth))
    return _played(capture)


def _told_by_info(key: str, cseq: int) -> str:
    body = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\nDuration=160\n"
    info = request("INFO", cseq).replace("Content-Length: 0\n\n", body)
    return info + '<recv response="200"></recv>\n'


def _calls(extra: str = "") -> str:
    """Until the other side has answered."""
    ringing = "".join(
        f'<recv response="{code}" optional="true"></recv>\n' for code in ("100", "180", "183", "181")
    )
    return (
        request("INVITE", 1, to_tag=False, sdp=True, extra=extra)
        + ringing
        + '<recv response="200" rrs="true" rtd="true"></recv>\n'
        + request("ACK", 1)
    )


def _when_told(milliseconds: int) -> str:
    """Waits for the word to do the next thing; goes on at until_bye's labels if the call ends before."""
    waits = f'timeout="{milliseconds}" ontimeout="ours"'
    return (
        f'<recv request="{HANG_UP}" optional="true" next="ours" {waits}></recv>\n'
        '<recv request="BYE" optional="true" next="theirs"></recv>\n'
        f'<recv request="{PRESS}" {waits}></recv>\n'
    )


def caller_scenario(
    stay: float, key: str = "", extra: str = "", *, keys_in: Path = Path(), by_info: bool = False
) -> str:
    """Calls, and hangs up when told to, or after `stay` seconds, if the other side did not.

    `key`: one or several, each pressed when told to, by RFC 2833 (`keys_in`: a folder for their captures) or `by_info`,
    SIP INFO, from a phone that knows nothing else. `extra`: header lines of the INVITE, each with its line end.
    """
    steps = _calls(extra)
    if by_info:
        steps = re.sub(r" 101\n|a=\w+:101 .*\n", lambda found: "\n" if found[0] == " 101\n" else "", steps)
    milliseconds = round(stay * 1000)
    for nth, one in enumerate(key):
        steps += _when_told(milliseconds)
        steps += _told_by_info(one, nth + 2) if by_info else _pressed(one, nth, keys_in)
    bye = request("BYE", 2 + len(key))
    return scenario("citizen", steps + until_bye(milliseconds, bye, HANG_UP) + END)


def speaking_caller_scenario(steps: Sequence[str], stay: float, *, sounds_in: Path) -> str:
    """Calls, and does one of `steps` each time it is told to (Sipp.press): VOICE, HUSH, anything else is a key, sent by
    SIP INFO. Else as caller_scenario."""
    hushed = sounds_in / "hushed.pcap"
    hushed.write_bytes(_hushed(Path(VOICE_CAPTURE).read_bytes()))
    sounds = {VOICE: _played(VOICE_CAPTURE), HUSH: _played(hushed)}
    milliseconds = round(stay * 1000)
    made = _calls()
    for cseq, step in enumerate(steps, 2):
        made += _when_told(milliseconds)
        made += sounds.get(step) or _told_by_info(step, cseq)
    bye = request("BYE", len(steps) + 2)
    return scenario("citizen", made + until_bye(milliseconds, bye, HANG_UP) + END)
