"""Telephones for tests: SIPp plays the citizens and the agents, each a process with limits of its own.

A scenario is written as text from a few steps; SIPp's own exit code tells whether the call went as the steps say.
"""

import re
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.sipp import HOST, Sipp, free_port, run_sipp

_PCAP = "/usr/share/sip-tester/dtmf_2833_{}.pcap"
_VOICE = "/usr/share/sip-tester/g711a.pcap"
_VOICE_MILLISECONDS = 7100
_PCAP_NAMES = {"*": "star", "#": "pound"}
_PCAP_HEAD, _PACKET_HEAD, _FRAME_HEADS = 24, 16, 14 + 20 + 8
"""Bytes of a capture before its packets, before each, and of each before RTP: Ethernet, IPv4, UDP."""

_SDP = """v=0
o=phone 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
"""

_SAME = "[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n"
_CONTACT = "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>\n"


def _send(text: str, *, retrans: bool = False) -> str:
    attribute = ' retrans="500"' if retrans else ""
    return f"<send{attribute}><![CDATA[\n{text}\n]]></send>\n"


def _answer(code: str, *, tag: bool = True, sdp: bool = False, retrans: bool = False) -> str:
    head = f"SIP/2.0 {code}\n" + _SAME.format(tag=";tag=[pid]T[call_number]" if tag else "") + _CONTACT
    body = (
        f"Content-Type: application/sdp\nContent-Length: [len]\n\n{_SDP}" if sdp else "Content-Length: 0\n\n"
    )
    return _send(head + body, retrans=retrans)


def _request(method: str, cseq: int, *, to_tag: bool = True, sdp: bool = False, extra: str = "") -> str:
    to = "[peer_tag_param]" if to_tag else ""
    routes = "[routes]\n" if to_tag else ""
    head = (
        f"{method} sip:[field1]@[remote_ip]:[remote_port] SIP/2.0\n"
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        f"{routes}From: [field0];tag=[pid]C[call_number]\n"
        f"To: <sip:[field1]@[remote_ip]:[remote_port]>{to}\n"
        f"Call-ID: [call_id]\nCSeq: {cseq} {method}\n{_CONTACT}Max-Forwards: 70\n{extra}"
    )
    body = (
        f"Content-Type: application/sdp\nContent-Length: [len]\n\n{_SDP}" if sdp else "Content-Length: 0\n\n"
    )
    return _send(head + body, retrans=method != "ACK")


HANG_UP, PRESS = "MESSAGE", "PUBLISH"
"""SIP requests that nobody sends but a story itself: what it tells a caller's phone to do (Sipp.tell)."""


def _until_bye(milliseconds: int, hang_up: str, told: str = "") -> str:
    """Talk until the other side hangs up, or hang up ourselves after so long or when `told`. Goes on at _END."""
    waits = f'timeout="{max(1, milliseconds)}" ontimeout="ours"'
    steps = f'<recv request="{told}" optional="true" next="ours" {waits}></recv>\n' if told else ""
    return (
        f'{steps}<recv request="BYE" {waits}></recv>\n<label id="theirs"/>\n'
        + _answer("200 OK", tag=False)
        + '<nop next="end"></nop>\n<label id="ours"/>\n'
        + hang_up
        + (f'<recv request="{told}" optional="true"></recv>\n' if told else "")
        + '<recv response="200"></recv>\n'
    )


_END = '<label id="end"/>\n<nop></nop>\n'


def _scenario(name: str, steps: str) -> str:
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{name}">\n{steps}</scenario>\n'


def _later(recorded: bytes, nth: int) -> bytes:
    """The capture of a key as the `nth` of a call: with numbers and times of RTP behind those of the ones before, for
    Asterisk takes a second recorded one for the first again."""
    made, at = bytearray(recorded), _PCAP_HEAD
    first, begin = struct.unpack_from("!HI", made, at + _PACKET_HEAD + _FRAME_HEADS + 2)
    while at < len(made):
        (length,) = struct.unpack_from("<I", made, at + 8)
        rtp = at + _PACKET_HEAD + _FRAME_HEADS + 2
        number, moment = struct.unpack_from("!HI", made, rtp)
        struct.pack_into(
            "!HI", made, rtp, number - first + 1000 * (nth + 1), moment - begin + 80_000 * (nth + 1)
        )
        at += _PACKET_HEAD + length
    return bytes(made)


def _pressed(key: str, nth: int, folder: Path) -> str:
    """RFC 2833."""
    pcap = folder / f"{nth}{_PCAP_NAMES.get(key, key)}.pcap"
    pcap.write_bytes(_later(Path(_PCAP.format(_PCAP_NAMES.get(key, key))).read_bytes(), nth))
    return f'<nop><action><exec play_pcap_audio="{pcap}"/></action></nop>\n'


def _told_by_info(key: str, nth: int) -> str:
    info = _request("INFO", 2 + nth, extra="Content-Type: application/dtmf-relay\n")
    body = f"Content-Length: [len]\n\nSignal={key}\nDuration=160\n"
    return info.replace("Content-Length: 0\n\n", body) + '<recv response="200"></recv>\n'


def caller_scenario(
    stay: float, key: str = "", extra: str = "", *, keys_in: Path = Path(), by_info: bool = False
) -> str:
    """Calls, and hangs up when told to, or after `stay` seconds, if the other side did not.

    `key`: one or several, each pressed when told to, by RFC 2833 (`keys_in`: a folder for their captures) or `by_info`,
    SIP INFO, from a phone that knows nothing else. `extra`: header lines of the INVITE, each with its line end.
    """
    steps = _request("INVITE", 1, to_tag=False, sdp=True, extra=extra)
    if by_info:
        steps = re.sub(r" 101\n|a=\w+:101 .*\n", lambda found: "\n" if found[0] == " 101\n" else "", steps)
    for code in ("100", "180", "183", "181"):
        steps += f'<recv response="{code}" optional="true"></recv>\n'
    steps += '<recv response="200" rrs="true" rtd="true"></recv>\n' + _request("ACK", 1)
    milliseconds = round(stay * 1000)
    for nth, one in enumerate(key):
        steps += (
            f'<recv request="{HANG_UP}" optional="true" next="ours" timeout="{milliseconds}" ontimeout="ours"></recv>\n'
            '<recv request="BYE" optional="true" next="theirs"></recv>\n'
            f'<recv request="{PRESS}" timeout="{milliseconds}" ontimeout="ours"></recv>\n'
        )
        steps += _told_by_info(one, nth) if by_info else _pressed(one, nth, keys_in)
    bye = _request("BYE", 2 + len(key))
    return _scenario("citizen", steps + _until_bye(milliseconds, bye, HANG_UP) + _END)


def _hushed(recorded: bytes) -> bytes:
    """A capture of a voice in A-law with nothing to be heard in it: a line that is open while nobody speaks."""
    made, at, rtp = bytearray(recorded), _PCAP_HEAD, _FRAME_HEADS + 12
    while at < len(made):
        (length,) = struct.unpack_from("<I", made, at + 8)
        sound = at + _PACKET_HEAD + rtp
        made[sound : at + _PACKET_HEAD + length] = b"\xd5" * (length - rtp)
        at += _PACKET_HEAD + length
    return bytes(made)


def speaking_caller_scenario(steps: Sequence[str], stay: float, *, sounds_in: Path) -> str:
    """Calls, and does one of `steps` each time it is told to (Sipp.press): VOICE speaks for seven seconds, HUSH keeps silent
    for as long on an open line, anything else is a key, sent by SIP INFO. Else as caller_scenario."""
    hushed = sounds_in / "hushed.pcap"
    hushed.write_bytes(_hushed(Path(_VOICE).read_bytes()))
    milliseconds = round(stay * 1000)
    made = _request("INVITE", 1, to_tag=False, sdp=True)
    for code in ("100", "180", "183", "181"):
        made += f'<recv response="{code}" optional="true"></recv>\n'
    made += '<recv response="200" rrs="true" rtd="true"></recv>\n' + _request("ACK", 1)
    for cseq, step in enumerate(steps, 2):
        made += (
            f'<recv request="{HANG_UP}" optional="true" next="ours"></recv>\n'
            '<recv request="BYE" optional="true" next="theirs"></recv>\n'
            f'<recv request="{PRESS}" timeout="{milliseconds}" ontimeout="ours"></recv>\n'
        )
        if step in (VOICE, HUSH):
            sound = _VOICE if step == VOICE else str(hushed)
            made += f'<nop><action><exec play_pcap_audio="{sound}"/></action></nop>\n'
        else:
            made += _info(step, cseq) + '<recv response="200"></recv>\n'
    bye = _request("BYE", len(steps) + 2)
    return _scenario("citizen", made + _until_bye(milliseconds, bye, HANG_UP) + _END)


VOICE, HUSH = "voice", "hush"


def _info(key: str, cseq: int) -> str:
    body = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\nDuration=160\n"
    return _request("INFO", cseq).replace("Content-Length: 0\n\n", body)


_BYE_OF_PHONE = _send(
    "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
    "From:[$own]\nTo:[$peer]\nCall-ID: [call_id]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n",
    retrans=True,
)
_REMEMBER = (
    "<action>"
    '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>'
    '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="peer"/>'
    '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>'
    "</action>"
)


_VARIABLES = '<Reference variables="cseq,peer,to"/>\n'  # SIPp refuses unused ones


def _cancelled(label: str, ring: float) -> str:
    """Rings; a CANCEL ends the ringing, as on any phone. Goes on at `label` when it rang for so long."""
    steps = f'<recv request="CANCEL" timeout="{max(1, round(ring * 1000))}" ontimeout="{label}"></recv>\n'
    steps += _answer("200 OK", tag=False)
    steps += _send(
        "SIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]T[call_number]\n"
        "[last_Call-ID:]\nCSeq:[$cseq]\nContent-Length: 0\n\n"
    )
    return steps + f'<recv request="ACK"></recv>\n<nop next="end"></nop>\n<label id="{label}"/>\n'


_SPEAKS = (
    f'<label id="voice"/>\n<nop><action><exec play_pcap_audio="{_VOICE}"/></action></nop>\n'
    f'<recv request="BYE" timeout="{_VOICE_MILLISECONDS}" ontimeout="voice"></recv>\n'
    + _answer("200 OK", tag=False)
)
"""A voice, again and again, until the other side hangs up."""


def _answered(then: str, talk: float, sound: bool = False) -> str:
    # after the timeout nothing was received since INVITE, so the last_ headers are still its own
    steps = _answer(then, sdp=True, retrans=True) + '<recv request="ACK"></recv>\n'
    if sound:
        return steps + _SPEAKS
    own = _BYE_OF_PHONE.replace("[$own]", "[$to];tag=[pid]T[call_number]")
    return steps + _until_bye(round(talk * 1000), own)


def _refused(then: str) -> str:
    return _answer(then, retrans=True) + '<recv request="ACK"></recv>\n'


_UNTIL_A_SECOND_BEGINS = (
    '<nop><action><gettimeofday assign_to="seconds,part"/><divide assign_to="part" value="1000"/>'
    '<assign assign_to="rest" value="1050"/><subtract assign_to="rest" variable="part"/></action></nop>\n'
    '<pause variable="rest"/>\n<Reference variables="seconds"/>\n'
)


def phone_scenario(
    ring: float, then: str, talk: float = 3600, *, early_in_a_second: bool = False, sound: bool = False
) -> str:
    """Rings for `ring` seconds, then `then`: "200 OK" talks for `talk` seconds, "486 Busy Here" and the like refuse.

    `early_in_a_second`: by the clock of this machine, so that a short talk lies in one of its seconds. `sound`: it
    sends a voice, and never hangs up by itself; the others send nothing at all.
    """
    steps = f'<recv request="INVITE" rrs="true">{_REMEMBER}</recv>\n' + _answer("180 Ringing")
    steps += _cancelled("then", ring) + (_UNTIL_A_SECOND_BEGINS if early_in_a_second else "")
    steps += _answered(then, talk, sound) if then.startswith("200") else _refused(then)
    return _scenario("phone", steps + _END + _VARIABLES)


RINGS_OUT, SPEAKS_EARLY, IS_SILENT = "rings out", "speaks before it answers", "is silent"
CITIZENS = {
    "139": "200 OK",
    "138": "486 Busy Here",
    "137": RINGS_OUT,
    "136": "404 Not Found",
    "135": "603 Decline",
    "134": "503 Service Unavailable",
    "133": "480 Temporarily Unavailable",
    "132": IS_SILENT,
    "131": SPEAKS_EARLY,
}
"""How the citizens' phones treat our calls, by the first digits of their numbers."""


def citizens_scenario(ring: float = 0.3, talk: float = 4) -> str:
    """All citizens behind one trunk. Who answers hangs up after `talk` seconds; IS_SILENT never replies at all,
    SPEAKS_EARLY tells by 183 alone that there is sound: so carriers say that a phone is switched off."""
    remember = _REMEMBER.replace(
        "<action>",
        '<action><ereg regexp="sip:(1[0-9][0-9])" search_in="hdr" header="To:" assign_to="whole,kind"/>',
    )
    steps = f'<recv request="INVITE" rrs="true">{remember}</recv>\n'
    for start in CITIZENS:
        steps += (
            f'<nop><action><strcmp assign_to="differs" variable="kind" value="{start}"/>'
            f'<test assign_to="is{start}" variable="differs" compare="equal" value="0"/></action></nop>\n'
            f'<nop next="c{start}" test="is{start}"></nop>\n'
        )
    for start, then in CITIZENS.items():
        steps += f'<nop next="end"></nop>\n<label id="c{start}"/>\n'
        if then == IS_SILENT:
            steps += '<pause milliseconds="12000"/>\n'
        elif then == RINGS_OUT:
            steps += _answer("180 Ringing") + _cancelled(f"then{start}", 60)
        elif then == SPEAKS_EARLY:
            steps += _answer("183 Session Progress", sdp=True) + _cancelled(f"then{start}", 60)
        elif then.startswith("200"):
            steps += _answer("180 Ringing") + _cancelled(f"then{start}", ring) + _answered(then, talk)
        else:
            steps += _refused(then)
    unused = '<Reference variables="whole"/>\n'
    return _scenario("citizens", steps + _END + _VARIABLES + unused)


REGISTER = _scenario(
    "register",
    "".join(
        _send(
            "REGISTER sip:[remote_ip]:[remote_port] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
            "From: <sip:[field0]@[remote_ip]>;tag=[pid]R[call_number]\nTo: <sip:[field0]@[remote_ip]>\nCall-ID: [call_id]\n"
            f"CSeq: {cseq} REGISTER\nContact: <sip:[field0]@[local_ip]:[local_port]>\n{auth}Max-Forwards: 70\nExpires: 3600\n"
            "Content-Length: 0\n\n",
            retrans=True,
        )
        + receive
        for cseq, auth, receive in (
            (1, "", '<recv response="401" auth="true"></recv>\n'),
            (2, "[field1]\n", '<recv response="200"></recv>\n'),
        )
    ),
)

FEATURE_CODE = _scenario(
    "agent dials a code",
    _request("INVITE", 1, to_tag=False, sdp=True)
    + '<recv response="401" auth="true"></recv>\n'
    + _request("ACK", 1)
    + _request("INVITE", 2, to_tag=False, sdp=True, extra="[field2]\n")
    + '<recv response="100" optional="true"></recv>\n<recv response="180" optional="true"></recv>\n'
    + '<recv response="183" optional="true"></recv>\n<recv response="200" rrs="true"></recv>\n'
    + _request("ACK", 2)
    + '<recv request="BYE" timeout="15000"></recv>\n'
    + _answer("200 OK", tag=False),
)


def refused_with(code: str) -> str:
    """An INVITE that must be refused so at once."""
    refusal = f'<recv response="100" optional="true"></recv>\n<recv response="{code}"></recv>\n'
    return _scenario("refused", _request("INVITE", 1, to_tag=False, sdp=True) + refusal + _request("ACK", 1))


def agent_invites(code: str) -> str:
    """An INVITE that is challenged, sent again with field2, and then refused with `code`."""
    steps = (
        _request("INVITE", 1, to_tag=False, sdp=True)
        + '<recv response="401" auth="true"></recv>\n'
        + _request("ACK", 1)
    )
    steps += _request("INVITE", 2, to_tag=False, sdp=True, extra="[field2]\n")
    steps += f'<recv response="100" optional="true"></recv>\n<recv response="{code}"></recv>\n' + _request(
        "ACK", 2
    )
    return _scenario("agent dials", steps)


@dataclass
class Telephones:
    """All phones of one test; `stop_all` ends what still runs."""

    sip_port: int
    running: list[Sipp] = field(default_factory=list)
    _captures: list[tempfile.TemporaryDirectory[str]] = field(default_factory=list)

    def call(
        self,
        number: str,
        called: str = "12345",
        *,
        stay: float = 30,
        key: str = "",
        by_info: bool = False,
        from_header: str | None = None,
        extra: str = "",
        calls: int = 1,
        rate: float = 1,
        echoes: bool = False,
    ) -> Sipp:
        """A citizen calls and stays until hung up or told to hang up, at most `stay` seconds.

        `key`: one or several, the next one pressed when the phone is told to; `by_info`: by SIP INFO. `echoes`: says again
        whatever he hears.
        """
        who = from_header or f"<sip:{number}@{HOST}>"
        scenario = caller_scenario(
            stay, key, extra, keys_in=self._folder() if key else Path(), by_info=by_info
        )
        return self._start(
            scenario,
            [f"{who};{called};"],
            limit=stay + 20 + calls / rate,
            calls=calls,
            rate=rate,
            echoes=echoes,
        )

    def speaking_call(self, number: str, called: str, steps: Sequence[str], *, stay: float = 90) -> Sipp:
        """A citizen who speaks and presses keys, each step when he is told to."""
        rows = [f"<sip:{number}@{HOST}>;{called};"]
        scenario = speaking_caller_scenario(steps, stay, sounds_in=self._folder())
        return self._start(scenario, rows, limit=stay + 20, calls=1, rate=1)

    def many_calls(self, numbers: Sequence[str], called: str, *, rate: float, stay: float) -> Sipp:
        """Each of `numbers` calls once, so many per second."""
        rows = [f"<sip:{number}@{HOST}>;{called};" for number in numbers]
        limit = len(numbers) / rate + stay + 30
        return self._start(caller_scenario(stay), rows, limit=limit, calls=len(numbers), rate=rate)

    def citizens(self, port: int) -> Sipp:
        """Every citizen's phone, behind the trunk that dials out to `port`; see CITIZENS."""
        phone = run_sipp(citizens_scenario(), port=port, calls=100_000, limit=1200)
        self.running.append(phone)
        return phone

    def answer(
        self,
        port: int,
        *,
        ring: float = 0.3,
        then: str = "200 OK",
        talk: float = 3600,
        calls: int = 1000,
        early_in_a_second: bool = False,
        sound: bool = False,
        limit: float = 300,
    ) -> Sipp:
        """A phone on `port` that treats every call so, and is switched off after `limit` seconds at the latest."""
        scenario = phone_scenario(ring, then, talk, early_in_a_second=early_in_a_second, sound=sound)
        phone = run_sipp(scenario, port=port, calls=calls, limit=limit)
        self.running.append(phone)
        return phone

    def register(self, agent_no: str, secret: str, port: int) -> None:
        """The agent's desk phone on `port` registers; raises if Asterisk refuses. As phones do it tries again: on a
        loaded machine a right answer was refused now and then (likely the account was being written anew at that moment)."""
        row = f"agent-{agent_no};[authentication username=agent-{agent_no} password={secret}];"
        errors = ""
        for _ in range(3):
            phone = run_sipp(REGISTER, port=port, remote=f"{HOST}:{self.sip_port}", rows=[row], limit=10)
            code, errors = phone.wait(15), phone.errors
            phone.stop()
            if code == 0:
                return
        raise AssertionError(f"agent {agent_no} could not register: {errors}")

    def dial_code(self, agent_no: str, secret: str, code: str) -> None:
        """The agent dials a feature code and listens to the answer."""
        row = f"<sip:agent-{agent_no}@{HOST}>;{code};[authentication username=agent-{agent_no} password={secret}];"
        phone = run_sipp(
            FEATURE_CODE, port=free_port(), remote=f"{HOST}:{self.sip_port}", rows=[row], limit=25
        )
        result, errors = phone.wait(30), phone.errors
        phone.stop()
        assert result == 0, f"dialling {code} failed: {errors}"

    def _start(
        self, scenario: str, rows: list[str], *, limit: float, calls: int, rate: float, echoes: bool = False
    ) -> Sipp:
        phone = run_sipp(
            scenario,
            port=free_port(),
            remote=f"{HOST}:{self.sip_port}",
            rows=rows,
            limit=limit,
            calls=calls,
            rate=rate,
            echoes=echoes,
        )
        self.running.append(phone)
        return phone

    def stop_all(self) -> None:
        for phone in self.running:
            phone.stop()
        self.running.clear()
        for folder in self._captures:
            folder.cleanup()
        self._captures.clear()

    def _folder(self) -> Path:
        self._captures.append(tempfile.TemporaryDirectory(prefix="keys-"))
        return Path(self._captures[-1].name)
