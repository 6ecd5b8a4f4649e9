"""Who was rung back, and how often: told by queue_log and by the citizens' own phones, independent of our database."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

_INVITE = re.compile(r"^INVITE sip:(\d+)@.*?^Call-ID: *(\S+)", re.MULTILINE | re.DOTALL | re.IGNORECASE)


def invites(trace: str) -> Counter[str]:
    """How often each number's phone was called, by SIPp's trace of messages; a repeated message is not another call."""
    dialogs: dict[str, set[str]] = defaultdict(set)
    for number, call_id in _INVITE.findall(trace):
        dialogs[number].add(call_id)
    return Counter({number: len(calls) for number, calls in dialogs.items()})


def dials(rows: Iterable[Sequence[str]], citizen_of: Mapping[str, str]) -> Counter[str]:
    """How often each citizen was dialled, by queue_log; `citizen_of`: attempt → citizen."""
    return Counter(citizen_of[row[5]] for row in rows if len(row) > 5 and row[4] == "HOTLINE_DIALLING")


def rung_after_a_talk(rows: Iterable[Sequence[str]], citizen_of: Mapping[str, str]) -> list[str]:
    """Attempts that dialled a citizen who talked with an agent then, or had done so and had not called us since. `rows` of
    queue_log, in its order; `citizen_of`: attempt → citizen, who is named as in HOTLINE_ARRIVED.

    Joined for less than a second is no talk, and a talk that an agent's phone or Asterisk cut by dying is to be made good.
    """
    served: set[str] = set()
    talking: set[str] = set()
    wrong = []
    for row in rows:
        if len(row) <= 5:
            continue
        event, data = row[4], row[5:]
        if event == "QUEUESTART":  # Asterisk was killed meanwhile
            talking.clear()
        elif event == "HOTLINE_ARRIVED":
            served.discard(data[0])
        elif event == "HOTLINE_REACHED":
            talking.add(citizen_of[data[0]])
        elif event == "HOTLINE_DIALLED":
            citizen, result, seconds = citizen_of[data[0]], data[1], data[3]
            if result == "ANSWER" and float(seconds) > 0:
                served.add(citizen)
            talking.discard(citizen)
        elif event == "HOTLINE_DIALLING" and citizen_of[data[0]] in served | talking:
            wrong.append(data[0])
    return wrong
