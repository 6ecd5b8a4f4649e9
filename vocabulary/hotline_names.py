"""Every name that the dialplan and the server share: channel variables and the words we write into queue_log.

Nowhere else in Python may such a name be written out; the templates in config/asterisk/ use the same words and a
test compares the two.
"""

from typing import Final

# Channel variables. The dialplan sets the first group before any script runs; scripts set the second.
CALLER: Final = "HOTLINE_CALLER"
NUMBER_CALLED: Final = "HOTLINE_NUMBER"
TRUNK: Final = "HOTLINE_TRUNK"
DEFAULT_QUEUE: Final = "HOTLINE_DEFAULT_QUEUE"

QUEUE: Final = "HOTLINE_QUEUE"
FALLBACK: Final = "HOTLINE_FALLBACK"
"""Where he is led if his walk breaks off, once he chose a language: what speaks it of the default queue and its parts."""
LANGUAGE: Final = "CHANNEL(language)"
"""What he hears of the dialplan and of Asterisk itself: that of the site, until he chooses one in a menu."""
NEXT: Final = "HOTLINE_NEXT"

WAY: Final = "HOTLINE_WAY"
"""How he waits there (InLine.way in ivr.calls.in_line); without it, or for another queue than it names, as the queue has it."""
THEN: Final = "HOTLINE_THEN"
"""The dialplan's word of that way: where he stands in the menu (ivr.menus.going_on), if it goes on behind the queue. Then we
are asked once nobody served him."""
MOST_LINES: Final = 15
"""From so many lines a menu leads one call on. In the next he waits as long as the queue allows, whatever the menu says: so
count the dialplan (HOTLINE_ROUND, where a line that was lost with an agent's phone counts too) and the walk itself."""
WALKED: Final = "HOTLINE_WALKED"
"""How far the caller has come: menu path|version|queue|category|moment of the greeting's end, and |broadcast if one was on."""
STEP_LIMIT: Final = "TIMEOUT(absolute)"

# A caller is put through to somebody outside. Who, and where the caller goes afterwards by what came of it: a queue and the
# sounds before it, as `general:/path/one&/path/two`; no queue is the default one, TRANSFER_BYE ends the call.
TRANSFER: Final = "HOTLINE_TRANSFER"
"""The name of a destination in our files. Set last: from then on the dialplan needs our server no more."""
IF_ANSWERED: Final = "HOTLINE_IF_ANSWERED"
IF_BUSY: Final = "HOTLINE_IF_BUSY"
IF_NO_ANSWER: Final = "HOTLINE_IF_NO_ANSWER"
IF_FAILED: Final = "HOTLINE_IF_FAILED"
TRANSFER_BYE: Final = "BYE"

# Callback legs. Two underscores when they are handed to Originate, so that both halves inherit them.
ATTEMPT: Final = "HOTLINE_ATTEMPT"
CALL: Final = "HOTLINE_CALL"
LONGEST: Final = "HOTLINE_LONGEST"
RING: Final = "HOTLINE_RING"
DIAL: Final = "HOTLINE_DIAL"
DIAL_TRUNK: Final = "HOTLINE_DIAL_TRUNK"
QUEUE_PRIO: Final = "QUEUE_PRIO"
PLACEHOLDER_GROUP: Final = "placeholder"
PLACEHOLDERS: Final = f"GROUP({PLACEHOLDER_GROUP})"
"""Set to the queue in which a placeholder waits; the dialplan counts them when it asks whether a queue is full."""

# `hotline call`: which trunk the test call stands for, and how long its citizen stays on the line.
TEST_TRUNK: Final = "HOTLINE_TEST_TRUNK"
TEST_SECONDS: Final = "HOTLINE_TEST_SECONDS"

UNHEARD: Final = "unheard"
"""Behind a language and _: each of Asterisk's own words is a moment of silence in it. Asterisk announces places to a whole queue
or to nobody; a caller whose channel has this language hears nothing. A word that is missing would be taken from another."""

ACCOUNTS: Final = "HOTLINE_ACCOUNTS"
"""A global variable: which fields the agents' SIP accounts were last written with. Asterisk forgets it at its start."""

# Words in queue_log that only our dialplan writes.
LOG_ARRIVED: Final = "HOTLINE_ARRIVED"
LOG_END: Final = "HOTLINE_END"
LOG_NOT_TAKEN: Final = "HOTLINE_NOT_TAKEN"
LOG_ACCEPTED: Final = "HOTLINE_ACCEPTED"
LOG_DIALLING: Final = "HOTLINE_DIALLING"
LOG_REACHED: Final = "HOTLINE_REACHED"
LOG_DIALLED: Final = "HOTLINE_DIALLED"
LOG_TRANSFERRING: Final = "HOTLINE_TRANSFERRING"
LOG_TRANSFERRED: Final = "HOTLINE_TRANSFERRED"
LOG_TRANSFER_OVER: Final = "HOTLINE_TRANSFER_OVER"

LOST_AGENT: Final = "LOST_AGENT"
"""The last line's status of a call whose agent's phone died, until the citizen stands in a queue again."""

AGENT_LEFT: Final = "AGENT_LEFT"
"""In HOTLINE_DIALLED: the citizen picked up, and the agent hung up before they were joined. LOST_AGENT stands there too."""
IVR_SERVED: Final = "IVR_SERVED"
"""The last line's status of a call that the menu itself brought to its end."""
TRANSFERRED: Final = "TRANSFERRED"
"""The last line's status of a call that was put through and answered there, until the citizen stands in a queue."""
TRANSFER_GIVEN_UP: Final = "TRANSFER_GIVEN_UP"
"""The same while nobody has answered there."""

# In Asterisk a queue is called this plus its name: "general" alone is the settings section of queues.conf.
QUEUE_PREFIX: Final = "q-"
# Asterisk's SIP accounts of agents are called this plus the agent's number, never a bare number.
AGENT_PREFIX: Final = "agent-"

# Channel ids of a callback's two halves start so; nothing else does. They never become call records.
ATTEMPT_CHANNEL_PREFIX: Final = "cb-"

# QUEUE_PRIO = PRIO_BASE − (seconds since PRIO_EPOCH): earlier arrivals are served first, until 2089 in 32 bits.
PRIO_BASE: Final = 2_000_000_000
PRIO_EPOCH: Final = 1_767_225_600  # 2026-01-01T00:00:00Z
