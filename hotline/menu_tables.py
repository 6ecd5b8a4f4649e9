"""A simulated walk and an explored menu as lines to read in a terminal."""

from collections.abc import Iterator
from math import isinf

from hotline.menu_trial import MenuTrial, Supposed
from ivr.lines import Language
from ivr.menus.exploration import Exploration, Explored
from ivr.menus.moments import longest_walk, moments
from ivr.menus.simulation import Met, Simulated
from ivr.menus.steps import EndCall, Moment, PlayRecorded, Record, ToQueue, Transfer, WaitInLine, WaitKey


def simulated(trial: MenuTrial, supposed: Supposed, done: Simulated) -> Iterator[str]:
    walker = trial.walker(supposed)
    yield _heading(trial)
    been = 0
    for met in done.met:
        yield from _what_led(trial, supposed, met, been)
        yield from _met(trial, met)
        been = met.step.place.length
    yield f"ends after {done.seconds:.1f} s: {_end(trial, done.end)}"
    if done.keys_left:
        yield f"not asked for any more: {','.join(key or '' for key in done.keys_left)}"
    yield _limit(longest_walk(moments(walker), trial.seconds))


def _heading(trial: MenuTrial) -> str:
    return f"menu {trial.name}, number {trial.number.number}, language {trial.language}"


def _what_led(trial: MenuTrial, supposed: Supposed, met: Met, been: int) -> Iterator[str]:
    """By which cases of branches and entries of lists the caller came to this step from the one before, `been` nodes from the
    start."""
    place, facts = met.step.place, trial.walker(supposed).facts
    walked = [(part[0], node) for part in place.walked for node in part[1:]]
    for menu, node in walked[been:-1]:
        decided = trial.menus[menu].nodes[node].decided(facts, place)
        if decided is not None:
            yield _line(met.began, node, decided)
        name = trial.menus[menu].nodes[node].list_that_led(facts, place)
        if name is not None:
            yield _line(met.began, node, trial.entry_told(supposed, name))


def _met(trial: MenuTrial, met: Met) -> Iterator[str]:
    step, at = met.step, met.began
    for prompt in getattr(step, "prompts", ()):
        is_cut = met.key is not None
        language = step.place.language
        told = f"{_length(trial, prompt, language)}  {trial.text(prompt, language)}  [{prompt}]"
        yield _line(at, step.place.node, told)
        at += 0.0 if is_cut else trial.seconds(prompt, language)
    if isinstance(step, Transfer):
        told = f"is put through to {_destination(trial, step.to)}: {met.key}"
        yield _line(met.began, step.place.node, told)
        return
    if isinstance(step, WaitInLine):
        if met.key is not None:
            yield _line(met.began, step.place.node, f"waits {_in_queue(trial, step)}: nobody serves him")
        return
    pressed = f"presses {met.key}" if met.key is not None else "presses nothing"
    if isinstance(step, Record):
        yield _line(met.began, step.place.node, _message(step, met))
    elif isinstance(step, PlayRecorded):
        heard = "" if met.key is None else f": {pressed} at once"
        yield _line(met.began, step.place.node, f"hears his own message{heard}")
    elif isinstance(step, WaitKey):
        yield _line(met.began, step.place.node, f"{step.seconds} s are waited for a key: {pressed}")
    elif met.key is not None:
        yield _line(met.began, step.place.node, f"{pressed} at once")


def _message(step: Record, met: Met) -> str:
    """What is supposed of him is said: nobody knows how long people speak."""
    how = f"at least {step.shortest} s, at most {step.longest} s, ended by {step.silence} s of silence"
    how += f" or {' '.join(step.end_keys)}" if step.end_keys else ""
    end = "is silent" if met.key is None else f"presses {met.key}"
    counts = "" if met.spoken >= step.shortest else ": too short for a message"
    return f"a message is recorded ({how}): he is supposed to speak for {met.spoken:g} s, then {end}{counts}"


def _length(trial: MenuTrial, prompt: str, language: Language | None) -> str:
    mark = "~" if trial.is_estimated(prompt, language) else " "
    return f"{mark}{trial.seconds(prompt, language):4.1f} s"


def _line(at: float, node: str, text: str) -> str:
    return f"{at:7.1f} s  {node:<16}  {text}"


def _end(trial: MenuTrial, end: Moment) -> str:
    match end:
        case ToQueue():
            return _in_queue(trial, end)
        case EndCall():
            return "hang-up"
        case Transfer(to=name):
            return f"put through to {_destination(trial, name)}"
        case _:
            return f"back to {end.place.node}"


def _in_queue(trial: MenuTrial, step: ToQueue) -> str:
    """Where he stands, and how."""
    wanted, named = step.wanted, step.queue or trial.number.queue
    name = named if step.queue else f"{named} (the default queue of {trial.number.number})"
    chosen, lines = step.place.language, trial.configuration.lines
    serving = lines.serving(named, language=wanted.language, skill=wanted.skill, chosen=chosen)
    if serving is not None and serving.name != named:
        name = f"{serving.name}, a part of {name}"
    credit = lines.credit_of(wanted.priority)
    more = (
        f"category {step.category}" if step.category else "",
        f"class {wanted.priority} ({credit} s earlier in line)" if wanted.priority else "",
        f"announcements {wanted.announcements}" if wanted.announcements else "",
        f"at most {wanted.longest_wait} s" if wanted.longest_wait else "",
    )
    return ", ".join((f"in the queue {name}", *filter(None, more)))


def _destination(trial: MenuTrial, name: str) -> str:
    known = next((one for one in trial.configuration.lines.transfers if one.name == name), None)
    return f"{name} ({known.label}, {known.number})" if known else name


def explored(trial: MenuTrial, found: Exploration) -> Iterator[str]:
    yield f"{_heading(trial)}: {len(found.paths)} paths, the longest first"
    for path in sorted(found.paths, key=lambda one: -one.seconds):
        yield _path(trial, path)
    if not found.is_whole:
        yield "NOT ALL PATHS: the menu has more than are listed here"
    worst = found.worst_to_a_person
    if worst is not None:
        others = ", by who never goes back to where he has been" if found.may_go_back else ""
        yield f"a person is reached after {worst:.1f} s at worst{others}"
    elif not found.is_whole:
        yield "how late a person is reached at worst cannot be said"
    yield _limit(found.longest)


def _path(trial: MenuTrial, path: Explored) -> str:
    pressed = ", ".join(path.pressed) or "no choice"
    return f"{path.seconds:7.1f} s  {'/'.join(path.nodes)}  ({pressed})  → {_end(trial, path.end)}"


def _limit(longest: float) -> str:
    if isinf(longest):
        return "the menu is too large to say how long a walk can last"
    return f"no walk through this menu lasts longer than {longest:.1f} s, whatever is pressed"
