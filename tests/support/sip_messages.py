"""SIP in the words of a SIPp scenario: the requests and answers of which the telephones of tests are made."""

from typing import Final

VOICE_CAPTURE: Final = "/usr/share/sip-tester/g711a.pcap"
"""Seven seconds of a voice, which comes with SIPp."""
VOICE_MILLISECONDS: Final = 7100
HANG_UP, PRESS = "MESSAGE", "PUBLISH"
"""SIP requests that nobody sends but a story itself: what it tells a caller's phone to do (Sipp.tell)."""
END: Final = '<label id="end"/>\n<nop></nop>\n'
_SDP: Final = """v=0
o=phone 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
"""
_SAME: Final = "[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n"
_CONTACT: Final = "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>\n"


def send(text: str, *, retrans: bool = False) -> str:
    attribute = ' retrans="500"' if retrans else ""
    return f"<send{attribute}><![CDATA[\n{text}\n]]></send>\n"


def _body(sdp: bool) -> str:
    return (
        f"Content-Type: application/sdp\nContent-Length: [len]\n\n{_SDP}" if sdp else "Content-Length: 0\n\n"
    )


def answer(code: str, *, tag: bool = True, sdp: bool = False, retrans: bool = False) -> str:
    head = f"SIP/2.0 {code}\n" + _SAME.format(tag=";tag=[pid]T[call_number]" if tag else "") + _CONTACT
    return send(head + _body(sdp), retrans=retrans)


def request(method: str, cseq: int, *, to_tag: bool = True, sdp: bool = False, extra: str = "") -> str:
    to = "[peer_tag_param]" if to_tag else ""
    routes = "[routes]\n" if to_tag else ""
    head = (
        f"{method} sip:[field1]@[remote_ip]:[remote_port] SIP/2.0\n"
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        f"{routes}From: [field0];tag=[pid]C[call_number]\n"
        f"To: <sip:[field1]@[remote_ip]:[remote_port]>{to}\n"
        f"Call-ID: [call_id]\nCSeq: {cseq} {method}\n{_CONTACT}Max-Forwards: 70\n{extra}"
    )
    return send(head + _body(sdp), retrans=method != "ACK")


def until_bye(milliseconds: int, hang_up: str, told: str = "") -> str:
    """Talk until the other side hangs up, or hang up ourselves after so long or when `told`. Goes on at END."""
    waits = f'timeout="{max(1, milliseconds)}" ontimeout="ours"'
    steps = f'<recv request="{told}" optional="true" next="ours" {waits}></recv>\n' if told else ""
    return (
        f'{steps}<recv request="BYE" {waits}></recv>\n<label id="theirs"/>\n'
        + answer("200 OK", tag=False)
        + '<nop next="end"></nop>\n<label id="ours"/>\n'
        + hang_up
        + (f'<recv request="{told}" optional="true"></recv>\n' if told else "")
        + '<recv response="200"></recv>\n'
    )


def scenario(name: str, steps: str) -> str:
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{name}">\n{steps}</scenario>\n'
