"""Commands by which a menu is compared, published and rolled back."""

import re
from pathlib import Path

from support import sounds_kept
from support.terminal import Terminal

from hotline.settings import Settings


def test_a_menu_is_compared_published_and_rolled_back(shell: Terminal, tmp_path: Path) -> None:
    ours = {"HOTLINE_CONFIG": str(tmp_path / "config"), "HOTLINE_HOME": str(tmp_path / "home")}
    sounds_kept.lay_in(Settings(home=tmp_path / "home"))
    shell.type("init", ours["HOTLINE_CONFIG"])
    shell.type("migrate", **ours)
    assert shell.type("menus history", **ours) == "nothing was published here yet\n"
    assert "nothing is in force yet" in shell.type("menus diff", code=1, **ours)
    assert "no server runs" in shell.type("menus publish --why", "begin", **ours)
    assert shell.type("menus diff", **ours) == "nothing changes\n"

    menu = tmp_path / "config" / "menus" / "main.yaml"
    good = menu.read_text("utf-8")
    menu.write_text(good.replace("kind: queue", "kind: queue\n    queue: heating\n    #"), "utf-8")
    changed = shell.type("menus diff", **ours)
    assert changed.startswith("file menus/main.yaml (changed)\n")
    assert (
        'when answered: hears greeting, then queue "heating"; before: hears greeting, then queue "' in changed
    )
    in_chinese = shell.type("menus diff", **ours, HOTLINE_LANGUAGE="zh")
    assert in_chinese.startswith("文件 menus/main.yaml（已修改）\n")
    assert '接通后：听到 greeting，然后队列 "heating"；原为：听到 greeting，然后队列 "' in in_chinese
    said = shell.type("menus publish --by zhang --why", "heating season", **ours)
    assert said.startswith(changed)
    assert "in force already" in shell.type("menus publish --why", "again", **ours)

    codes = tmp_path / "config" / "codes.yaml"
    codes.write_text(codes.read_text("utf-8") + "# mine\n", "utf-8")
    menu.write_text("start: [\n", "utf-8")
    said = shell.type("menus publish --only codes.yaml --why", "without the other's half edit", **ours)
    assert said.startswith("file codes.yaml (changed)\nno path through the menus changes\n")
    assert "NOT IN FORCE: 1 file differs in " in said
    assert ": menus/main.yaml (changed), last saved 20" in said
    assert "menus/main.yaml:" in shell.type("menus publish --only main --why", "half", code=1, **ours)
    said = shell.type("menus publish --only tax --why", "none such", code=1, **ours)
    assert (
        "--only tax: no such file of the set. Files that differ from what is in force: menus/main.yaml"
        in said
    )
    assert "the files have faults and cannot be published" in shell.type("menus diff", **ours)
    assert "menus/main.yaml:" in shell.type("menus publish --why", "half", code=1, **ours)
    said = shell.type("menus rollback --by li --why", "it was wrong", **ours)
    [aside] = re.findall(r"not published are kept in (\S+)", said)
    assert (Path(aside) / "menus" / "main.yaml").read_text("utf-8") == "start: [\n"
    assert "queue: heating" in menu.read_text("utf-8")
    shell.type("menus rollback --by li --why", "that was wrong too", **ours)
    assert menu.read_text("utf-8") == good
    assert "nothing before the set in force" in shell.type("menus rollback --why", "more", code=1, **ours)

    in_chinese = shell.type("menus history --paths", **ours, HOTLINE_LANGUAGE="zh")
    assert "  that was wrong too  （正在生效）\n      文件 " in in_chinese
    told = shell.type("menus history --paths", **ours).splitlines()
    heads = [row.split() for row in told if not row.startswith("      ")]
    assert [row[3] for row in heads] == ["publish", "publish", "publish", "rollback", "rollback"]
    assert [row[4] for row in heads[1::2]] == ["zhang", "li"]
    assert told[-1].startswith("      ")
    versions = [row[5] for row in heads]
    assert versions[:2] == versions[:2:-1], "back the way that was come"
    assert len(set(versions)) == 3
    assert shell.type("menus diff 2", **ours) == shell.type(f"menus diff 2 {heads[0][5][:6]}", **ours)
    assert "no such number" in shell.type("menus diff 99", code=1, **ours)
    told_in_chinese = shell.type("menus diff 99", code=1, **ours, HOTLINE_LANGUAGE="zh")
    assert (
        told_in_chinese
        == "hotline: 99：历史记录中没有这个编号。保留着哪些，用 `hotline menus history` 查看\n"
    )


def test_a_reason_has_a_word_in_it(shell: Terminal) -> None:
    for command in ("publish", "rollback"):
        for why in ("", "  ", "-- ！"):
            said = shell.type(f"menus {command} --why", why, code=1)
            assert said == "hotline: --why has no word in it: say why, for whoever asks later\n"
    assert "没有任何文字" in shell.type("menus publish --why", " ", code=1, HOTLINE_LANGUAGE="zh")
