"""What is in force now: one good configuration with its finished prompts. Replaced whole, never changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ivr.config_files.checker import Configuration
from ivr.lines import Trunk
from ivr.prompts.rendering import PromptLibrary
from vocabulary.config_problem import ConfigProblem
from vocabulary.number_plans import NumberPlan
from vocabulary.phone_numbers import PhoneNumber, national, normalise

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Running:
    """`is_degraded`: the set in force cannot be used, by `problems`, and this is an older one."""

    configuration: Configuration
    prompts: PromptLibrary
    is_degraded: bool
    problems: tuple[ConfigProblem, ...] = ()
    folder: Path | None = None
    """Where these files were read from, while they are not kept as a set; None: the config folder."""

    @property
    def is_impaired(self) -> bool:
        """Calls go on, but somebody must look: degraded, or some prompts could not be made."""
        return self.is_degraded or self.prompts.fault is not None

    def number_of(self, raw: str | None, trunk_name: str | None) -> PhoneNumber:
        """What the caller's side sent, by the rules of the trunk it came in on (numbers are handled once, here)."""
        lines = self.configuration.lines
        trunk = lines.trunk(trunk_name) if trunk_name else None
        area_code = (trunk.area_code if trunk else None) or lines.site.area_code
        return normalise(raw, area_code=area_code, strip_prefixes=trunk.caller_prefixes_in if trunk else ())

    def trunks_allowing(self, digits: str) -> tuple[Trunk, ...]:
        """The trunks whose plans allow `digits` (national form), in the order of the file, whether they are up or not."""
        trunks = self.configuration.lines.trunks_out
        return tuple(t for t in trunks if any(NumberPlan.compile(p).allows(digits) for p in t.allow_out))

    def trunk_for(
        self, digits: str, up: Collection[str], failed_at: Mapping[str, datetime] | None = None
    ) -> Trunk | None:
        """The trunk to dial `digits` on now: the first that allows them and is among `up`, the names of those that answer.

        A dead trunk looks like a citizen who does not pick up: rather none than that one. One of `failed_at` (it answers
        OPTIONS, and refuses calls) comes after all others; of several such, the one whose failure is oldest.
        """
        able = [trunk for trunk in self.trunks_allowing(digits) if trunk.name in up]
        failed = failed_at or {}
        return min(able, key=lambda trunk: failed.get(trunk.name, _NEVER), default=None)

    def may_be_dialled(self, number: PhoneNumber) -> bool:
        """By the plans: a trunk that is down now will be up again, and the debt can wait."""
        return bool(number.digits) and bool(self.trunks_allowing(national(number)))

    def is_switchboard(self, number: PhoneNumber) -> bool:
        """Many people stand behind this number, so their calls are never one person's."""
        listed = (self.number_of(raw, None) for raw in self.configuration.lines.switchboards)
        return any(number == one for one in listed)
