"""How long a caller who came now would wait: one estimate for menus, announcements and the offer of a callback. Pure."""

import math
from datetime import timedelta
from typing import Final

MEASURED_OVER: Final = timedelta(minutes=30)
"""The mean handling time is that of the calls that ended within this."""


def estimated_wait(
    parties_ahead: int, mean_handling_seconds: float | None, agents_not_paused: int
) -> float | None:
    """Seconds: parties ahead × mean handling time ÷ agents not paused. None if no call ended lately, infinite without
    agents. `mean_handling_seconds`: talk and wrap-up. Agents who talk or wrap up count, since they come free."""
    if agents_not_paused <= 0:
        return math.inf
    if parties_ahead <= 0:
        return 0.0
    if mean_handling_seconds is None:
        return None
    return parties_ahead * mean_handling_seconds / agents_not_paused
