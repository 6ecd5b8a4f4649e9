"""A carrier's switch for tests: SIPp takes our registration, puts citizens' calls through to us and takes our own calls.

It has an address of its own on this machine, so that Asterisk tells it from the other trunks. Whatever digest it asks for,
it also checks.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from support.caller_scenarios import caller_scenario
from support.sipp import HOST, Sipp, free_port, run_sipp

ADDRESS: Final = "127.0.0.2"
USERNAME: Final = "03551234500"
_CHALLENGE: Final = (
    'WWW-Authenticate: Digest realm="carrier", nonce="47ebe028cda119c35d4877b383027d28", algorithm=MD5\n'
)
_SDP: Final = (
    "v=0\no=carrier 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\nm=audio [auto_media_port] RTP/AVP 8\n"
    "a=rtpmap:8 PCMA/8000\n"
)


def _answer(code: str, more: str = "Content-Length: 0\n\n", *, retrans: bool = False) -> str:
    attribute = ' retrans="500"' if retrans else ""
    return (
        f"<send{attribute}><![CDATA[\nSIP/2.0 {code}\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]K[call_number]\n"
        "[last_Call-ID:]\n[last_CSeq:]\nContact: <sip:carrier@[local_ip]:[local_port]>\n"
        f"{more}]]></send>\n"
    )


def _challenged(method: str, secret: str, then: str, *, has_ack: bool) -> str:
    """Asks for the digest of `method`; 403 for a wrong one, else on to the label `then`."""
    check = f'<action><verifyauth assign_to="is_right" username="{USERNAME}" password="{secret}"/></action>'
    ack = '<recv request="ACK"></recv>\n' if has_ack else ""
    return (
        _answer("401 Unauthorized", f"{_CHALLENGE}Content-Length: 0\n\n", retrans=has_ack)
        + ack
        + f'<recv request="{method}" rrs="true">{check}</recv>\n<nop next="{then}" test="is_right"></nop>\n'
        + _answer("403 Forbidden", retrans=has_ack)
        + ack
        + '<nop next="end"></nop>\n'
    )


def switch_scenario(secret: str, talk: float = 4) -> str:
    """Takes REGISTER and INVITE; a citizen who is called answers at once and hangs up after `talk` seconds."""
    bye = (
        '<send retrans="500"><![CDATA[\nBYE [next_url] SIP/2.0\n'
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        "From:[$to];tag=[pid]K[call_number]\nTo:[$peer]\nCall-ID: [call_id]\nCSeq: 1 BYE\nMax-Forwards: 70\n"
        "Content-Length: 0\n\n]]></send>\n"
    )
    remember = (
        '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="peer"/>'
        '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/></action>'
    )
    steps = (
        '<recv request="REGISTER" optional="true" next="register"></recv>\n'
        f'<recv request="INVITE" rrs="true">{remember}</recv>\n'
        + _challenged("INVITE", secret, "answer", has_ack=True)
        + '<label id="register"/>\n'
        + _challenged("REGISTER", secret, "registered", has_ack=False)
        + '<label id="registered"/>\n'
        + _answer("200 OK", "Expires: 120\nContent-Length: 0\n\n").replace(
            "Contact: <sip:carrier@[local_ip]:[local_port]>", "[last_Contact:]"
        )
        + '<nop next="end"></nop>\n<label id="answer"/>\n'
        + _answer("180 Ringing")
        + _answer("200 OK", f"Content-Type: application/sdp\nContent-Length: [len]\n\n{_SDP}", retrans=True)
        + '<recv request="ACK"></recv>\n'
        + f'<recv request="BYE" timeout="{round(talk * 1000)}" ontimeout="ours"></recv>\n'
        + _answer("200 OK").replace(";tag=[pid]K[call_number]", "")
        + '<nop next="end"></nop>\n<label id="ours"/>\n'
        + bye
        + '<recv response="200"></recv>\n<label id="end"/>\n<nop></nop>\n'
    )
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="carrier">\n{steps}</scenario>\n'


@dataclass
class Carrier:
    """One carrier, at ADDRESS and `port`; `sip_port` is ours. `stop` ends what still runs."""

    secret: str
    sip_port: int = 0
    port: int = field(default_factory=free_port)
    switches: list[Sipp] = field(default_factory=list)
    _calls: list[Sipp] = field(default_factory=list)

    def switch_on(self) -> None:
        """From now on it answers, also OPTIONS."""
        scenario = switch_scenario(self.secret)
        self.switches.append(run_sipp(scenario, port=self.port, calls=100_000, limit=600, host=ADDRESS))

    def switch_off(self) -> None:
        """Nobody listens there any more, and nothing is said about it."""
        self.switches[-1].stop()

    @property
    def trace(self) -> str:
        """Every SIP message that the switch sent and received since it was switched on last; about a second late."""
        return self.switches[-1].trace

    def contact(self) -> str:
        """The address that our registration asked calls to be sent to; "" while there is none."""
        found = re.findall(r"\nContact: <(sip:[^>]+)>", self.trace.partition("\nREGISTER ")[2])
        return found[0] if found else ""

    def call(self, caller: str, called: str, *, to: str = "", stay: float = 20) -> Sipp:
        """A citizen's call is put through to `called`: what the carrier dials, or a whole address beginning with sip:.

        `to`: what stands in the To header, the same if left out.
        """
        uri = called if called.startswith("sip:") else f"sip:{called}@{HOST}:{self.sip_port}"
        whom = f"<sip:{to}@{HOST}>" if to else f"<{uri}>"
        scenario = caller_scenario(stay)
        for plain, own in (
            ("sip:[field1]@[remote_ip]:[remote_port] SIP/2.0", f"{uri} SIP/2.0"),
            ("<sip:[field1]@[remote_ip]:[remote_port]>", whom),
            ("[field0]", f"<sip:{caller}@{ADDRESS}>"),
        ):
            assert plain in scenario
            scenario = scenario.replace(plain, own)
        remote = f"{HOST}:{self.sip_port}"
        phone = run_sipp(scenario, port=free_port(), remote=remote, limit=stay + 20, host=ADDRESS)
        self._calls.append(phone)
        return phone

    def stop(self) -> None:
        for phone in (*self.switches, *self._calls):
            phone.stop()
