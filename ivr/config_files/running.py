"""What is in force now: one good configuration with its finished prompts. Replaced whole, never changed."""

from dataclasses import dataclass

from ivr.config_files.checker import Configuration
from ivr.lines import Trunk
from ivr.prompts.rendering import PromptLibrary
from vocabulary.config_problem import ConfigProblem
from vocabulary.number_plans import NumberPlan
from vocabulary.phone_numbers import PhoneNumber, national, normalise


@dataclass(frozen=True)
class Running:
    """`is_degraded`: the files on disk have `problems`, and this is the last good set."""

    configuration: Configuration
    prompts: PromptLibrary
    is_degraded: bool
    problems: tuple[ConfigProblem, ...] = ()

    def number_of(self, raw: str | None, trunk_name: str | None) -> PhoneNumber:
        """What the caller's side sent, by the rules of the trunk it came in on (numbers are handled once, here)."""
        lines = self.configuration.lines
        trunk = lines.trunk(trunk_name) if trunk_name else None
        area_code = (trunk.area_code if trunk else None) or lines.site.area_code
        return normalise(raw, area_code=area_code, strip_prefixes=trunk.caller_prefixes_in if trunk else ())

    def trunk_for(self, digits: str, wanted: str | None) -> Trunk | None:
        """The trunk to dial `digits` (national form) on: the wanted one if its plans allow it, else the first that does."""
        trunks = sorted(self.configuration.lines.trunks, key=lambda trunk: trunk.name != wanted)
        return next(
            (t for t in trunks if any(NumberPlan.compile(plan).allows(digits) for plan in t.allow_out)), None
        )

    def may_be_dialled(self, number: PhoneNumber) -> bool:
        return bool(number.digits) and self.trunk_for(national(number), None) is not None

    def is_switchboard(self, number: PhoneNumber) -> bool:
        """Many people stand behind this number, so their calls are never one person's."""
        listed = (self.number_of(raw, None) for raw in self.configuration.lines.switchboards)
        return any(number == one for one in listed)
