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
    """Attempts that dialled a citizen who had been reached before and had not called us since. `rows` of queue_log, in its
    order; `citizen_of`: attempt → citizen, who is named as in HOTLINE_ARRIVED."""
    served: set[str] = set()
    wrong = []
    for row in rows:
        if len(row) <= 5:
            continue
        if row[4] == "HOTLINE_ARRIVED":
            served.discard(row[5])
        elif row[4] == "HOTLINE_REACHED":
            served.add(citizen_of[row[5]])
        elif row[4] == "HOTLINE_DIALLING" and citizen_of[row[5]] in served:
            wrong.append(row[5])
    return wrong
