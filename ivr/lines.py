"""The hotline's lines: its numbers, trunks and queues, as config/hotline.yaml describes them.

Read before any call; the dialplan, the menus and the callbacks work from it. Names that point at something
else (a number's menu, its queue) are looked up by ivr.config_files.checker, which sees all files.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ivr.plain_text import (
    AreaCode,
    AreaSix,
    Digits,
    DigitsOrPlus,
    EnvironmentName,
    FeatureCode,
    Host,
    Label,
    MenuName,
    Name,
    Plan,
    PrefixOut,
    UserName,
    Written,
    refusal,
)
from vocabulary.number_plans import NumberPlan

Language = Literal["zh", "en"]
LANGUAGES: Final[Mapping[str, Language]] = {"zh": "zh", "en": "en"}
"""By their words, for text that came from elsewhere."""


def _as_a_word(written: object) -> object:
    """`on` and `off` are words here, and true and false to other readers of YAML."""
    return {True: "on", False: "off"}[written] if isinstance(written, bool) else written


OnOff = Annotated[Literal["on", "off"], BeforeValidator(_as_a_word)]
Strategy = Literal["rrmemory", "leastrecent", "fewestcalls", "ringall", "random"]

OUR_PAUSE_REASONS = frozenset({"missed_rings", "wrap_up"})
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost"})


class Site(Written):
    name: Label
    area_code: AreaCode
    """The long-distance code of the place, with its 0: local numbers of 7 or 8 digits belong to it."""
    area6: AreaSix
    """The six-digit administrative code, for ticket numbers."""
    language: Language = "zh"


class Number(Written):
    """One number that citizens dial."""

    number: Digits
    label: Label
    menu: MenuName
    queue: Name
    """Where the call goes when the menu names no other, and whenever our server does not answer."""
    is_emergency: bool = False
    """Who calls it is never turned away: no menu that it leads through may ask for a blocklist."""


class Trunk(Written):
    name: Name
    mode: Literal["address", "registration"]
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 5060
    username: UserName | None = None
    secret_env: EnvironmentName | None = None
    """Name of the environment variable that holds the secret."""
    area_code: AreaCode | None = None
    """Where this trunk's local numbers belong; the site's area code if left out."""
    called_prefixes_in: list[DigitsOrPlus] = Field(default_factory=list)
    """What the carrier puts before the dialled number; the longest that fits is taken off."""
    caller_prefixes_in: list[DigitsOrPlus] = Field(default_factory=list)
    prefix_out: PrefixOut = ""
    """What the carrier wants before a number that we dial."""
    caller_id_out: Digits | None = None
    """The number that a citizen sees when we ring; the first of `numbers` if left out."""
    allow_out: list[Plan] = Field(default_factory=list)
    """Plans of the only numbers that may be dialled here, in national form; empty: none."""
    allow_transfer: list[Plan] = Field(default_factory=list)
    """Plans of the only numbers that a menu may put callers through to here; empty: none. No callback goes by these."""
    qualify_seconds: Annotated[int, Field(ge=5, le=3600)] = 30
    is_test: bool = False
    """A trunk for trials on this machine; its host must be loopback."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for key in ("username", "secret_env"):
            if self.mode == "registration" and getattr(self, key) is None:
                raise refusal(f"{key} is missing", "A trunk by registration needs username and secret_env.")
        if self.is_test and self.host not in LOOPBACK_HOSTS:
            remedy = "Set host: 127.0.0.1, or is_test: false for a real trunk."
            raise refusal("is_test is true, but the host is not this machine", remedy, "host")
        return self


class Announcements(Written):
    """What Asterisk tells those who wait in a queue, behind the first in line; nothing as shipped."""

    position: bool = False
    hold_time: bool = False
    """Asterisk's own estimate, from how long others have waited of late."""
    every_seconds: Annotated[int, Field(ge=15, le=600)] = 60


class Queue(Written):
    name: Name
    label: Label
    strategy: Strategy = "rrmemory"
    ring_seconds: Annotated[int, Field(ge=5, le=120)] = 20
    """How long one agent's phone rings before the next is tried."""
    retry_seconds: Annotated[int, Field(ge=1, le=60)] = 1
    wrap_up_seconds: Annotated[int, Field(ge=0, le=900)] = 30
    service_level_seconds: Annotated[int, Field(ge=1, le=600)] = 15
    """GB/T 33358: answered within 15 s."""
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    max_waiting: Annotated[int, Field(ge=1, le=5000)] = 200
    """Callers waiting, placeholders of callbacks not counted, above which the queue is full."""
    longest_wait_seconds: Annotated[int, Field(ge=15, le=7200)] = 600
    missed_rings_pause: Annotated[int, Field(ge=1, le=20)] = 3
    """After so many missed rings in a row the agent is paused, with the reason missed_rings."""
    announcements: Announcements = Announcements()
    part_of: Name | None = None
    """A queue whose callers these agents serve, where they want a language or a skill that they have: a menu names that one."""
    skills: Annotated[list[Name], Field(max_length=20)] = Field(default_factory=list)
    """What its agents can, in words of the site, for `skill` in a menu."""
    languages: Annotated[list[Language], Field(min_length=1, max_length=2)] | None = None
    """What its agents speak; left out: the site's language. Who chose another in a menu is better led elsewhere."""
    is_emergency: bool = False
    """No blocklist may lead anybody away on his way here, or take that way from him."""

    @model_validator(mode="after")
    def _one_phone_can_ring(self) -> Self:
        if self.longest_wait_seconds < self.ring_seconds:
            fault = f"{self.longest_wait_seconds} is shorter than one phone rings ({self.ring_seconds})"
            raise refusal(fault, "Make it longer than ring_seconds.", "longest_wait_seconds")
        return self


class PriorityClass(Written):
    """Callers who stand so many seconds earlier in line than they came (`priority` in a menu)."""

    name: Name
    label: Label
    credit_seconds: Annotated[int, Field(ge=0, le=3600)]
    """0: as everybody, for a queue that takes the credit of an earlier one back."""


class Destination(Written):
    """Whom a menu may put a caller through to (`kind: transfer`): an emergency number, a unit's number."""

    name: Name
    label: Label
    number: Digits
    """As a trunk dials it: 110, or a unit's with area code."""
    ring_seconds: Annotated[int, Field(ge=10, le=120)] = 40
    """How long it may ring there, on each trunk that is tried."""
    trunks: list[Name] = Field(default_factory=list)
    """Which trunks may carry it, in the order in which they are tried; left out: all that allow it."""
    shows: Literal["hotline", "caller"] = "hotline"
    """Whose number is shown there. Carriers refuse calls that show a number which is not the trunk's own, unless agreed."""


class PauseReason(Written):
    code: Name
    label: Label

    @model_validator(mode="after")
    def _is_not_ours(self) -> Self:
        if self.code in OUR_PAUSE_REASONS:
            raise refusal(f'"{self.code}" is set by the hotline itself', "Choose another code.", "code")
        return self


class FeatureCodes(Written):
    """What an agent dials on the phone."""

    sign_in: FeatureCode = "*10"
    sign_out: FeatureCode = "*11"
    pause: FeatureCode = "*12"
    resume: FeatureCode = "*13"
    broadcast_on: FeatureCode | None = None
    """Followed by the place of a message in broadcasts.yaml. Without these two, no phone switches a broadcast."""
    broadcast_off: FeatureCode | None = None

    @model_validator(mode="after")
    def _all_differ(self) -> Self:
        seen: dict[str, str] = {}
        for key, code in self.model_dump(exclude_none=True).items():
            if code in seen:
                raise refusal(f"{code} is {seen[code]} already", "Give each its own code.", key)
            seen[code] = key
        return self


class Lines(Written):
    site: Site
    numbers: Annotated[list[Number], Field(min_length=1, max_length=500)]
    trunks: Annotated[list[Trunk], Field(max_length=100)]
    queues: Annotated[list[Queue], Field(min_length=1, max_length=200)]
    priority_classes: Annotated[list[PriorityClass], Field(max_length=20)] = Field(default_factory=list)
    transfers: Annotated[list[Destination], Field(max_length=500)] = Field(default_factory=list)
    """The only numbers that can be dialled from a menu."""
    quick_hangup_seconds: Annotated[int, Field(ge=0, le=60)] = 5
    """A caller who hangs up sooner than this has not asked for anybody (速挂)."""
    switchboards: list[DigitsOrPlus] = Field(default_factory=list)
    """Numbers behind which many people stand: each lost call from one is a callback of its own."""
    pause_reasons: list[PauseReason] = Field(default_factory=list)
    no_call_alarm_minutes: Annotated[int, Field(ge=0, le=1440)] = 30
    """With no call for so long an alarm is raised; 0 switches it off."""
    repeat_caller_hours: Annotated[int, Field(ge=1, le=720)] = 24
    """A second call of one number within so many hours is a repeat call (重复来电)."""
    feature_codes: FeatureCodes = FeatureCodes()

    @model_validator(mode="after")
    def _parts_fit_their_queue(self) -> Self:
        for index, part in enumerate(self.queues):
            whole = self.queue(part.part_of) if part.part_of else None
            if whole is not None and whole.part_of is not None:
                at = ("queues", index, "part_of")
                raise refusal(f'"{whole.name}" is a part itself', "Name the queue that it is a part of.", *at)
            if whole is not None and whole.is_emergency is not part.is_emergency:
                fault = "one of the queue and its part is for emergencies, and the other is not"
                raise refusal(
                    fault, "Write is_emergency: true at both, or at neither.", "queues", index, "part_of"
                )
        return self

    @property
    def trunks_out(self) -> list[Trunk]:
        """Those over which citizens may be dialled. The trial's only where there is no other: it leads to this machine."""
        return [trunk for trunk in self.trunks if not trunk.is_test] or self.trunks

    def speaks(self, queue: Queue, language: Language) -> bool:
        return language in (queue.languages or [self.site.language])

    def parts_of(self, queue: Queue) -> list[Queue]:
        return [one for one in self.queues if one.part_of == queue.name]

    def serving(
        self, name: str, *, language: Language | None, skill: str | None, chosen: Language | None = None
    ) -> Queue | None:
        """Where callers of that queue stand: in itself if its agents have what is wanted, else in the first part of it that
        has. None: no such queue, or nobody has. `chosen`: the language that they chose before is followed where it can be,
        unless another is wanted here."""
        queue = self.queue(name)
        able = [queue, *self.parts_of(queue)] if queue else []
        if skill is not None:
            able = [one for one in able if skill in one.skills]
        if language is not None:
            able = [one for one in able if self.speaks(one, language)]
        elif chosen is not None:
            able = [one for one in able if self.speaks(one, chosen)] or able
        return next(iter(able), None)

    def credit_of(self, priority: str | None) -> int | None:
        return next((one.credit_seconds for one in self.priority_classes if one.name == priority), None)

    def trunks_to(self, destination: Destination) -> list[Trunk]:
        """Those over which a caller may be put through to it: named there, or all; and their plans allow its number."""
        named = [found for name in destination.trunks if (found := self.trunk(name))]
        able = named if destination.trunks else self.trunks_out
        return [
            t for t in able if any(NumberPlan.compile(p).allows(destination.number) for p in t.allow_transfer)
        ]

    def number(self, digits: str) -> Number | None:
        return next((n for n in self.numbers if n.number == digits), None)

    def queue(self, name: str) -> Queue | None:
        return next((q for q in self.queues if q.name == name), None)

    def trunk(self, name: str) -> Trunk | None:
        return next((t for t in self.trunks if t.name == name), None)
