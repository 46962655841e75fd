"""Energy carriers and media: what is metered, each in one unit of its own."""

from dataclasses import dataclass

# Codes that name a sum or a coefficient. Nothing can be metered in them.
_NOT_METERED = frozenset({"factor_only", "total"})
# Coals so different from mine to mine that GB/T 2589 has no coefficient for them: a default only stands in (EC-41).
_NEED_MEASUREMENT = frozenset({"anthracite", "coking_coal", "lignite"})


@dataclass(frozen=True)
class Carrier:
    """A carrier as `config/reference/carriers.csv` has it. `is_medium`: 耗能工质, counted only by GB/T 2589."""

    code: str
    name_zh: str
    name_en: str
    category: str
    is_medium: bool
    unit: str

    @property
    def is_metered(self) -> bool:
        """Whether a meter may have this carrier; no meter binds to "electricity, equal value" (domain rule 1)."""
        return self.category not in _NOT_METERED

    @property
    def is_steam(self) -> bool:
        """Heat metered by mass, which is no energy until the steam's state is declared (EC-42)."""
        return self.category == "heat" and self.unit == "kg"

    @property
    def needs_measurement(self) -> bool:
        """Whether only a measured heating value converts it rightly."""
        return self.code in _NEED_MEASUREMENT

    @property
    def is_power(self) -> bool:
        return self.category == "power"
