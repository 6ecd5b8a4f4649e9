"""doctor, status, call, backup and restore against a hotline that runs, with a real Asterisk."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.command_line import Done, run_command
from support.running_hotline import RunningHotline
from support.story_line import Line
from support.waiting import wait_for

from hotline import place_call
from hotline.place_call import CannotCall, PlannedCall
from hotline.settings import Settings
from tickets.outcome import Outcome


def command(hotline: RunningHotline, *words: str, **environment: str) -> Done:
    return run_command(list(words), {**hotline.variables, **environment})


def planned(hotline: RunningHotline, number: str, *, caller: str | None = None, wait: int = 2) -> PlannedCall:
    return place_call.plan_call(
        hotline.settings, number, caller=caller, wait=wait, seconds=2, now=datetime.now(UTC)
    )


def placed(hotline: RunningHotline, call: PlannedCall) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    return asyncio.run(place_call.place(hotline.settings, call, said.append)), said


def test_a_test_call_is_answered_and_told(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent()
    citizen = hotline.new_citizen()
    done = command(hotline, "call", line.number, "--caller", citizen, "--seconds", "2", "--wait", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    stages = [row.split(" s  ", 1)[1] for row in done.stdout.splitlines()]
    assert stages[0].startswith(f"arrived at {line.number} from {citizen[:3]}****{citizen[-4:]}")
    assert stages[1:5] == [
        "greeted",
        f"waits in queue {line.queue}",
        "an agent's phone rings",
        f"agent answered: {agent_no}",
    ]
    assert stages[5].startswith("ended: answered")
    assert stages[6].startswith("ticket ")

    record = line.ended(citizen)[0]
    assert record["outcome"] == "answered"
    assert 1 <= record["talk_seconds"] <= 5
    assert f"call {record['call_id']}" in stages[0]


def test_a_test_call_that_nobody_answers_is_owed_a_callback(hotline: RunningHotline, line: Line) -> None:
    line.agent(has_phone=False)
    citizen = hotline.new_citizen()
    outcome, said = placed(hotline, planned(hotline, line.number, caller=citizen))
    assert outcome is Outcome.QUEUE_ABANDON
    assert "nobody answered" in said[3]
    assert any("callback" in stage and citizen[-4:] in stage for stage in said)
    assert line.callbacks(citizen)
    assert "talking" not in "".join(said)


def test_a_test_call_with_nobody_signed_in(hotline: RunningHotline, line: Line) -> None:
    done = command(hotline, "call", line.number, "--caller", hotline.new_citizen())
    assert done.returncode == 3, done.stderr
    assert "ended: no_agent" in done.stdout


def test_a_cancelled_test_call_leaves_no_channel(hotline: RunningHotline, line: Line) -> None:
    line.agent(has_phone=False)
    call = planned(hotline, line.number, caller=hotline.new_citizen(), wait=60)

    async def cancel_in_the_queue() -> None:
        said: list[str] = []
        task = asyncio.create_task(place_call.place(hotline.settings, call, said.append))
        async with asyncio.timeout(20):
            while not any("waits" in stage for stage in said):
                await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_in_the_queue())
    wait_for(lambda: call.call_id not in hotline.ask("core show channels concise"), 10)
    assert line.ended()


def test_a_number_that_is_not_ours_is_refused(hotline: RunningHotline) -> None:
    with pytest.raises(CannotCall, match=r"119 is not a number of this hotline.*12345"):
        planned(hotline, "119")
    with pytest.raises(CannotCall, match="not a telephone number"):
        planned(hotline, "12345", caller="not a number")
    done = command(hotline, "call", "119")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_another_home_does_not_run(hotline: RunningHotline, tmp_path: Path) -> None:
    elsewhere = Settings.model_validate({"home": tmp_path})
    with pytest.raises(CannotCall, match="does not run"):
        place_call.plan_call(elsewhere, "12345", caller=None, wait=1, seconds=1, now=datetime.now(UTC))


def test_a_wrong_manager_secret_is_told(hotline: RunningHotline, line: Line) -> None:
    done = command(hotline, "call", line.number, HOTLINE_AMI_SECRET="wrong-wrong")
    assert done.returncode == 1
    assert "does not let us in" in done.stderr


def test_doctor_finds_the_running_hotline_well(hotline: RunningHotline) -> None:
    done = command(hotline, "doctor")
    assert done.returncode == 0, done.stdout
    assert " 0 FAIL" in done.stdout
    assert "ok    asterisk: 2" in done.stdout
    assert "is being read" in done.stdout
    assert "nobody listens" not in done.stdout


def test_doctor_tells_a_wrong_secret_of_asterisk(hotline: RunningHotline) -> None:
    done = command(hotline, "doctor", HOTLINE_ARI_SECRET="wrong-wrong")
    assert done.returncode == 1
    assert "refuses our secret" in done.stdout


def test_status_tells_who_waits(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent(has_phone=False)
    call = line.call(hotline.new_citizen(), stay=120)
    wait_for(line.waiting)

    def waiting() -> int:
        found = json.loads(command(hotline, "status", "--json").stdout)
        assert found["is_up"]
        assert found["asterisk"].startswith("2")
        assert found["agents"]["ready"] >= 1, agent_no
        return int(found["queues"][line.queue]["waiting"])

    assert wait_for(waiting) == 1
    shown = command(hotline, "status")
    assert shown.returncode == 0
    assert shown.stdout.startswith("The hotline is up.")
    call.stop()


def test_a_backup_is_taken_while_calls_go_on(hotline: RunningHotline, line: Line, tmp_path: Path) -> None:
    line.agent()
    citizen = hotline.new_citizen()
    assert placed(hotline, planned(hotline, line.number, caller=citizen, wait=20))[0] is Outcome.ANSWERED
    call = line.call(hotline.new_citizen(), stay=120)
    wait_for(lambda: [one for one in line.calls() if one["answered_at"] and one["is_open"]])
    done = command(hotline, "backup", str(tmp_path / "data"), "--keys", str(tmp_path / "keys"))
    assert done.returncode == 0, done.stderr
    call.stop()

    [folder] = (tmp_path / "data").iterdir()
    over_the_running = command(hotline, "restore", str(folder), "--force")
    assert over_the_running.returncode == 1
    assert "stop it first" in over_the_running.stderr

    new = {"HOTLINE_HOME": str(tmp_path / "new")}
    restored = command(hotline, "restore", str(folder), "--keys", str(tmp_path / "keys"), **new)
    assert restored.returncode == 0, restored.stderr
    assert command(hotline, "status", **new).stdout.count("Calls ") == 1
    assert (tmp_path / "new" / "config" / "hotline.yaml").is_file()
