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

    def long_in_the_menu(citizen: str) -> None:
        """A wrong key has it played once more, and then he presses none."""
        call = line.call(citizen, called=line.keys_number, key="9", stay=120)
        wait_for(lambda: line.in_menu(citizen))
        call.press()
        arrived(citizen)

    long_in_the_menu(first)
    early = line.call(gives_up, stay=120)
    arrived(gives_up)
    long_in_the_menu(second)
    line.call(third, stay=120)
    wait_for(lambda: third in line.standing())
    assert line.standing() == [gives_up, third]
    line.wait_past_quick(gives_up)
    early.hang_up()  # and is owed a call back at the place that he had
    arrived(third)
    for citizen in (fourth, fifth):
        line.call(citizen, stay=120)
        arrived(citizen)

    wait_for(lambda: len(line.waiting()) == 6, 30, str(line.waiting()))
    assert line.standing() == [first, "callback", second, third, fourth, fifth]
    # and that is not the order in which they came to the queue
    entered = [row[6] for row in hotline.queue_log if row[4] == "ENTERQUEUE" and row[2] == f"q-{line.queue}"]
    assert entered.index(first) > entered.index(third)
    assert entered[::-1].index(gives_up) < entered[::-1].index(third)
