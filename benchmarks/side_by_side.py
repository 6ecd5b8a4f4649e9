"""One Asterisk with two ways in: our whole thread, and a hand-written dialplan that only greets and queues.

Both play the same greeting, then queue to the same agents, on the same trunk. The product's templates stay as they are:
the plain dialplan is added in the site's own folder of templates, which this benchmark lays out.
"""

import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlmodel import col, func, select
from support.desk_scenarios import REGISTER
from support.phone_scenarios import phone_scenario
from support.running_hotline import RunningHotline
from support.sipp import HOST, Sipp, free_port, start_sipp
from support.waiting import wait_for

from hotline import defaults_door
from hotline.leases import QueueLogPosition
from ivr.agents import roster
from ivr.agents.tables import AgentState
from ivr.telephony.queue_log_file import LogPosition

TALK, RUSH = "20001", "20002"
"""Numbers of ours: agents have a wrap-up after calls to TALK, none after calls to RUSH."""
PLAIN, BARE = "20091", "20092"
"""Numbers of the plain dialplan: greeting and queue; greeting only."""
RING_SECONDS = 0.2

_PLAIN_DIALPLAN = f"""
; --- added by the benchmark: the same greeting, the same agents, and nothing of ours ---
[from-trunk](+)
exten => {PLAIN},1,Answer()
 same => n,Playback(${{HOTLINE_PROMPTS}}/greeting)
 same => n,Queue(q-rush)
 same => n,Hangup()
exten => {BARE},1,Answer()
 same => n,Playback(${{HOTLINE_PROMPTS}}/greeting)
 same => n,Hangup()
"""


def _lines(found: dict[str, Any]) -> None:
    queue = {"ring_seconds": 10, "retry_seconds": 1, "max_waiting": 500, "longest_wait_seconds": 120}
    for number, name, wrap_up in ((TALK, "talk", 1), (RUSH, "rush", 0)):
        found["numbers"].append({"number": number, "label": name, "menu": "main", "queue": name})
        found["queues"].append({"name": name, "label": name, "wrap_up_seconds": wrap_up, **queue})
    found["site"]["area_code"] = "0355"
    found["quick_hangup_seconds"] = 1


def _short_prompts(found: dict[str, Any]) -> None:
    for prompt in found["prompts"].values():
        prompt.clear()
        prompt["zh"] = "您好"


def _no_callbacks_meanwhile(found: dict[str, Any]) -> None:
    found["first_delay_seconds"] = 3600  # callers who failed in a burst are not rung back into the next round


CHANGES: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "hotline.yaml": _lines,
    "prompts.yaml": _short_prompts,
    "callbacks.yaml": _no_callbacks_meanwhile,
}


def sipp(scenario: str, *arguments: str, rows: Sequence[str] = (), seconds: float) -> Sipp:
    """Without logs of messages, which would cost what is measured."""
    limits = ("-l", "5000", "-trace_stat", "-stf", "stats.csv")
    return start_sipp(scenario, *limits, *arguments, rows=rows, seconds=seconds)


@dataclass
class SideBySide:
    """`ours` starts and stops our server, so that beside the plain dialplan Asterisk serves nobody but the caller."""

    hotline: RunningHotline
    running: list[Sipp] = field(default_factory=list)

    @property
    def sip_address(self) -> str:
        return f"{HOST}:{self.hotline.settings.sip_port}"

    @property
    def asterisk_pid(self) -> int:
        assert self.hotline.asterisk is not None
        return self.hotline.asterisk.pid

    @property
    def our_pids(self) -> list[int]:
        return [server.pid for server in self.hotline.servers]

    @property
    def greeting_seconds(self) -> float:
        with wave.open(str(self.hotline.settings.prompts_dir / "zh" / "greeting.wav")) as sound:
            return float(sound.getnframes() / sound.getframerate())

    def ours(self, is_on: bool) -> None:
        if is_on and not self.hotline.servers:
            self.hotline.start_server()
            self.wait_settled()
        if not is_on:
            for server in self.hotline.servers:
                server.terminate()
                server.wait(15)
            self.hotline.servers.clear()

    def wait_hung_up(self, seconds: float = 5) -> None:
        """The agents' legs have ended too: what they cost belongs to the price of a call, whichever way it came."""
        wait_for(lambda: " 0 active channels" in f" {self.hotline.ask('core show channels count')}", seconds)

    def wait_settled(self, seconds: float = 30) -> None:
        """Our server has read all of queue_log, and no agent is in wrap-up."""
        wait_for(self._is_settled, seconds, self.hotline.server_log[-2000:])

    def _is_settled(self) -> bool:
        with self.hotline.hotline.database.reading() as session:
            row = session.get(QueueLogPosition, "listener")
            paused = (
                select(func.count()).select_from(AgentState).where(col(AgentState.pause_reason).is_not(None))
            )
            are_free = session.exec(paused).one() == 0
        size = self.hotline.settings.queue_log_path.stat().st_size
        return are_free and row is not None and LogPosition.parse(row.position).offset >= size

    def seat_agents(self, agents: int) -> None:
        """Agents with accounts, one phone process behind all of them, and everyone signed in."""
        own = self.hotline.hotline
        numbers = [str(1001 + n) for n in range(agents)]
        rows = []
        for agent_no in numbers:
            new = roster.NewAgent(agent_no, f"agent {agent_no}", (("talk", 0), ("rush", 0)))
            with own.database.writing() as session:
                _, secret = roster.put_agent(session, new, own.sealer, "benchmark", own.now())
            own.switch.put_account(agent_no, new.name, secret)
            rows.append(f"agent-{agent_no};[authentication username=agent-{agent_no} password={secret}];")
        port = str(free_port())
        registering = sipp(
            REGISTER, self.sip_address, "-p", port, "-m", str(agents), "-r", "30", rows=rows, seconds=20
        )
        good, _ = registering.results(25)
        registering.stop()
        assert good == agents, f"only {good} of {agents} phones could register"
        scenario = phone_scenario(RING_SECONDS, "200 OK").replace("[auto_media_port]", "[media_port]")
        self.running.append(
            sipp(scenario, "-p", port, "-mp", str(free_port()), "-rtp_echo", "-aa", seconds=900)
        )
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda agent_no: self.hotline.wait_reachable(f"agent-{agent_no}"), numbers))
        for agent_no in numbers:
            self.hotline.post(f"/api/agents/{agent_no}/sign-in")

    def stop(self) -> None:
        for one in self.running:
            one.stop()
        self.hotline.stop()


@contextmanager
def side_by_side(
    changes: Mapping[str, Callable[[dict[str, Any]], None]] = CHANGES,
    dialplan: str = _PLAIN_DIALPLAN,
    menus: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[SideBySide]:
    """A real Asterisk, our real server as a process of its own, both with free ports and a folder of their own.

    `menus`: files of menus/ by name, beside the shipped ones.
    """
    bench = SideBySide(RunningHotline(changes=changes))
    try:
        config = bench.hotline.settings.config_dir
        _add_plain_dialplan(config / "asterisk", dialplan)
        (config / "menus").mkdir()
        for name, written in menus.items():
            (config / "menus" / f"{name}.yaml").write_text(written, encoding="utf-8")
        bench.hotline.lay_out()
        bench.hotline.start_asterisk()
        bench.hotline.start_server()
        yield bench
    finally:
        bench.stop()


def _add_plain_dialplan(folder: Path, added: str) -> None:
    shipped = defaults_door.shipped() / "asterisk"
    folder.mkdir(parents=True)
    dialplan = (shipped / "extensions.conf.j2").read_text(encoding="utf-8")
    (folder / "extensions.conf.j2").write_text(dialplan + added, encoding="utf-8")
    # the guard time between two calls of an agent would need hundreds of agents at the highest rates
    queues = (
        (shipped / "queues.conf.j2").read_text(encoding="utf-8").replace("wrapuptime = 3", "wrapuptime = 0")
    )
    if "autofill" not in queues:  # its default, no, rings one agent at a time, whoever else is free
        queues = queues.replace("wrapuptime = 0", "wrapuptime = 0\nautofill = yes")
    (folder / "queues.conf.j2").write_text(queues, encoding="utf-8")
