"""Asterisk's files: deterministic, and no value can end a line, open a section or be evaluated by the dialplan."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.asterisk_site import TEMPLATES, site

from hotline import defaults_door
from hotline.settings import Settings
from ivr.calls.desk import HANG_UP, LED_ON, SORRY, WALKING
from ivr.config_files.checker import check
from ivr.config_files.running import Running
from ivr.lines import Announcements, Destination, Lines
from ivr.prompts.rendering import PromptLibrary
from ivr.telephony.asterisk_files import FILTERS, CannotRender, render, write_changed
from vocabulary import hotline_names
from vocabulary.phone_numbers import NumberKind

ATTACKS = [
    "x\ny",
    "x;y",
    "x\r\n[general]",
    "#include x",
    "${SHELL(id)}",
    "$[1+1]",
    "a|b",
    'a"b',
    "a\\b",
    "[x]",
    "x\x00y",
]


@pytest.fixture(scope="module")
def lines() -> Lines:
    configuration, problems = check(defaults_door.shipped())
    assert configuration is not None, problems
    return configuration.lines


def test_the_same_input_gives_the_same_bytes(lines: Lines) -> None:
    assert render(lines, site(), TEMPLATES) == render(lines, site(), TEMPLATES)


def test_every_template_is_rendered_and_ends_its_last_line(lines: Lines) -> None:
    files = render(lines, site(), TEMPLATES)
    assert set(files) == {path.name.removesuffix(".j2") for path in TEMPLATES[0].glob("*.j2")}
    assert all(
        content.endswith("\n") and "{{" not in content and "{%" not in content for content in files.values()
    )


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("kind", ["word", "address", "path", "text", "dialled", "user"])
def test_what_could_break_a_file_is_refused(kind: str, attack: str) -> None:
    value = f"/x/{attack}" if kind == "path" else attack
    with pytest.raises(CannotRender) as refused:
        FILTERS[kind](value)
    assert refused.value.kind


SECRETS = "8 to 128 printable ASCII characters, no space, no ';', no '${', and neither '#' nor '[' first"


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (
            "word",
            "a b",
            "'a b' cannot stand in Asterisk's files as a word: letters, digits, '_', '.' and '-' only",
        ),
        ("address", "a b", "'a b' cannot stand in Asterisk's files as a address: no such host can be"),
        (
            "path",
            "x",
            "'x' cannot stand in Asterisk's files as a path: an absolute path without special characters",
        ),
        (
            "user",
            "a b",
            "'a b' cannot stand in Asterisk's files as a user name: letters, digits and + . _ @ - only",
        ),
        ("secret", "short", f"what was given cannot stand in Asterisk's files as a secret: {SECRETS}"),
        ("dialled", "x", "'x' cannot stand in Asterisk's files as a telephone number: digits only"),
        ("text", "a\tb", "'a\\tb' cannot stand in Asterisk's files as a text: it holds a control character"),
        ("text", "a;b", "'a;b' cannot stand in Asterisk's files as a text: it holds ';'"),
        ("plans", 1, "1 cannot stand in Asterisk's files as a list of number plans: it is no list"),
        (
            "expression",
            "(a)",
            "'(a)' cannot stand in Asterisk's files as a regular expression: it is none of ours",
        ),
        ("number", True, "True cannot stand in Asterisk's files as a number: it is no whole number"),
    ],
)
def test_a_refused_value_is_told_in_these_words(kind: str, value: object, words: str) -> None:
    with pytest.raises(CannotRender) as refused:
        FILTERS[kind](value)
    assert str(refused.value) == words


@given(st.text())
def test_whatever_passes_a_filter_is_one_harmless_line(text: str) -> None:
    for kind in ("word", "address", "text", "dialled", "user", "secret"):
        try:
            kept = FILTERS[kind](text)
        except CannotRender:
            continue
        assert kept == text
        assert not re.search(r"[\r\n\x00;]|\$\{|\$\[|^#|^\[", kept)


def test_a_label_that_slipped_past_the_checker_is_refused_here(lines: Lines) -> None:
    queue = lines.queues[0].model_copy(update={"label": "x\n[general]\nautopause=all"})
    bad = lines.model_copy(update={"queues": [queue, *lines.queues[1:]]})
    with pytest.raises(CannotRender, match="control character"):
        render(bad, site(), TEMPLATES)


def test_a_secret_with_a_semicolon_is_refused_not_cut(lines: Lines) -> None:
    with pytest.raises(CannotRender):
        render(lines, replace(site(), ami_secret="abcdefgh;ijk"), TEMPLATES)


def test_a_template_cannot_print_a_value_without_a_filter(lines: Lines, tmp_path: Path) -> None:
    (tmp_path / "own.conf.j2").write_text("x = {{ system_name }}\n", encoding="utf-8")
    with pytest.raises(CannotRender, match="the template prints it without a filter"):
        render(lines, site(), [tmp_path])


@pytest.mark.parametrize("printed", ["ami_secret", "ami_secret | number", "'x ' ~ ami_secret | word"])
def test_a_template_that_misuses_a_secret_does_not_tell_it(
    lines: Lines, tmp_path: Path, printed: str
) -> None:
    (tmp_path / "own.conf.j2").write_text(f"x = {{{{ {printed} }}}}\n", encoding="utf-8")
    with pytest.raises(CannotRender, match="what was given cannot stand") as refused:
        render(lines, replace(site(), ami_secret="S3cret%OfManager"), [tmp_path])
    assert "S3cret" not in f"{refused.value} {refused.value.value!r}"


@pytest.mark.parametrize("character", ":&,")
def test_a_folder_that_dial_or_playback_would_split_is_refused(character: str) -> None:
    with pytest.raises(CannotRender):
        FILTERS["path"](f"/srv/a{character}b")


def test_a_sites_own_template_hides_the_shipped_one(lines: Lines, tmp_path: Path) -> None:
    (tmp_path / "cdr.conf.j2").write_text("[general]\nenable = yes\n", encoding="utf-8")
    files = render(lines, site(), [tmp_path, *TEMPLATES])
    assert files["cdr.conf"] == "[general]\nenable = yes\n"
    assert "extensions.conf" in files


def test_only_changed_files_are_written(lines: Lines, tmp_path: Path) -> None:
    files = render(lines, site(), TEMPLATES)
    assert set(write_changed(files, tmp_path)) == set(files)
    assert write_changed(files, tmp_path) == {}
    files["cdr.conf"] += "; more\n"
    assert list(write_changed(files, tmp_path)) == ["cdr.conf"]
    assert (tmp_path / "cdr.conf").stat().st_mode & 0o777 == 0o600


REPOSITORY = Path(__file__).parents[3]
ROOMS = ("agi_scripts", "hotline", "ivr", "missed_call_redial", "routing", "tickets", "vocabulary")
DIALPLANS_OWN = {
    "ANNOUNCED", "CREDIT", "PARTED",
    "AGENT", "AGI", "AT", "BESIDE", "BY", "CALLED", "JOINED", "KEY", "LEFT", "LEG", "LIVE", "LOST", "NTH", "OUT", "PLAN", "PROBE",
    "PRIO_BASE", "PRIO_EPOCH", "PROMPTS", "RESULT", "ROUND", "SAID", "SHOWN", "SILENCE", "SILENT", "SILENT_UNTIL", "SIP",
    "PLACE", "SOUNDS", "SOURCE", "SPOKEN", "STAGE", "STATUS", "STEP", "TALK", "TO", "TO_NAME", "WAIT", "WORD",
}  # fmt: skip
"""HOTLINE_ words that Python never needs to know: a new one goes into vocabulary/hotline_names.py, or here."""


def _ours() -> set[str]:
    names = {value for value in vars(hotline_names).values() if isinstance(value, str)}
    return {name for name in names if name.startswith("HOTLINE_")}


def test_the_dialplan_and_the_server_use_the_same_names() -> None:
    """Every HOTLINE_ word that Python knows is used in the dialplan, and every other in it is the dialplan's own."""
    dialplan = (TEMPLATES[0] / "extensions.conf.j2").read_text(encoding="utf-8")
    code = "\n".join(row for row in dialplan.splitlines() if not row.startswith(";"))
    trunks = (TEMPLATES[0] / "pjsip.conf.j2").read_text(encoding="utf-8")
    used = set(re.findall(r"(?<![A-Z])HOTLINE_[A-Z_]+", f"{code}\n{trunks}".replace("__HOTLINE", "HOTLINE")))
    assert _ours()
    assert _ours() - used == set()
    assert used - _ours() == {f"HOTLINE_{name}" for name in DIALPLANS_OWN}


def test_the_words_of_the_last_line_are_the_same() -> None:
    dialplan = (TEMPLATES[0] / "extensions.conf.j2").read_text(encoding="utf-8")
    assert f"Set(HOTLINE_STATUS={hotline_names.LOST_AGENT})" in dialplan
    for word in (HANG_UP, SORRY, LED_ON, WALKING):
        assert re.search(rf'"\$\{{HOTLINE_NEXT\}}" !?= "{word}"', dialplan), word
    assert f"Set(HOTLINE_STATUS={hotline_names.IVR_SERVED})" in dialplan
    assert f"Set(HOTLINE_STATUS={hotline_names.TRANSFERRED})" in dialplan
    assert f"Set(HOTLINE_STATUS={hotline_names.TRANSFER_GIVEN_UP})" in dialplan
    assert f'"${{CUT(HOTLINE_WAY,:,1)}}" = "{hotline_names.TRANSFER_BYE}"' in dialplan
    assert f"?{hotline_names.LOST_AGENT}:{hotline_names.AGENT_LEFT})" in dialplan


def test_the_dialplan_leads_on_from_as_many_lines_as_the_walk_does(lines: Lines) -> None:
    dialplan = render(lines, site(), TEMPLATES)["extensions.conf"]
    limits = re.findall(r"\$\{HOTLINE_ROUND\} > (\d+)\]\?Set\(HOTLINE_(\w+)=\)", dialplan)
    most = str(hotline_names.MOST_LINES)
    assert limits == [(most, "THEN"), (most, "WAIT")]
    (ends,) = re.findall(r"\$\{HOTLINE_ROUND\} > (\d+)\]\?enough", dialplan)
    assert int(ends) > hotline_names.MOST_LINES


def test_no_list_of_numbers_is_asked_before_it_is_known_to_hold_one() -> None:
    """An empty expression matches every number."""
    rows = (TEMPLATES[0] / "extensions.conf.j2").read_text(encoding="utf-8").splitlines()
    asked = [n for n, row in enumerate(rows) if "REGEX(" in row and not row.startswith(";")]
    assert len(asked) == 3
    for n in asked:
        guard = r'GotoIf\(\$(\["\$\{HOTLINE_PLAN\}" = ""\]|\{ISNULL\(\$\{HOTLINE_PLAN\}\)\})\?'
        assert re.search(guard, rows[n - 1]), rows[n]


def test_no_line_of_queue_log_is_written_for_a_queue_without_a_name() -> None:
    """QueueLog() cuts the call where its first argument is empty, as for a number that was taken out of the files."""
    dialplan = (TEMPLATES[0] / "extensions.conf.j2").read_text(encoding="utf-8")
    written = re.findall(r"QueueLog\((.*?),\$\{UNIQUEID\},|QueueLog\(NONE,", dialplan)
    assert len(written) == dialplan.count("QueueLog(")
    of_a_queue = [first for first in written if first not in ("", "NONE")]
    assert of_a_queue == ['${IF($["${HOTLINE_QUEUE}" = ""]?NONE:${HOTLINE_QUEUE})}'] * 2


def test_how_he_waits_is_never_left_from_an_earlier_queue_where_another_is_chosen() -> None:
    """Wherever the dialplan itself names a queue, it asks anew how he waits there; only the default queue comes after that."""
    rows = (TEMPLATES[0] / "extensions.conf.j2").read_text(encoding="utf-8").splitlines()
    own = [n for n, row in enumerate(rows) if re.search(r"Set\(HOTLINE_QUEUE=(?!.*(DEFAULT|FALLBACK))", row)]
    assert len(own) == 4
    for n in own:
        assert re.search(r"n(\(led\))?,Gosub\(way-taken,s,1\)|n,Goto\(led\)", rows[n + 1]), rows[n]
    begins = rows.index("[way-taken]")
    taken = rows[begins : next(n for n in range(begins, len(rows)) if "Return()" in rows[n])]
    for name in ("WAIT", "THEN", "ANNOUNCED"):
        assert any(f"n,Set(HOTLINE_{name}=${{CUT(HOTLINE_WAY,:," in row for row in taken), name


def test_the_dialplan_finds_a_destination_with_its_trunks_in_their_order(lines: Lines) -> None:
    trunk = lines.trunks[0].model_copy(update={"is_test": False})
    trunks = [
        trunk.model_copy(update={"name": name, "allow_transfer": plans})
        for name, plans in (("a", ["110"]), ("b", ["03552XXXXXX"]), ("c", ["110", "03552XXXXXX"]))
    ]
    named = {
        "name": "water",
        "label": "供水",
        "number": "03552123456",
        "trunks": ["c", "a", "b"],
        "shows": "caller",
    }
    transfers = [
        Destination(name="police", label="公安报警", number="110", ring_seconds=30),
        Destination.model_validate(named),
    ]
    data = render(lines.model_copy(update={"trunks": trunks, "transfers": transfers}), site(), TEMPLATES)[
        "hotline-data.conf"
    ]
    assert (
        "[transfer:police]\nnumber = 110\nring = 30\nshows = hotline\ntrunk1 = a\ntrunk2 = c\n\n"
        "[transfer:water]\nnumber = 03552123456\nring = 40\nshows = caller\ntrunk1 = c\ntrunk2 = b\n\n"
    ) in data
    assert "transfers = ^110$|^03552[0-9][0-9][0-9][0-9][0-9][0-9]$\n" in data


def test_who_may_be_put_through_to_is_nobody_whom_a_callback_may_dial(lines: Lines) -> None:
    """Two lists: 110 stands in the one that menus go by, and even in the other it would never be rung back."""
    trunk = lines.trunks[0].model_copy(
        update={"allow_out": ["110"], "allow_transfer": ["110", "13800138000"]}
    )
    configuration, _ = check(defaults_door.shipped())
    assert configuration is not None
    own = replace(configuration, lines=lines.model_copy(update={"trunks": [trunk]}))
    running = Running(own, PromptLibrary({}, {}), False)
    assert not running.may_be_dialled(running.number_of("13800138000", None))
    assert running.number_of("110", None).kind is NumberKind.EMERGENCY  # which policy refuses
    police = Destination(name="police", label="公安报警", number="110")
    only_out = trunk.model_copy(update={"allow_transfer": []})
    assert lines.model_copy(update={"trunks": [only_out]}).trunks_to(police) == []


def test_no_channel_variable_has_the_name_of_a_global_one() -> None:
    """An empty variable of a channel would give the global one's value."""
    dialplan = (TEMPLATES[0] / "extensions.conf.j2").read_text(encoding="utf-8")
    known = set(re.findall(r"(?m)^(HOTLINE_[A-Z_]+) = ", dialplan))
    set_on_channels = set(re.findall(r"Set\((?:_*)(HOTLINE_[A-Z_]+)=", dialplan))
    assert {"HOTLINE_AGI", "HOTLINE_SOUNDS"} <= known
    assert known & set_on_channels == set()


def test_no_python_file_writes_such_a_name_itself() -> None:
    """So that a renamed variable cannot be missed: the one list is vocabulary/hotline_names.py. In hotline/ the words of
    the same look are settings of the environment."""
    settings = {f"HOTLINE_{name.upper()}" for name in Settings.model_fields}
    written = {
        (path.relative_to(REPOSITORY).as_posix(), name)
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("*.py")
        if path.name != "hotline_names.py"
        for name in re.findall(r"[\"'](?:_*)(HOTLINE_[A-Z_]+)[\"']", path.read_text(encoding="utf-8"))
    }
    assert {(path, name) for path, name in written if name in _ours() or name not in settings} == set()


def test_waiting_callers_are_told_their_place_only_where_it_is_switched_on(lines: Lines) -> None:
    def told(**announcements: object) -> set[str]:
        queue = lines.queues[0].model_copy(update={"announcements": Announcements(**announcements)})
        made = render(lines.model_copy(update={"queues": [queue]}), site(), TEMPLATES)["queues.conf"]
        return {line for line in made.splitlines() if line.startswith("announce-")}

    assert told() == {"announce-frequency = 0", "announce-position = no", "announce-holdtime = no"}
    assert told(position=True, hold_time=True, every_seconds=30) == {
        "announce-frequency = 30",
        "announce-position = yes",
        "announce-holdtime = yes",
    }


def test_who_chooses_a_language_has_music_whose_words_are_in_it(lines: Lines) -> None:
    own = render(lines, site(), TEMPLATES)["musiconhold.conf"]
    assert "hotline-" not in own
    both = render(lines, site(hold_dirs={"en": "/srv/hotline/hold/en"}), TEMPLATES)["musiconhold.conf"]
    assert "[hotline-en]\nmode = files\ndirectory = /srv/hotline/hold/en\n" in both
