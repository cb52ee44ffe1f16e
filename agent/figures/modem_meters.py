"""Figures of the GSM modems for a Prometheus."""

from collections.abc import Callable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge


class ModemState(Protocol):
    """What is told of one modem; see ``telephony.modem_network.ModemFigures``."""

    @property
    def on_air(self) -> bool:
        """The network knows the card, and the modem can be rung."""

    @property
    def signal_dbm(self) -> int | None:
        """Strength of the signal, dBm; ``None``: not known."""

    @property
    def calls_lost(self) -> int:
        """Calls that the modem, the card or the network lost."""

    @property
    def frames_missing(self) -> int:
        """Blocks of 20 ms that the modem did not give in time."""


class ModemMeters:
    """Looks at the modems when somebody asks. The label is the line's name, never a number."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """All are written into ``registry``."""
        self.state: Callable[[], Mapping[str, ModemState]] = dict
        """Where the daemon tells how its modems do, by line."""
        line = ["line"]
        self._signal = Gauge(
            "allo_modem_signal_dbm", "Strength of a modem's signal, dBm; NaN: not known", line, registry=registry
        )
        self._on_air = Gauge("allo_modem_on_air", "1: the modem can be rung", line, registry=registry)
        self._lost = Gauge("allo_modem_calls_lost", "Calls that it lost since the start", line, registry=registry)
        self._missing = Gauge(
            "allo_modem_frames_missing", "Blocks of 20 ms that did not come in time", line, registry=registry
        )

    def look(self) -> None:
        """Bring all up to date."""
        for line, modem in self.state().items():
            self._signal.labels(line).set(float("nan") if modem.signal_dbm is None else modem.signal_dbm)
            self._on_air.labels(line).set(modem.on_air)
            self._lost.labels(line).set(modem.calls_lost)
            self._missing.labels(line).set(modem.frames_missing)
