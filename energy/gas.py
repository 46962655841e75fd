"""Volumes of gas and the condition they were measured at.

The platform's m3 of a gas is that of 20 °C and 101.325 kPa, the reference condition of gas trade in China (EC-41). A
volume at 0 °C holds 293.15/273.15 = 1.0732 times as much gas, one at operating condition by its own pressure and
temperature (ideal gas: below 1 MPa the compressibility of natural gas moves this by less than 2 %).
"""

from decimal import Decimal

CONDITIONS = ("operating", "std_0c", "std_20c")
REFERENCE_K, REFERENCE_KPA = Decimal("293.15"), Decimal("101.325")
ZERO_K = Decimal("273.15")
_COLDEST, _HOTTEST = Decimal(-80), Decimal(1500)  # °C of a gas in a pipe: natural gas in winter, raw furnace gas


def reference_volume(
    condition: str | None, pressure_kpa: Decimal | None = None, temperature_c: Decimal | None = None
) -> Decimal | None:
    """How many m3 at 20 °C and 101.325 kPa one metered m3 holds; None where that cannot be known.

    pressure_kpa: absolute. A volume without a stated condition is taken as it is; whoever asks flags it.
    """
    if condition == "std_0c":
        return REFERENCE_K / ZERO_K
    if condition != "operating":
        return Decimal(1)
    if pressure_kpa is None or temperature_c is None:
        return None
    return pressure_kpa / REFERENCE_KPA * REFERENCE_K / (ZERO_K + temperature_c)


def wrong(condition: str | None, pressure_kpa: Decimal | None, temperature_c: Decimal | None) -> str | None:
    """What is wrong with a stated condition, in a sentence, or None."""
    if condition != "operating" and (pressure_kpa is not None or temperature_c is not None):
        return "pressure and temperature belong to gas_condition operating; leave them blank, or write operating"
    if temperature_c is not None and not _COLDEST <= temperature_c <= _HOTTEST:
        return f"a gas of {temperature_c} °C is not metered; write degrees Celsius, for instance 15"
    if (pressure_kpa is None) != (temperature_c is None):
        return "operating condition needs both gas_pressure_kpa (absolute) and gas_temperature_c, or neither"
    return None
