"""`hotline menus …` on the files that the program lays out: what an admin reads before he lets anybody call."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.command_line import Done, run_command
from support.repository import ROOT

from ivr.config_files.checker import check
from ivr.menus.language_page import menu_schema
from ivr.prompts.estimate import estimated_seconds

WALK = """\
menu examples/with_keys, number 12345, language zh
    0.0 s  choose            ~ 5.5 s  您好，12345热线，通话将录音。  [greeting]
    5.5 s  choose            ~ 6.9 s  企业事务请按1，供热请按2，人工服务请按0。  [choose_matter]
   12.4 s  choose            5 s are waited for a key: presses 9
   12.4 s  choose            ~ 4.1 s  您的按键有误，请重新选择。  [wrong_key]
   16.5 s  choose            ~ 5.5 s  您好，12345热线，通话将录音。  [greeting]
   21.9 s  choose            ~ 6.9 s  企业事务请按1，供热请按2，人工服务请按0。  [choose_matter]
   28.8 s  choose            5 s are waited for a key: presses nothing
ends after 33.8 s: in the queue general (the default queue of 12345)
not asked for any more: 3
no walk through this menu lasts longer than 38.8 s, whatever is pressed
"""
PATHS = """\
menu examples/with_keys, number 12319, language zh: 6 paths, the longest first
   38.8 s  choose/person  (3-9 * #, 0 3-9 * # or silence)  → in the queue general (the default queue of 12319)
   38.8 s  choose/enterprise  (3-9 * #, 1)  → in the queue enterprise, category enterprise
   38.8 s  choose/heating  (3-9 * #, 2)  → in the queue heating, category heating
   17.4 s  choose/person  (0 or silence)  → in the queue general (the default queue of 12319)
   17.4 s  choose/enterprise  (1)  → in the queue enterprise, category enterprise
   17.4 s  choose/heating  (2)  → in the queue heating, category heating
a person is reached after 38.8 s at worst
no walk through this menu lasts longer than 38.8 s, whatever is pressed
"""


@dataclass(frozen=True)
class Desk:
    folder: Path

    def type(self, *words: str) -> Done:
        return run_command(
            ["menus", *words],
            {"HOTLINE_HOME": str(self.folder / "home"), "HOTLINE_CONFIG": str(self.folder / "config")},
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return Desk(tmp_path)


def test_a_walk_is_printed_step_by_step(desk: Desk) -> None:
    supposed = ["--at", "2026-02-17 03:00", "--caller", "13800138000", "--waiting", "general=12"]
    done = desk.type("simulate", "examples/with_keys", "--keys", "9,,3", *supposed)
    assert (done.returncode, done.stdout, done.stderr) == (0, WALK, "")
    assert not (desk.folder / "home").exists(), "a look writes nothing"


def test_a_run_of_keys_is_pressed_one_after_the_other(desk: Desk) -> None:
    walk = ["simulate", "examples/with_a_number", "--keys"]
    typed = desk.type(*walk, "123456#,1")
    assert (typed.returncode, typed.stderr) == (0, "")
    assert typed.stdout == desk.type(*walk, "1,2,3,4,5,6,#,1").stdout
    assert "water" in typed.stdout
    assert "heating" in desk.type(*walk, "200000#1").stdout, "what was typed is what is kept"


def test_every_path_is_listed_with_its_worst_seconds(desk: Desk) -> None:
    done = desk.type("simulate", "examples/with_keys", "--explore", "--number", "12319")
    assert (done.returncode, done.stdout, done.stderr) == (0, PATHS, "")


def test_a_message_is_supposed_to_be_spoken_and_that_is_said(desk: Desk) -> None:
    done = desk.type("simulate", "examples/with_voicemail", "--keys", "1,#,1,#", "--speaks", "7")
    assert done.returncode == 0, done.stderr
    told = [
        line.split("message           ", 1)[1] for line in done.stdout.splitlines() if "message    " in line
    ]
    assert told[1:] == [
        "a message is recorded (at least 3 s, at most 120 s, ended by 5 s of silence or #): "
        "he is supposed to speak for 7 s, then presses #",
        "~ 8.4 s  收听留言请按1，重新录制请按2，确认请挂机或按井号键。  [message_keys]",
        "5 s are waited for a key: presses 1",
        "hears his own message",
        "~ 8.4 s  收听留言请按1，重新录制请按2，确认请挂机或按井号键。  [message_keys]",
        "5 s are waited for a key: presses #",
    ]
    assert "hang-up\n" in done.stdout
    short = desk.type("simulate", "examples/with_voicemail", "--keys", "1", "--speaks", "2").stdout
    assert "he is supposed to speak for 2 s, then is silent: too short for a message\n" in short


def test_a_menu_with_a_recorder_is_explored_and_drawn(desk: Desk) -> None:
    paths = desk.type("simulate", "examples/with_voicemail", "--explore").stdout
    assert "choose/message/thanks" in paths
    assert "1, 0)" in paths, "a key before the tone leads to a person"
    drawn = desk.type("graph", "examples/with_voicemail").stdout
    assert (
        "<b>message</b><br/>voicemail<br/>leave_message message_keys message_too_short technical_fault"
        in drawn
    )
    assert '|"0 too_short failed"|' in drawn


def test_a_walk_while_an_emergency_message_is_on(desk: Desk) -> None:
    done = desk.type("simulate", "examples/with_keys", "--keys", "2", "--broadcast", "storm")
    assert done.returncode == 0, done.stderr
    said = [line.split("[")[-1].rstrip("]") for line in done.stdout.splitlines() if "[" in line]
    assert said == ["greeting", "choose_matter", "storm_known", "storm_to_do"]
    assert "in the queue heating" in done.stdout
    explored = desk.type("simulate", "main", "--explore", "--broadcast", "storm")
    without = desk.type("simulate", "main", "--explore")
    assert (
        explored.stdout.splitlines()[1].split()[2]
        == without.stdout.splitlines()[1].split()[2]
        == "greeting/person"
    )
    assert explored.stdout != without.stdout
    unknown = desk.type("simulate", "main", "--broadcast", "strom")
    assert (unknown.returncode, 'Did you mean "storm"?' in unknown.stderr) == (2, True)


def test_a_menu_has_a_place_for_an_emergency_message(desk: Desk) -> None:
    def said(*words: str) -> list[str]:
        done = desk.type("simulate", "examples/with_broadcast", *words)
        assert done.returncode == 0, done.stderr
        return [line.split("[")[-1].rstrip("]") for line in done.stdout.splitlines() if "[" in line]

    assert said("--keys", ",2") == ["greeting", "for_english", "choose_matter"]
    on = ["--broadcast", "heating_outage"]
    message = ["heating_outage_known", "heating_outage_to_do"]
    assert said("--keys", ",2", *on) == ["greeting", "for_english", *message, "choose_matter"]
    assert said("--keys", "0", *on) == ["greeting", "for_english", *message], (
        "whoever comes by no place of it"
    )
    assert said("--keys", "9,0", *on) == ["greeting", "for_english", *message, "choose_matter"]
    drawn = desk.type("graph", "examples/with_broadcast").stdout
    assert "broadcast" in drawn


def test_no_message_holds_up_an_emergency(desk: Desk) -> None:
    lines = desk.folder / "config" / "hotline.yaml"
    as_shipped = lines.read_text("utf-8")
    walked = ["simulate", "main", "--broadcast", "storm"]
    assert "[storm_known]" in desk.type(*walked).stdout
    for marked in ("  - name: general\n", "  - number: 12345\n"):
        assert as_shipped.count(marked) == 1
        lines.write_text(as_shipped.replace(marked, f"{marked}    is_emergency: true\n"), "utf-8")
        done = desk.type(*walked)
        assert (done.returncode, "[storm_known]" in done.stdout) == (0, False), done.stderr


def test_a_hasty_key_is_pressed_in_the_first_second(desk: Desk) -> None:
    done = desk.type("simulate", "examples/with_keys", "--keys", "1", "--hasty")
    assert "    0.0 s  choose            presses 1 at once\n" in done.stdout
    assert "ends after 0.0 s: in the queue enterprise, category enterprise\n" in done.stdout


BLOCKLIST = """\
kind: blocklist
entries:
  - {number: 138 0013 8000, reason: 多次骚扰, approver: 值班长 李, start: 2026-11-01, expiry: 2026-11-30}
"""
ENTERPRISES = "kind: enterprise\nentries: [{number: 2021234, name: 示例机械厂}]\n"
TURNED_AWAY = """\
menu examples/with_lists, number 12345, language zh
    0.0 s  greeting          ~ 5.5 s  您好，12345热线，通话将录音。  [greeting]
    5.5 s  who               case 1: caller_on: nuisance
    5.5 s  who               138****8000 is on the list nuisance: 多次骚扰; approved by 值班长 李; from 2026-11-01 to 2026-11-30
    5.5 s  turned_away       ~ 8.7 s  您的来电因多次骚扰已被限制。如有诉求或紧急情况，请按0。  [calls_limited]
   14.1 s  turned_away       5 s are waited for a key: presses 0
ends after 14.1 s: in the queue general (the default queue of 12345)
no walk through this menu lasts longer than 40.1 s, whatever is pressed
"""


def test_a_caller_is_led_by_the_lists_of_a_call_and_it_is_said_by_which_entry(desk: Desk) -> None:
    for name, written in (("nuisance", BLOCKLIST), ("enterprises", ENTERPRISES)):
        (desk.folder / "config" / "lists" / f"{name}.yaml").write_text(written, "utf-8")
    simulate = ["simulate", "examples/with_lists", "--keys", "0", "--at"]
    blocked = desk.type(*simulate, "2026-11-30 23:59", "--caller", "+8613800138000")
    assert (blocked.returncode, blocked.stdout, blocked.stderr) == (0, TURNED_AWAY, "")
    expired = desk.type(*simulate, "2026-12-01 00:00", "--caller", "+8613800138000")
    assert "is on the list" not in expired.stdout
    assert "ends after 5.5 s: in the queue general" in expired.stdout
    enterprise = desk.type(*simulate, "2026-11-30 23:59", "--caller", "0355-2021234")
    assert (
        "    5.5 s  who               0355****34 is on the list enterprises: 示例机械厂\n"
        in enterprise.stdout
    )
    assert "in the queue enterprise, category enterprise\n" in enterprise.stdout
    withheld = desk.type(*simulate, "2026-11-30 23:59", "--caller", "anonymous")
    assert "is on the list" not in withheld.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["simulate", "mian"], 'no menu "mian" without a fault. Did you mean "main"?'),
        (
            ["simulate", "main", "--keys", "1;2"],
            '--keys: "1;2" cannot be pressed on a telephone: 0 to 9, * and #, with commas between',
        ),
        (
            ["simulate", "main", "--keys", "1,12a#"],
            '--keys: "12a#" cannot be pressed on a telephone: 0 to 9, * and #, with commas between',
        ),
        (["simulate", "main", "--at", "noon"], '--at noon: write it as "2026-02-17 03:00"'),
        (["simulate", "main", "--number", "12346"], 'no number "12346". Did you mean "12345"?'),
        (["simulate", "main", "--waiting", "general"], "--waiting general: write QUEUE=COUNT, such as general=12"),
        (["simulate", "main", "--ready", "general=x"], "--ready general=x: write QUEUE=COUNT, such as general=12"),
        (["simulate", "main", "--estimated-wait", "x"], "--estimated-wait x: write QUEUE=SECONDS, such as general=12"),
        (["simulate", "main", "--ready", "heatng=1"], '--ready: no queue "heatng". Did you mean "heating"?'),
        (["simulate", "main", "--value", "TRUNK=x"], "--value TRUNK=x: write NAME=VALUE, such as HOTLINE_TRUNK=carrier-a"),
        (["simulate", "main", "--waiting", "genral=1"], '--waiting: no queue "genral". Did you mean "general"?'),
    ],
)  # fmt: skip
def test_what_is_mistyped_is_told_in_one_line(desk: Desk, words: list[str], told: str) -> None:
    done = desk.type(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"hotline: {told}\n")


def test_files_with_a_fault_are_not_tried_out(desk: Desk) -> None:
    main = desk.folder / "config" / "menus" / "main.yaml"
    main.write_text(main.read_text("utf-8").replace("next: person", "next: persn"), "utf-8")
    done = desk.type("simulate", "main")
    assert done.returncode == 1
    assert 'menus/main.yaml:12:11  nodes → greeting → next: no node "persn". Did you mean' in done.stdout
    assert f"hotline: 1 problem in {desk.folder / 'config'}\n" == done.stderr


def test_a_menu_is_drawn_as_text_or_picture(desk: Desk) -> None:
    text = desk.type("graph", "examples/with_keys")
    assert text.returncode == 0
    assert text.stdout.startswith("flowchart TD\n")
    assert '    n0 -->|"0 no_key wrong_key"| n3\n' in text.stdout
    picture = desk.type("graph", "examples/with_keys", "--svg")
    assert ElementTree.fromstring(picture.stdout).tag == "{http://www.w3.org/2000/svg}svg"
    assert (
        desk.type("graph", "mian").stderr == 'hotline: no menu "mian" without a fault. Did you mean "main"?\n'
    )


def test_the_schema_is_printed_as_json(desk: Desk) -> None:
    done = desk.type("schema")
    assert done.returncode == 0
    assert json.loads(done.stdout) == menu_schema()


def test_who_waits_in_vain_is_led_on_and_how_he_waits_is_said(desk: Desk) -> None:
    served = desk.type("simulate", "examples/with_overflow", "--keys", "2")
    assert served.returncode == 0, served.stderr
    assert ": in the queue heating, category heating, at most 120 s\n" in served.stdout
    done = desk.type("simulate", "examples/with_overflow", "--keys", "2", "--unserved")
    told = [line[7:] for line in done.stdout.splitlines() if "waits in" in line]
    assert told == [
        " s  heating           waits in the queue heating, category heating, at most 120 s: nobody serves him",
        " s  person            waits in the queue general (the default queue of 12345), at most 300 s: nobody serves him",
    ]
    assert (
        "/heating/person/late/waits_on  "
        in desk.type("simulate", "examples/with_overflow", "--explore").stdout
    )


def test_a_class_a_part_and_what_is_announced_are_said(desk: Desk) -> None:
    hotline = desk.folder / "config" / "hotline.yaml"
    written = hotline.read_text("utf-8")
    written = written.replace("    languages: [zh, en]", "    languages: [zh, en]\n    part_of: general")
    written = written.replace("    # announcements:", "    announcements:")
    written = written.replace("# priority_classes:", "priority_classes:").replace(
        "#   - {name: dis", "  - {name: dis"
    )
    hotline.write_text(written, "utf-8")
    menu = desk.folder / "config" / "menus" / "waits.yaml"
    menu.write_text(
        "start: english\nnodes:\n  english: {kind: language, language: en, next: person}\n"
        "  person: {kind: queue, priority: disabled, longest_wait: 60, then: anybody}\n"
        "  anybody: {kind: queue, language: zh, announcements: off}\n",
        "utf-8",
    )
    done = desk.type("simulate", "waits", "--unserved")
    assert done.returncode == 0, done.stdout + done.stderr
    part = "enterprise, a part of general (the default queue of 12345)"
    assert f"waits in the queue {part}, class disabled (120 s earlier in line), at most 60 s" in done.stdout
    assert (
        "ends after 60.0 s: in the queue general (the default queue of 12345), announcements off"
        in done.stdout
    )


IN_ENGLISH = """\
start: english
nodes:
  english: {kind: language, language: en, next: choose}
  choose:
    kind: menu
    prompts: [choose_matter]
    keys: {0: person}
    no_key: {then: person}
    wrong_key: {replays: 0, then: person}
  person: {kind: queue, queue: enterprise}
"""


def test_who_chose_a_language_hears_it_as_long_as_it_lasts(desk: Desk) -> None:
    (desk.folder / "config" / "menus" / "en.yaml").write_text(IN_ENGLISH, "utf-8")
    configuration, problems = check(desk.folder / "config")
    assert configuration is not None, problems
    known = configuration.prompts
    lasts = estimated_seconds(known.prompts["choose_matter"], "en", known)
    assert abs(lasts - estimated_seconds(known.prompts["choose_matter"], "zh", known)) > 0.1
    lines = desk.type("simulate", "en").stdout.splitlines()
    assert f"~{lasts:4.1f} s  For enterprise matters" in lines[1]
    assert lines[-1] == f"no walk through this menu lasts longer than {lasts + 5:.1f} s, whatever is pressed"


WHY = """\
start: whose
nodes:
  whose:
    kind: branch
    cases:
      - {when: {value: {name: HOTLINE_TRUNK, one_of: [test-loopback]}}, then: again}
      - {when: {withheld: true}, then: person}
    else: again
  again: {kind: branch, cases: [{when: {repeat_caller: true}, then: heating}], else: person}
  heating: {kind: queue, queue: heating}
  person: {kind: queue}
"""


@pytest.mark.parametrize(
    ("supposed", "told"),
    [
        ([], ["else (case 1 is not known, case 2 is not known)", "else (case 1 is not known)"]),
        (
            ["--value", "HOTLINE_TRUNK=test-loopback", "--repeat-caller"],
            ["case 1: value: {name: HOTLINE_TRUNK, one_of: [test-loopback]}", "case 1: repeat_caller: true"],
        ),
        (
            ["--value", "HOTLINE_TRUNK=carrier-b", "--caller", "13800138000", "--first-call"],
            ["else (case 1 is not so, case 2 is not so)", "else (case 1 is not so)"],
        ),
        (["--caller", ""], ["case 2: withheld: true (case 1 is not known)"]),
    ],
)
def test_by_which_case_he_was_led_and_why_is_said(desk: Desk, supposed: list[str], told: list[str]) -> None:
    (desk.folder / "config" / "menus" / "why.yaml").write_text(WHY, "utf-8")
    done = desk.type("simulate", "why", *supposed)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line[29:] for line in done.stdout.splitlines()[1:] if line.startswith("    0.0 s  ")]
    assert lines == told


def test_what_the_queues_look_like_is_supposed(desk: Desk) -> None:
    walked = ["simulate", "examples/by_the_hour", "--at", "2026-11-24 10:00"]
    busy = "agents_ready: {queue: enterprise, fewer_than: 1}"
    nobody = desk.type(*walked, "--ready", "enterprise=0", "--estimated-wait", "enterprise=300").stdout
    assert "by_the_hour       case 1: " in nobody
    assert busy in nobody
    for supposed in (["--ready", "enterprise=1"], ["--estimated-wait", "enterprise=299"]):
        assert "case 2: hours: office (case 1 is not so)" in desk.type(*walked, *supposed).stdout
    assert "case 2: hours: office (case 1 is not known)" in desk.type(*walked).stdout
