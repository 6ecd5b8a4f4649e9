"""菜单发布与回退：通话中发布，正在听菜单的诉求人按原来的菜单走完；新来的按新菜单；回退之后又如从前。"""

import re
from typing import Any

from support.running_hotline import RunningHotline
from support.story_line import Line
from support.waiting import wait_for

MENU = "menus/examples/with_keys.yaml"


def _patient(found: dict[str, Any]) -> None:
    """Time enough to publish while he thinks."""
    found["nodes"]["choose"]["wait_seconds"] = 30


def _elsewhere(found: dict[str, Any]) -> None:
    found["nodes"]["heating"]["queue"] = "enterprise"


def _typed(hotline: RunningHotline, words: str, why: str) -> str:
    """What the command says, once the server has taken the set too."""
    words_of_server = re.compile(r"configuration \w+ is in force")
    before = len(words_of_server.findall(hotline.server_log))
    done = hotline.type(f"menus {words} --why", why)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(lambda: len(words_of_server.findall(hotline.server_log)) > before, 20, "the server was told")
    return done.stdout


def _published(hotline: RunningHotline, change: Any, why: str) -> str:
    hotline.change(MENU, change)
    return _typed(hotline, "publish --by 王管理", why)


def _pressed(hotline: RunningHotline, line: Line, version: str) -> dict[str, Any]:
    """A citizen presses 2, in a menu of this version; his record."""
    citizen = hotline.new_citizen()
    call = line.call(citizen, called=line.keys_number, key="2", stay=120)
    wait_for(
        lambda: line.in_menu(citizen).split("|")[1:2] == [version],
        30,
        lambda: f"in {version}: {line.in_menu(citizen)}",
    )
    call.press()
    (record,) = line.ended(citizen, seconds=60)
    return record


def test_a_menu_is_published_during_a_call_and_rolled_back(hotline: RunningHotline, line: Line) -> None:
    path = hotline.settings.config_dir / MENU
    good = path.read_text(encoding="utf-8")
    try:
        _published(hotline, _patient, "长一点")
        first_file, first = path.read_text(encoding="utf-8"), _in_force(hotline)
        citizen = hotline.new_citizen()
        call = line.call(citizen, called=line.keys_number, key="2", stay=120)
        wait_for(lambda: line.in_menu(citizen).split("|")[1:2] == [first], 30, "he hears the first menu")

        said = _published(hotline, _elsewhere, "供暖季结束")
        assert 'key 2: queue "enterprise", category "heating"; before: queue "heating"' in said
        second = _in_force(hotline)
        assert second != first
        call.press()
        (during,) = line.ended(citizen, seconds=60)
        assert (during["queue"], during["menu_version"]) == ("heating", first), "he walked on in his own"
        after = _pressed(hotline, line, second)
        assert (after["queue"], after["menu_version"]) == ("enterprise", second)

        path.write_text(path.read_text(encoding="utf-8") + "# half an edit\n", encoding="utf-8")
        _typed(hotline, "rollback --by 李值班", "按错了")
        assert path.read_text(encoding="utf-8") == first_file
        aside = hotline.settings.home_dir / "unpublished"
        assert "# half an edit" in next(aside.rglob("with_keys.yaml")).read_text(encoding="utf-8")
        back = _pressed(hotline, line, first)
        assert (back["queue"], back["menu_version"]) == ("heating", first)

        history = hotline.type("menus history --limit 3").stdout.splitlines()
        assert [row.split()[3:5] for row in history] == [
            ["publish", "王管理"],
            ["publish", "王管理"],
            ["rollback", "李值班"],
        ]
        assert history[-1].endswith("按错了  (in force)")
    finally:
        path.write_text(good, encoding="utf-8")
        assert hotline.type("reload").returncode == 0


def _in_force(hotline: RunningHotline) -> str:
    return (hotline.settings.home_dir / "published" / "current").read_text("ascii").strip()
