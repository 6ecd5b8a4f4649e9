"""A menu of a story's own: the second number of a line leads through it; its first is where the number begins."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import yaml
from support.running_hotline import RunningHotline
from support.story_line import Line

Nodes = dict[str, dict[str, Any]]


class Lead(Protocol):
    def __call__(self, line: Line, nodes: Nodes, change: Callable[[dict[str, Any]], None] = ..., /) -> None:
        """In force when it returns; the first node begins. `change`: of hotline.yaml, published with it."""


def _nothing_more(_found: dict[str, Any]) -> None:
    pass


@contextmanager
def story_menu(hotline: RunningHotline) -> Iterator[Lead]:
    """The menu is called story. Afterwards all is as it was; a story that stops the server has started it again by then."""
    config = hotline.settings.config_dir
    good = (config / "hotline.yaml").read_text(encoding="utf-8")
    story = config / "menus" / "story.yaml"

    def lead(line: Line, nodes: Nodes, change: Callable[[dict[str, Any]], None] = _nothing_more, /) -> None:
        menu = {"start": next(iter(nodes)), "nodes": nodes}
        story.write_text(yaml.safe_dump(menu, sort_keys=False), encoding="utf-8")

        def there(found: dict[str, Any]) -> None:
            next(one for one in found["numbers"] if one["number"] == line.keys_number)["menu"] = "story"
            change(found)

        hotline.change("hotline.yaml", there)
        _reload(hotline)

    yield lead
    (config / "hotline.yaml").write_text(good, encoding="utf-8")
    story.unlink(missing_ok=True)
    if hotline.is_ready():
        _reload(hotline)


def _reload(hotline: RunningHotline) -> None:
    done = hotline.type("reload")
    assert done.returncode == 0, done.stdout + done.stderr
