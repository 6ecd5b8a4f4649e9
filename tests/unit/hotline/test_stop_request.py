"""A signal breaks off what may be broken off, waits at what may not, and is never lost."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from hotline.stop_request import StopAsked, StopRequest

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    stop = StopRequest()
    stop.listen()
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


def wait_with(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


@pytest.mark.parametrize("number", NUMBERS)
def test_waiting_is_broken_off(stop: StopRequest, number: signal.Signals) -> None:
    with pytest.raises(StopAsked), stop.may_break_off():
        wait_with(number)
    assert stop.is_asked


def test_what_may_not_be_broken_off_is_ended_first(stop: StopRequest) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    done = ["the process is started and its number known"]
    with pytest.raises(StopAsked), stop.may_break_off():
        done.append("never")
    assert done == ["the process is started and its number known"]


def test_a_second_signal_does_not_disturb_the_taking_down(stop: StopRequest) -> None:
    with pytest.raises(StopAsked), stop.may_break_off():
        os.kill(os.getpid(), signal.SIGINT)
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGINT)


def test_no_handler_of_errors_on_the_way_holds_it_up(stop: StopRequest) -> None:
    def careless() -> None:
        try:
            wait_with(signal.SIGTERM)
        except Exception:
            pytest.fail("it was taken for a fault")

    with pytest.raises(StopAsked), stop.may_break_off():
        careless()


def test_a_hang_up_that_nohup_ignores_stays_ignored() -> None:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop = StopRequest()
        stop.listen()
        os.kill(os.getpid(), signal.SIGHUP)
        assert not stop.is_asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
