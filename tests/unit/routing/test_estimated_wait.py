"""The one estimate of a wait."""

import math

import pytest

from routing.estimated_wait import estimated_wait


@pytest.mark.parametrize(
    ("ahead", "mean", "agents", "expected"),
    [
        (12, 180.0, 6, 360.0),
        (1, 180.0, 1, 180.0),
        (0, 180.0, 6, 0.0),
        (0, None, 6, 0.0),
        (5, None, 6, None),
        (5, 180.0, 0, math.inf),
        (0, None, 0, math.inf),
    ],
)
def test_parties_ahead_times_handling_time_over_agents(
    ahead: int, mean: float | None, agents: int, expected: float | None
) -> None:
    assert estimated_wait(ahead, mean, agents) == expected
