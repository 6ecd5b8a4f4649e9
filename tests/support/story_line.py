"""What one asterisk story has to itself in a running hotline: a number, a queue, agents with phones, its calls and debts."""

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from support.phones import Telephones
from support.sipp import Sipp, free_port
from support.waiting import wait_for

from ivr.agents import roster

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
        self, *, is_signed_in: bool = True, has_phone: bool = True, penalty: int = 0, **phone: Any
    ) -> str:
        """A new agent of this line, with a registered desk phone that treats calls as `phone` says."""
        agent_no = f"1{self.n:02}{next(self._next_agent)}"
        new = roster.NewAgent(agent_no, f"坐席 {agent_no}", ((self.queue, penalty),))
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

    def sign_in(self, agent_no: str) -> None:
        assert self.hotline.post(f"/api/agents/{agent_no}/sign-in")["is_in_effect"]

    def call(self, number: str, **how: Any) -> Sipp:
        return self.phones.call(number, how.pop("called", self.number), **how)

    def calls(self, number: str | None = None) -> list[dict[str, Any]]:
        """The records of this line's calls, oldest first."""
        found = self.hotline.get("/api/calls", limit=200, number=number)["items"]
        mine = [call for call in found if call["number_called"] in (self.number, self.keys_number)]
        return sorted(mine, key=lambda call: str(call["arrived_at"]))

    def ended(
        self, number: str | None = None, *, calls: int = 1, seconds: float = 15
    ) -> list[dict[str, Any]]:
        """The same once `calls` of them are over."""

        def are_over() -> list[dict[str, Any]]:
            over = [call for call in self.calls(number) if not call["is_open"]]
            return over if len(over) >= calls else []

        return wait_for(are_over, seconds, f"records of {self.number}: {self.calls(number)}")

    def callbacks(self, number: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.hotline.get("/api/callbacks", number=number, limit=50)["items"]
        return found

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

    def has_member(self, agent_no: str, words: str) -> bool:
        """Asterisk's own word for an agent in this line's queue, such as "(paused:rest" or "Not in use"."""
        members = self.hotline.ask(f"queue show q-{self.queue}").partition("Callers:")[0]
        return any(agent_no in row.split() and words in row for row in members.splitlines())

    def close(self) -> None:
        self.phones.stop_all()
        for agent_no in self.agents:
            if self.hotline.is_ready():
                self.hotline.post(f"/api/agents/{agent_no}/sign-out")
