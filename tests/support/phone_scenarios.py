"""What a phone does that we call, an agent's or a citizen's: it rings, answers, refuses, or is silent."""

from typing import Final

from support.sip_messages import (
    END,
    VOICE_CAPTURE,
    VOICE_MILLISECONDS,
    answer,
    scenario,
    send,
    until_bye,
)

_BYE_OF_PHONE: Final = send(
    "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
    "From:[$own]\nTo:[$peer]\nCall-ID: [call_id]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n",
    retrans=True,
)
_REMEMBER: Final = (
    "<action>"
    '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>'
    '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="peer"/>'
    '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>'
    "</action>"
)
_VARIABLES: Final = '<Reference variables="cseq,peer,to"/>\n'  # SIPp refuses unused ones


def _cancelled(label: str, ring: float) -> str:
    """Rings; a CANCEL ends the ringing, as on any phone. Goes on at `label` when it rang for so long."""
    steps = f'<recv request="CANCEL" timeout="{max(1, round(ring * 1000))}" ontimeout="{label}"></recv>\n'
    steps += answer("200 OK", tag=False)
    steps += send(
        "SIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]T[call_number]\n"
        "[last_Call-ID:]\nCSeq:[$cseq]\nContent-Length: 0\n\n"
    )
    return steps + f'<recv request="ACK"></recv>\n<nop next="end"></nop>\n<label id="{label}"/>\n'


_SPEAKS: Final = (
    f'<label id="voice"/>\n<nop><action><exec play_pcap_audio="{VOICE_CAPTURE}"/></action></nop>\n'
    f'<recv request="BYE" timeout="{VOICE_MILLISECONDS}" ontimeout="voice"></recv>\n'
    + answer("200 OK", tag=False)
)
"""A voice, again and again, until the other side hangs up."""


def _answered(then: str, talk: float, sound: bool = False) -> str:
    # after the timeout nothing was received since INVITE, so the last_ headers are still its own
    steps = answer(then, sdp=True, retrans=True) + '<recv request="ACK"></recv>\n'
    if sound:
        return steps + _SPEAKS
    own = _BYE_OF_PHONE.replace("[$own]", "[$to];tag=[pid]T[call_number]")
    return steps + until_bye(round(talk * 1000), own)


def _refused(then: str) -> str:
    return answer(then, retrans=True) + '<recv request="ACK"></recv>\n'


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
    steps = f'<recv request="INVITE" rrs="true">{_REMEMBER}</recv>\n' + answer("180 Ringing")
    steps += _cancelled("then", ring) + (_UNTIL_A_SECOND_BEGINS if early_in_a_second else "")
    steps += _answered(then, talk, sound) if then.startswith("200") else _refused(then)
    return scenario("phone", steps + END + _VARIABLES)


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
            steps += answer("180 Ringing") + _cancelled(f"then{start}", 60)
        elif then == SPEAKS_EARLY:
            steps += answer("183 Session Progress", sdp=True) + _cancelled(f"then{start}", 60)
        elif then.startswith("200"):
            steps += answer("180 Ringing") + _cancelled(f"then{start}", ring) + _answered(then, talk)
        else:
            steps += _refused(then)
    unused = '<Reference variables="whole"/>\n'
    return scenario("citizens", steps + END + _VARIABLES + unused)
