"""How many callbacks may stand in the queues beside the living, decided from values alone."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.lost_calls import a_policy

from missed_call_redial.policy import (
    CallbackPolicies,
    RecentAccepts,
    may_place,
    surplus,
)

SOME = st.integers(0, 60)
ACCEPTS = st.builds(RecentAccepts, live=st.integers(0, 500), callbacks=st.integers(0, 500))
PACINGS = st.builds(
    lambda share, most, lead: a_policy(callback_share=share, most_placeholders=most, placeholder_lead=lead),
    st.integers(0, 100),
    st.integers(1, 200),
    st.integers(1, 50),
)


class TestPacing:
    @pytest.mark.parametrize(
        ("free", "standing", "allowed"),
        [
            (0, 0, True),
            (0, 1, True),
            (0, 2, False),
            (4, 5, True),
            (4, 6, False),
            (90, 9, True),
            (90, 10, False),
        ],
    )
    def test_with_nobody_waiting_the_free_agents_and_the_lead_decide(self, free, standing, allowed):
        policy = a_policy(most_placeholders=10, placeholder_lead=2)
        recent = RecentAccepts(live=0, callbacks=1000)
        found = may_place(
            policy, live_waiting=0, placeholders=standing, free_agents=free, recent_accepts=recent
        )
        assert found is allowed

    @pytest.mark.parametrize(
        ("live", "callbacks", "standing", "allowed"),
        [
            (0, 0, 0, False),
            (2, 0, 0, False),
            (3, 0, 0, True),
            (3, 0, 1, False),
            (7, 2, 0, True),
            (6, 2, 0, False),
        ],
    )
    def test_while_citizens_wait_call_backs_keep_to_their_share(self, live, callbacks, standing, allowed):
        recent = RecentAccepts(live, callbacks)
        found = may_place(
            a_policy(), live_waiting=5, placeholders=standing, free_agents=9, recent_accepts=recent
        )
        assert found is allowed

    @given(PACINGS, SOME, SOME, SOME, ACCEPTS)
    def test_never_more_than_free_agents_and_lead_nor_beyond_the_share(
        self, policy, waiting, standing, free, recent
    ):
        if may_place(
            policy, live_waiting=waiting, placeholders=standing, free_agents=free, recent_accepts=recent
        ):
            assert standing + 1 <= min(policy.most_placeholders, free + policy.placeholder_lead)
            if waiting:
                taken = recent.callbacks + standing + 1
                assert taken / (taken + recent.live) <= policy.callback_share / 100 + 1e-9

    @given(PACINGS, SOME, SOME, SOME, ACCEPTS)
    def test_what_may_be_placed_is_not_withdrawn_again_at_once(self, policy, waiting, standing, free, recent):
        if may_place(
            policy, live_waiting=waiting, placeholders=standing, free_agents=free, recent_accepts=recent
        ):
            left = surplus(policy, live_waiting=waiting, placeholders=standing + 1, recent_accepts=recent)
            assert left == 0

    @given(PACINGS, SOME, SOME, ACCEPTS)
    def test_as_few_as_needed_give_way_and_none_while_nobody_waits(self, policy, waiting, standing, recent):
        left = surplus(policy, live_waiting=waiting, placeholders=standing, recent_accepts=recent)
        assert 0 <= left <= standing
        if waiting == 0:
            assert left == 0
            return

        def takes_more_than_its_share(stay: int) -> bool:
            taken = recent.callbacks + stay
            return taken * 100 > policy.callback_share * (taken + recent.live)

        if left < standing:
            assert not takes_more_than_its_share(standing - left)
        if left > 0:
            assert takes_more_than_its_share(standing - left + 1)

    def test_a_long_storm_gives_exactly_the_share(self):
        policy, live, callbacks = a_policy(), 0, 0
        for _ in range(1000):
            recent = RecentAccepts(live, callbacks)
            if may_place(policy, live_waiting=40, placeholders=0, free_agents=0, recent_accepts=recent):
                callbacks += 1
            else:
                live += 1
        assert callbacks == 300


@dataclass
class AfterAStorm:
    """A line with a backlog: each step some citizens call, some agents become free, and who has the oldest place is served.

    Callbacks stand before every living citizen, since they arrived during the storm.
    """

    policy: CallbackPolicies
    agents: int
    backlog: int
    free: int = 0
    placeholders: int = 0
    living: int = 0
    recent: RecentAccepts = field(default_factory=lambda: RecentAccepts(0, 0))
    passed_over: list[RecentAccepts] = field(default_factory=list)
    """What had been accepted, whenever a callback was while a citizen waited live; itself among it."""

    def step(self, calls: int, freed: int) -> None:
        self.free = min(self.agents, self.free + freed)
        self.living += calls
        self._withdraw()
        self._place()
        while self.free and (self.placeholders or self.living):
            self._serve()

    def _withdraw(self) -> None:
        left = surplus(
            self.policy,
            live_waiting=self.living,
            placeholders=self.placeholders,
            recent_accepts=self.recent,
        )
        self.placeholders -= left
        self.backlog += left

    def _place(self) -> None:
        while self.backlog and may_place(
            self.policy,
            live_waiting=self.living,
            placeholders=self.placeholders,
            free_agents=self.free,
            recent_accepts=self.recent,
        ):
            self.placeholders += 1
            self.backlog -= 1

    def _serve(self) -> None:
        self.free -= 1
        if self.placeholders:
            self.placeholders -= 1
            self.recent = replace(self.recent, callbacks=self.recent.callbacks + 1)
            if self.living:
                self.passed_over.append(self.recent)
        else:
            self.living -= 1
            self.recent = replace(self.recent, live=self.recent.live + 1)


class TestAfterAStorm:
    @given(
        st.integers(0, 100),
        st.integers(1, 20),
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=300),
    )
    def test_the_living_lose_no_more_than_the_share(self, share, agents, steps):
        policy = a_policy(callback_share=share, most_placeholders=200, placeholder_lead=2)
        line = AfterAStorm(policy, agents, backlog=10_000)
        for calls, freed in steps:
            line.step(calls, freed)
        for accepted in line.passed_over:
            assert accepted.callbacks * 100 <= share * (accepted.live + accepted.callbacks)

    @given(st.integers(0, 30), st.integers(1, 20))
    def test_who_calls_after_the_storm_finds_only_the_lead_before_him(self, free, lead):
        """The backlog has had all the time it wants; then the first living citizen calls."""
        policy = a_policy(most_placeholders=200, placeholder_lead=lead)
        line = AfterAStorm(policy, 30, backlog=10_000)
        for _ in range(50):
            line.step(calls=0, freed=free)
        assert line.placeholders <= lead
        line.step(calls=1, freed=1)
        assert line.living == 0

    def test_with_nobody_calling_every_agent_works_the_backlog_off(self):
        line = AfterAStorm(a_policy(most_placeholders=200), 10, backlog=500)
        for _ in range(51):
            line.step(calls=0, freed=10)
        assert (line.backlog, line.placeholders) == (0, 0)
