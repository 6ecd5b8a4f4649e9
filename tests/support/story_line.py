"""What one asterisk story has to itself in a running hotline: a number, a queue, agents with phones, its calls and debts."""

import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
from support.phones import Telephones
from support.sipp import Sipp, free_port
from support.waiting import wait_for

from hotline import bootstrap
from ivr.agents import roster
from vocabulary.phone_numbers import mask

if TYPE_CHECKING:  # it makes the lines, so it cannot be imported here when the program runs
    from support.running_hotline import RunningHotline


@dataclass
class Line:
    """One story's own number, queue and agents."""

    hotline: "RunningHotline"
    n: int
    agents: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.number = f"200{self.n:02}"
        self.keys_number = f"300{self.n:02}"
        self.queue = f"line{self.n}"
        self.phones = Telephones(self.hotline.settings.sip_port)
        self._next_agent = count(1)

    def agent(
        self,
        *,
        is_signed_in: bool = True,
        has_phone: bool = True,
        penalty: int = 0,
        queue: str = "",
        **phone: Any,
    ) -> str:
        """A new agent of this line, with a registered desk phone that treats calls as `phone` says.

        `queue`: which he serves, if not this line's own.
        """
        agent_no = f"1{self.n:02}{next(self._next_agent)}"
        new = roster.NewAgent(agent_no, f"坐席 {agent_no}", ((queue or self.queue, penalty),))
        own = self.hotline.hotline
        with own.database.writing() as session:
            _, secret = roster.put_agent(session, new, own.sealer, "tests", own.now())
        own.switch.put_account(agent_no, new.name, secret)
        self.agents[agent_no] = secret
        if has_phone:
            port = free_port()
            self.phones.register(agent_no, secret, port)
            self.phones.answer(port, **phone)
            self.hotline.wait_reachable(f"agent-{agent_no}")
        if is_signed_in:
            self.sign_in(agent_no)
        return agent_no

    def notices_silence_soon(self, agent_no: str) -> None:
        """Seconds without a sound packet until Asterisk believes that this phone is dead; shipped as a minute."""
        door = bootstrap.ari_door(self.hotline.settings)
        answer = httpx.put(
            f"{door.url}/ari/asterisk/config/dynamic/res_pjsip/endpoint/agent-{agent_no}",
            auth=(door.user, door.secret),
            json={"fields": [{"attribute": "rtp_timeout", "value": "8"}]},
            trust_env=False,
        )
        answer.raise_for_status()

    def sign_in(self, agent_no: str) -> None:
        assert self.hotline.post(f"/api/agents/{agent_no}/sign-in")["is_in_effect"]

    def call(self, number: str, **how: Any) -> Sipp:
        return self.phones.call(number, how.pop("called", self.number), **how)

    def gives_up(self, citizen: str, **how: Any) -> Sipp:
        """A citizen calls, stands in this line, and hangs up; over when Asterisk has nobody of that number in line."""
        call = self.call(citizen, **{"stay": 120, **how})
        wait_for(lambda: citizen in self.standing(), 40, f"{citizen} in line")
        self.wait_past_quick(citizen)
        assert call.hang_up().wait(20) == 0, call.errors
        wait_for(lambda: citizen not in self.standing(), 20, f"{citizen} out of the line")
        return call

    def wait_past_quick(self, *citizens: str) -> None:
        """From now on it is no quick hang-up (quick_hangup_seconds, one in these stories) if the citizens hang up."""
        latest = wait_for(lambda: max((self.arrivals(citizen) or [0])[-1] for citizen in citizens), 20)
        wait_for(lambda: time.time() > latest + 2.2, 10)

    def in_menu(self, citizen: str) -> str:
        """How far a citizen came in the menu, by Asterisk's own account: path|version|queue|category|end of greeting."""
        rows = [row.split("!") for row in self.hotline.ask("core show channels concise").splitlines()]
        channel = next((row[0] for row in rows if len(row) > 7 and row[7] == citizen), "")
        shown = self.hotline.ask(f"core show channel {channel}") if channel else ""
        return shown.partition("HOTLINE_WALKED=")[2].partition("\n")[0]

    def calls(self, number: str | None = None) -> list[dict[str, Any]]:
        """The records of this line's calls, oldest first."""
        mine = [
            call
            for called in (self.number, self.keys_number)
            for call in self.hotline.get("/api/calls", limit=200, number_called=called)["items"]
            if number is None or call["number_masked"] == self._mask(number)
        ]
        return sorted(mine, key=lambda call: str(call["arrived_at"]))

    def _mask(self, number: str) -> str:
        """Citizens of stories differ behind it. A search by number would do, but has a person's pace, and stories poll."""
        return mask(self.hotline.hotline.running.number_of(number, None))

    def ended(
        self, number: str | None = None, *, calls: int = 1, seconds: float = 15
    ) -> list[dict[str, Any]]:
        """The same once `calls` of them are over."""

        def are_over() -> list[dict[str, Any]]:
            over = [call for call in self.calls(number) if not call["is_open"]]
            return over if len(over) >= calls else []

        return wait_for(are_over, seconds, f"records of {self.number}: {self.calls(number)}")

    def callbacks(self, number: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.hotline.get("/api/callbacks", limit=200)["items"]
        return [callback for callback in found if callback["number_masked"] == self._mask(number)]

    def tickets_of(self, call_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.hotline.get("/api/tickets", call_id=call_id, limit=50)["items"]
        return found

    def arrivals(self, number: str) -> list[int]:
        """Seconds at which this citizen's calls came in, as the dialplan wrote them; known at once, before any record."""
        rows = [row for row in self.hotline.queue_log if len(row) > 6 and row[4] == "HOTLINE_ARRIVED"]
        return [int(row[0]) for row in rows if row[5] == number and row[6] in (self.number, self.keys_number)]

    def standing(self) -> list[str]:
        """Who stands in this line's queue, in the order in which they will be served: caller numbers, "callback" for a
        placeholder."""
        rows = [row.split("!") for row in self.hotline.ask("core show channels concise").splitlines()]
        callers = {
            row[0]: "callback" if row[1] == "callback-queue" else row[7] for row in rows if len(row) > 7
        }
        return [callers.get(channel, "") for channel in self.waiting()]

    def waiting(self) -> list[str]:
        """Channels standing in this line's queue, in the order in which they will be served."""
        shown = self.hotline.ask(f"queue show q-{self.queue}").partition("Callers:")[2]
        return [words.split()[1] for words in shown.splitlines() if words.strip()[:1].isdigit()]

    def rings(self, agent_no: str) -> bool:
        """An agent's phone rings now, for whomever."""
        rows = [row.split("!") for row in self.hotline.ask("core show channels concise").splitlines()]
        return any(row[0].startswith(f"PJSIP/agent-{agent_no}-") and row[4] == "Ringing" for row in rows)

    def has_member(self, agent_no: str, words: str) -> bool:
        """Asterisk's own word for an agent in this line's queue, such as "(paused:rest" or "Not in use"."""
        members = self.hotline.ask(f"queue show q-{self.queue}").partition("Callers:")[0]
        return any(agent_no in row.split() and words in row for row in members.splitlines())

    def close(self) -> None:
        self.phones.stop_all()
        for agent_no in self.agents:
            if self.hotline.is_ready():
                self.hotline.post(f"/api/agents/{agent_no}/sign-out")
