"""The servers of ``tests/fakes`` as a vendor would run them, on ports of their own, to be killed, hung and slowed.

``python -m bench.drills.servers KIND PORT``. Their protocols are true; the recognisers do not listen: whatever is said,
once it was loud for a while, is one fixed question. The language model says something new each time, so that no voice
can answer from a cache.
"""

import asyncio
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np

from bench.daemon import ROOT
from bench.ports import HOST, free_port

QUESTION = ("сколько", "стоит", "доставка")
LOUD, LOUD_MS = 1000, 400
"""Amplitude, and for how long there must be such, milliseconds."""
START_S = 30.0
PIECE_S = 0.05
"""A slowed server runs so long between two stops, seconds."""


def heard(pcm: bytes, rate: int) -> list[Any]:
    """In place of ``tests.fakes.tone_speech.hear``: the question, as soon as somebody has spoken."""
    from tests.fakes.tone_speech import Tone  # noqa: PLC0415 - the parent needs none of it

    loud = np.flatnonzero(np.abs(np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2")) > LOUD)
    if not loud.size or int(loud[-1] - loud[0]) < rate * LOUD_MS // 1000:
        return []
    first, last = int(loud[0]) * 1000 // rate, int(loud[-1]) * 1000 // rate
    step = (last - first) // len(QUESTION)
    return [Tone(word, first + n * step, first + (n + 1) * step) for n, word in enumerate(QUESTION)]


def _kinds() -> dict[str, Callable[[int], Coroutine[Any, Any, None]]]:
    from tests.fakes import openai_ears, wyoming_ears, wyoming_voice, yandex_stt_server  # noqa: PLC0415
    from tests.fakes.openai_server import OpenAiServer  # noqa: PLC0415
    from tests.fakes.speaking import Behaviour  # noqa: PLC0415
    from tests.fakes.speech_server import SpeechServer  # noqa: PLC0415
    from tests.fakes.yandex_tts_server import YandexTtsServer  # noqa: PLC0415

    for module in (openai_ears, wyoming_ears, yandex_stt_server):
        setattr(module, "hear", heard)  # noqa: B010 - it is not theirs to export
    # each voice speaks otherwise than the others, so that one may tell by ear who spoke
    voice = Behaviour(voice="ru+f2")
    return {
        "llm": lambda port: _for_ever(OpenAiServer(_talker(), port)),
        "openai_voice": lambda port: _for_ever(SpeechServer(voice, port)),
        "yandex_voice": lambda port: _for_ever(YandexTtsServer(voice, port=port)),
        "wyoming_voice": lambda port: wyoming_voice.serve(voice, 22050, port),
        "openai_ears": lambda port: _for_ever(openai_ears.OpenAiEars(port=port)),
        "yandex_ears": lambda port: _for_ever(yandex_stt_server.YandexSttServer(port=port)),
        "wyoming_ears": lambda port: wyoming_ears._serve(port, [""], True, 0.0),
    }


WHICH = ("Доставка", "Поверка", "Гарантия", "Наладка", "Аренда", "Упаковка", "Оплата", "Поставка", "Отгрузка")
HOW = ("обычно", "часто", "иногда", "почти всегда", "чаще всего", "нередко", "по договору", "как правило")
WHAT = ("зависит от", "определяется по", "обсуждается после", "начинается с", "рассчитывается от")
OF = ("выбора машины", "вашего города", "состава заказа", "объёма партии", "условий договора", "вида испытаний")


def _talker() -> Any:
    from tests.fakes.openai_server import Behaviour  # noqa: PLC0415

    class Talker(Behaviour):
        """Says something else each time."""

        @property
        def answer(self) -> str:
            """One of some two thousand sentences, and one more."""
            chance = random.SystemRandom()
            return " ".join(f"{' '.join(map(chance.choice, (WHICH, HOW, WHAT, OF)))}." for _ in range(2))

        @answer.setter
        def answer(self, _: str) -> None:
            """As the dataclass wants it."""

    return Talker(first_token_s=0.2)


async def _for_ever(server: Any) -> None:
    async with server:
        print("ready", flush=True)
        await asyncio.Event().wait()


class Victim:
    """One server as a process that can be harmed."""

    def __init__(self, kind: str) -> None:
        """Starts with ``start``; it keeps its port for life."""
        self.kind, self.port = kind, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        words = [sys.executable, "-m", "bench.drills.servers", self.kind, str(self.port)]
        self._process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self._process.stdout is None or not self._process.stdout.readline():
            raise RuntimeError(f"the server {self.kind} did not start")

    def kill(self) -> None:
        """``kill -9``: connections are reset, new ones refused."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        self._process = None

    def stop(self) -> None:
        """It hangs: connections stay and are taken, nothing is said."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It hangs no more."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)


class Harm(threading.Thread):
    """Does harm to one server at random, from now until ``end``."""

    def __init__(self, victim: Victim, seed: int, well_s: tuple[float, float], ill_s: tuple[float, float]) -> None:
        """``well_s``, ``ill_s``: shortest and longest time between two faults, and of one, seconds."""
        super().__init__(daemon=True)
        self._victim, self._chance, self._well_s, self._ill_s = victim, random.Random(seed), well_s, ill_s
        self._over = threading.Event()
        self.done: list[str] = []
        """What was done, oldest first."""
        self.start()

    def run(self) -> None:
        """See ``threading.Thread``."""
        while not self._over.wait(self._chance.uniform(*self._well_s)):
            fault = self._chance.choice(("killed", "hung", "slowed"))
            until = time.monotonic() + self._chance.uniform(*self._ill_s)
            self.done.append(fault)
            if fault == "killed":
                self._victim.kill()
                self._over.wait(until - time.monotonic())
                self._victim.start()
            elif fault == "hung":
                self._victim.stop()
                self._over.wait(until - time.monotonic())
                self._victim.go_on()
            else:
                self._slow(until)

    def _slow(self, until: float) -> None:
        """It runs a twentieth of a second at a time, with pauses of up to two seconds."""
        while time.monotonic() < until and not self._over.is_set():
            self._victim.stop()
            self._over.wait(self._chance.uniform(0.2, 2.0))
            self._victim.go_on()
            time.sleep(PIECE_S)

    def end(self) -> None:
        """No more harm; the server is well again, if it lives."""
        self._over.set()
        self.join(START_S)


def url(victim: Victim) -> str:
    """Its address without a path."""
    return f"http://{HOST}:{victim.port}"


if __name__ == "__main__":
    asyncio.run(_kinds()[sys.argv[1]](int(sys.argv[2])))
