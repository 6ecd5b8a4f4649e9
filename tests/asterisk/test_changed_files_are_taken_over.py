"""A changed file takes effect without dropping a call; what cannot, waits and says for what."""

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from support.running_hotline import REPOSITORY, RunningHotline
from support.story_line import Line
from support.waiting import wait_for


def test_a_new_number_and_queue_work_while_a_citizen_waits(hotline: RunningHotline, line: Line) -> None:
    line.agent(ring=60)  # signed in, never picks up
    waiting = hotline.new_citizen()
    call = line.call(waiting, stay=120)
    wait_for(lambda: len(line.waiting()) == 1, 20)

    def more(found: dict[str, Any]) -> None:
        found["numbers"].append({"number": "29999", "label": "新号码", "menu": "main", "queue": "brandnew"})
        found["queues"].append({"name": "brandnew", "label": "新队列"})

    hotline.change("hotline.yaml", more)
    done = hotline.type("asterisk render")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("changed: nothing\nNOT IN FORCE: ")
    assert "hotline.yaml (changed)" in done.stdout
    assert "No such queue" in hotline.ask("queue show q-brandnew"), "a draft is nothing to Asterisk"
    done = hotline.type("reload")
    assert done.returncode == 0, done.stderr
    assert "waits" not in done.stdout
    assert "q-brandnew" in hotline.ask("queue show q-brandnew")
    assert len(line.waiting()) == 1, "the waiting citizen stood through it"
    assert (
        line.call(hotline.new_citizen(), called="29999", stay=10).wait(30) == 0
    )  # nobody signed in: told so, and hung up
    assert call.hang_up().wait(40) == 0
    # the citizen went through Queue() once
    record = line.ended(waiting)[0]
    assert hotline.log_of(record["call_id"]).count("ENTERQUEUE") == 1


def test_a_queue_is_drained_before_it_goes(hotline: RunningHotline, line: Line) -> None:
    """Neither a citizen nor the placeholder of his callback keeps it for ever, and nobody is lost with it."""
    line.agent(has_phone=False)
    hotline.citizens()
    citizen = hotline.new_citizen()
    call = line.call(citizen, stay=120)
    wait_for(lambda: len(line.waiting()) == 1, 20)
    path = hotline.settings.config_dir / "hotline.yaml"
    good = path.read_text(encoding="utf-8")

    def without(found: dict[str, Any]) -> None:
        found["queues"] = [queue for queue in found["queues"] if queue["name"] != line.queue]
        for number in found["numbers"]:
            if number["queue"] == line.queue:
                number["queue"] = "general"

    hotline.change("hotline.yaml", without)
    try:
        done = hotline.type("reload")
        assert f"callers still wait in q-{line.queue}" in done.stdout, done.stdout + done.stderr
        assert len(line.waiting()) == 1, "he still stands there"
        line.wait_past_quick(citizen)
        assert call.hang_up().wait(30) == 0
        assert line.ended(citizen)[0]["outcome"] == "queue_abandon"
        wait_for(lambda: "No such queue" in hotline.ask(f"queue show q-{line.queue}"), 60, "it is gone")
        (owed,) = line.callbacks(citizen)
        assert owed["state"] in ("owed", "claimed"), "the placeholder was hung up, the debt stays"
        assert owed["attempt_count"] == 0
    finally:
        path.write_text(good, encoding="utf-8")
        assert hotline.type("reload").returncode == 0


def test_a_queue_that_goes_while_a_citizen_is_in_the_menu_does_not_take_him_along(
    hotline: RunningHotline, line: Line
) -> None:
    """He is led to where his number leads when he comes out of it."""
    other = hotline.new_line()
    citizen = hotline.new_citizen()
    path = hotline.settings.config_dir / "hotline.yaml"
    good = path.read_text(encoding="utf-8")

    def without(found: dict[str, Any]) -> None:
        found["queues"] = [queue for queue in found["queues"] if queue["name"] != line.queue]
        for number in found["numbers"]:
            if number["queue"] == line.queue:
                number["queue"] = other.queue

    hotline.change("hotline.yaml", without)
    try:
        # a wrong key at the end plays the menu once more: about ten seconds, while the files are published beside
        call = line.call(citizen, called=line.keys_number, key="9", stay=120)
        wait_for(lambda: line.in_menu(citizen), 20)
        with ThreadPoolExecutor() as beside:
            reloading = beside.submit(hotline.type, "reload")
            wait_for(lambda: re.search(r"\d\.\d{6}$", line.in_menu(citizen)), 10, "his greeting is over")
            call.press()
            done = reloading.result()
        assert done.returncode == 0, done.stderr
        assert "No such queue" in hotline.ask(f"queue show q-{line.queue}")
        log = [row[4] for row in hotline.queue_log if row[1] == _call_id(hotline, citizen)]
        assert log == ["HOTLINE_ARRIVED"], "he is still in the menu"
        assert call.wait(60) == 0
        (record,) = line.ended(citizen)
        assert (record["queue"], record["outcome"]) == (other.queue, "no_agent")
    finally:
        path.write_text(good, encoding="utf-8")
        assert hotline.type("reload").returncode == 0
        other.close()


def _call_id(hotline: RunningHotline, citizen: str) -> str:
    return next(row[1] for row in hotline.queue_log if row[4] == "HOTLINE_ARRIVED" and row[5] == citizen)


def test_a_changed_dialplan_waits_until_no_call_is_up(hotline: RunningHotline, line: Line) -> None:
    line.agent(ring=60)
    call = line.call(hotline.new_citizen(), stay=120)
    wait_for(lambda: len(line.waiting()) == 1, 20)
    own = hotline.settings.config_dir / "asterisk"
    own.mkdir(exist_ok=True)
    shipped = (REPOSITORY / "config" / "asterisk" / "extensions.conf.j2").read_text(encoding="utf-8")
    (own / "extensions.conf.j2").write_text(
        shipped + "\n[site-own]\nexten => 1,1,Hangup()\n", encoding="utf-8"
    )
    try:
        done = hotline.type("reload")
        assert "extensions.conf: waits until no call is up" in done.stdout, done.stdout + done.stderr
        assert "site-own" not in hotline.ask("dialplan show site-own").split("There is no")[0]
        assert call.hang_up().wait(30) == 0
        wait_for(
            lambda: "Hangup()" in hotline.ask("dialplan show site-own"),
            60,
            "taken over when the line is idle",
        )
    finally:
        (own / "extensions.conf.j2").unlink()
        assert hotline.type("reload").returncode == 0


def test_reload_takes_changed_files_into_force(hotline: RunningHotline, line: Line) -> None:
    hotline.change(
        "hotline.yaml", lambda found: found["pause_reasons"].append({"code": "interview", "label": "采访"})
    )
    agent_no = line.agent(has_phone=False)
    done = hotline.type("reload")
    assert done.returncode == 0, done.stderr
    assert "is in force" in done.stdout

    def is_paused() -> bool:
        try:
            return bool(
                hotline.post(f"/api/agents/{agent_no}/pause", {"reason": "interview"})["pause_reason"]
            )
        except AssertionError:
            return False

    wait_for(is_paused, 15, "the server knows the new reason")


def test_a_new_hold_prompt_is_played_and_the_old_one_stays_for_those_who_wait(
    hotline: RunningHotline,
) -> None:
    """Asterisk keeps the names of the files that it plays until it is told to read its folder again."""

    def played() -> list[Path]:
        return [
            Path(row.split("File: ")[1].strip() + ".wav")
            for row in hotline.ask("moh show files").splitlines()
            if "File: " in row
        ]

    before = played()
    assert before
    assert all(one.is_file() for one in before)
    path = hotline.settings.config_dir / "prompts.yaml"
    good = path.read_text(encoding="utf-8")
    hotline.change("prompts.yaml", lambda found: found["prompts"]["hold_on"].update(zh="请您稍候"))
    try:
        with tempfile.TemporaryDirectory() as aside:
            done = hotline.type("asterisk render --to", aside)
            assert done.returncode == 0, done.stderr
        assert played() == before, "only looked at"
        assert hotline.type("asterisk render").returncode == 0
        assert played() == before, "not published yet"
        done = hotline.type("reload")
        assert done.returncode == 0, done.stderr
        after = played()
        assert after != before
        assert all(one.is_file() for one in after + before), "who waits hears the old one to his end"
    finally:
        path.write_text(good, encoding="utf-8")
        assert hotline.type("reload").returncode == 0
    assert played() == before


def test_bad_files_change_nothing(hotline: RunningHotline) -> None:
    path = hotline.settings.config_dir / "hotline.yaml"
    good = path.read_text(encoding="utf-8")
    before = {file.name: file.read_bytes() for file in (hotline.settings.asterisk_dir / "etc").iterdir()}
    path.write_text(good + "\nsurprise: 1\n", encoding="utf-8")
    try:
        done = hotline.type("reload")
        assert done.returncode == 1
        assert "hotline.yaml:" in done.stderr
        done = hotline.type("asterisk render")
        assert done.returncode == 0, "the set in force is as good as before"
        assert "hotline.yaml:" in done.stdout, "and the faults of the draft are told"
        checked = hotline.type("check")
        assert checked.returncode == 1
        assert "surprise" in checked.stdout
    finally:
        path.write_text(good, encoding="utf-8")
    assert {
        file.name: file.read_bytes() for file in (hotline.settings.asterisk_dir / "etc").iterdir()
    } == before
