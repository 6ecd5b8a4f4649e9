"""Who arrived first is served first: also who spent longer in the menu, and who is rung back."""

import time

from support.running_hotline import RunningHotline
from support.story_line import Line
from support.waiting import wait_for


def test_callers_and_a_placeholder_stand_in_order_of_arrival(hotline: RunningHotline, line: Line) -> None:
    hotline.citizens()
    line.agent(has_phone=False)  # the line takes callers, and nobody serves them
    first, gives_up, second, third, fourth, fifth = (hotline.new_citizen() for _ in range(6))

    def arrived(citizen: str) -> None:
        """He has, and the next one arrives in a later second: by the second places differ."""
        at = wait_for(lambda: line.arrivals(citizen))[0]
        wait_for(lambda: int(time.time()) > at)

    line.call(first, called=line.keys_number, keys=[(7.5, "0")], stay=60)  # long in the menu
    arrived(first)
    line.call(gives_up, stay=6)  # and is owed a call back at the place that he had
    arrived(gives_up)
    line.call(second, called=line.keys_number, keys=[(5.0, "0")], stay=60)
    arrived(second)
    for citizen in (third, fourth, fifth):
        line.call(citizen, stay=60)
        arrived(citizen)

    wait_for(lambda: len(line.waiting()) == 6, 30, str(line.waiting()))
    assert line.standing() == [first, "callback", second, third, fourth, fifth]
    # and that is not the order in which they came to the queue
    entered = [row[6] for row in hotline.queue_log if row[4] == "ENTERQUEUE" and row[2] == f"q-{line.queue}"]
    assert entered.index(first) > entered.index(third)
    assert entered[::-1].index(gives_up) < entered[::-1].index(third)
