"""The config that travels with the program has no fault and says what the design promises."""

import shutil
from pathlib import Path

from ivr.config_files.checker import check
from ivr.config_files.menu_files import menus_in
from ivr.config_files.references import REQUIRED_PROMPTS
from ivr.menus.navigation import next_step, start
from ivr.menus.nodes import NODE_TYPE_OF
from ivr.menus.steps import Play, ToQueue

SHIPPED = Path(__file__).parents[3] / "config"


def shipped():
    configuration, problems = check(SHIPPED)
    assert [str(p) for p in problems] == []
    return configuration


def test_the_hotline_leads_straight_to_a_person():
    configuration = shipped()
    number = configuration.lines.number("12345")
    greeting = start(configuration.menus, number.menu)
    assert isinstance(greeting, Play)
    assert greeting.prompts == ("greeting",)
    assert greeting.keys == ""
    person = next_step(configuration.menus, greeting, None)
    assert person == ToQueue(person.place, None)
    assert number.queue == "general"


def test_the_greeting_says_that_the_call_is_recorded():
    assert "录音" in shipped().prompts.prompts["greeting"].zh


def test_the_example_is_checked_but_not_in_use():
    assert set(shipped().menus) == {"main"}


def test_every_node_type_is_shown_in_an_example_with_words_in_both_languages():
    prompts = shipped().prompts.prompts
    nodes = [node for menu in menus_in(SHIPPED).values() for node in menu.nodes.values()]
    assert {node.kind_of() for node in nodes} == set(NODE_TYPE_OF)
    said = {one.name for node in nodes for one in node.named if one.refers.to == "prompt"}
    assert {name for name in said if not (prompts[name].zh and prompts[name].en)} == set()


def test_the_test_trunk_stays_on_this_machine_and_dials_only_plans():
    trunks = shipped().lines.trunks
    assert [(t.name, t.host, t.is_test) for t in trunks] == [("test-loopback", "127.0.0.1", True)]
    assert trunks[0].allow_out == ["1[3-9]XXXXXXXXX", "0ZXXXXXXXXX", "0ZXXXXXXXXXX"]


def test_all_prompts_that_the_program_names_have_both_languages():
    prompts = shipped().prompts.prompts
    assert all(prompts[name].zh and prompts[name].en for name in REQUIRED_PROMPTS)


def test_the_site_keeps_its_codes_as_text():
    site = shipped().lines.site
    assert (site.area_code, site.area6) == ("0355", "140400")


def test_a_number_may_use_the_example_where_it_lies(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "config")
    hotline = tmp_path / "config" / "hotline.yaml"
    text = hotline.read_text("utf-8")
    hotline.write_text(text.replace("menu: main ", "menu: examples/with_keys ", 1), "utf-8")
    configuration, problems = check(tmp_path / "config")
    assert problems == []
    assert set(configuration.menus) == {"main", "examples/with_keys"}


def test_a_number_on_an_example_has_the_files_that_it_goes_on_in(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "config")
    hotline = tmp_path / "config" / "hotline.yaml"
    text = hotline.read_text("utf-8")
    hotline.write_text(text.replace("menu: main ", "menu: examples/with_districts ", 1), "utf-8")
    configuration, problems = check(tmp_path / "config")
    assert problems == []
    assert set(configuration.menus) == {"main", "examples/with_districts", "examples/districts"}


def test_a_fault_in_an_example_stops_nothing_until_a_menu_goes_to_it(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "config")
    menus = tmp_path / "config" / "menus"
    (menus / "examples" / "bad.yaml").write_text("start: a\nnodes:\n  a: {kind: goto, menu: examples/bad}\n")
    configuration, problems = check(tmp_path / "config")
    assert configuration is not None
    assert {p.severity for p in problems} == {"warning"}
    (menus / "b.yaml").write_text("start: a\nnodes:\n  a: {kind: goto, menu: examples/bad}\n")
    configuration, problems = check(tmp_path / "config")
    assert configuration is None
    assert ("menus/examples/bad.yaml", "error") in {(p.file, p.severity) for p in problems}


def test_the_version_follows_the_content_alone(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "config")
    before = shipped().version
    assert check(tmp_path / "config")[0].version == before
    with (tmp_path / "config" / "codes.yaml").open("a") as file:
        file.write("# a remark\n")
    assert check(tmp_path / "config")[0].version != before
