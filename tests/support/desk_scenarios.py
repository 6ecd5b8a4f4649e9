"""What a desk phone asks of Asterisk: to register, a feature code; and requests that must be refused."""

from typing import Final

from support.sip_messages import answer, request, scenario, send

REGISTER: Final = scenario(
    "register",
    "".join(
        send(
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

_CHALLENGED: Final = (
    request("INVITE", 1, to_tag=False, sdp=True)
    + '<recv response="401" auth="true"></recv>\n'
    + request("ACK", 1)
    + request("INVITE", 2, to_tag=False, sdp=True, extra="[field2]\n")
)
"""An INVITE, and once more with the answer to the challenge, which is field2."""

FEATURE_CODE: Final = scenario(
    "agent dials a code",
    _CHALLENGED
    + '<recv response="100" optional="true"></recv>\n<recv response="180" optional="true"></recv>\n'
    + '<recv response="183" optional="true"></recv>\n<recv response="200" rrs="true"></recv>\n'
    + request("ACK", 2)
    + '<recv request="BYE" timeout="15000"></recv>\n'
    + answer("200 OK", tag=False),
)


def _refusal(code: str, cseq: int) -> str:
    steps = f'<recv response="100" optional="true"></recv>\n<recv response="{code}"></recv>\n'
    return steps + request("ACK", cseq)


def refused_with(code: str) -> str:
    """An INVITE that must be refused so at once."""
    return scenario("refused", request("INVITE", 1, to_tag=False, sdp=True) + _refusal(code, 1))


def agent_invites(code: str) -> str:
    """An INVITE that is challenged, sent again with field2, and then refused with `code`."""
    return scenario("agent dials", _CHALLENGED + _refusal(code, 2))
