"""What devices hold, as their makers say: a device's name sets the budget of its int8 file.

Flash and RAM are those of the whole part; program, stack and buffers share them with the network. A figure
that nobody published is absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import BadName

KB, MB = 1024, 1024 * 1024
_PI = "Raspberry Pi"
_MCUNET = "J. Lin et al., MCUNet, 2020, table of microcontrollers"


@dataclass(frozen=True)
class Device:
    """One device.

    Args:
        name: what it is called here.
        part: the processor.
        flash: bytes for program and network; None where there is no fixed size.
        ram: bytes of memory; None where there is no fixed size.
        mhz: of the processor.
        target: what it runs: "tflite-micro", "tflite" or "onnx".
        source: who published the figures.
    """

    name: str
    part: str
    flash: int | None
    ram: int | None
    mhz: int | None
    target: str
    source: str

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON-able dict."""
        return dict(vars(self))


_MICRO = "tflite-micro"
_ROWS = (
    Device("nano-33-ble", "nRF52840, Cortex-M4F", MB, 256 * KB, 64, _MICRO, "Arduino, its data sheet"),
    Device("esp32", "ESP32, Xtensa LX6", None, 520 * KB, 240, _MICRO, "Espressif, ESP32 data sheet"),
    Device("esp32-s3", "ESP32-S3, Xtensa LX7", None, 512 * KB, 240, _MICRO, "Espressif, ESP32-S3 data sheet"),
    Device("stm32f412", "STM32F412, Cortex-M4", MB, 256 * KB, None, _MICRO, _MCUNET),
    Device("stm32f746", "STM32F746, Cortex-M7", MB, 320 * KB, None, _MICRO, _MCUNET),
    Device("stm32f765", "STM32F765, Cortex-M7", MB, 512 * KB, None, _MICRO, _MCUNET),
    Device("stm32h743", "STM32H743, Cortex-M7", 2 * MB, 512 * KB, None, _MICRO, _MCUNET),
    Device("rp2040", "RP2040 (Pico), Cortex-M0+", 2 * MB, 264 * KB, 133, _MICRO, f"{_PI}, its data sheet"),
    Device("rp2350", "RP2350 (Pico 2), Cortex-M33", 4 * MB, 520 * KB, 150, _MICRO, f"{_PI}, its data sheet"),
    Device("raspberry-pi-4", "BCM2711, 4 Cortex-A72", None, None, 1500, "tflite", f"{_PI} 4 data sheet"),
    Device("raspberry-pi-5", "BCM2712, 4 Cortex-A76", None, None, 2400, "tflite", f"{_PI} 5 product brief"),
    Device("phone", "any", None, None, None, "tflite", "no figures: phones differ"),
    Device("browser", "any", None, None, None, "onnx", "no figures: browsers differ"),
)  # fmt: skip
DEVICES = {row.name: row for row in _ROWS}


def device(name: str) -> Device:
    """A device by its name, however it is written.

    Raises:
        BadName: for a name that is not in the table.

    Example:
        >>> device("STM32F746").ram
        327680
    """
    plain = name.strip().lower().replace(" ", "-").replace("_", "-").removeprefix("arduino-")
    if plain not in DEVICES:
        raise BadName("--device", plain, DEVICES)
    return DEVICES[plain]
