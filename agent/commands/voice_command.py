"""``allo say`` and ``allo voices``: what a voice sounds like, and which ones are here."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.costs import Costs, counted
from agent.errors import AlloError, StartError
from agent.language.verbalise import verbalise
from agent.metered import metered_voice
from agent.model_store import list_models, piper_in_use
from agent.ports import Synthesizer
from agent.settings import Settings
from agent.voices.cloned_voices import list_cloned
from agent.voices.voice_chain import VoiceChain
from agent.voices.voice_table import VOICES, new_voice, one_voice
from audio.frame import SAMPLE_BYTES
from audio.wav import write_mono

PLAYERS = (("paplay",), ("aplay", "-q"), ("afplay",), ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"))
"""Commands that play a WAV file, the first that is here is used."""
NOTES = {
    "espeak": "in this process, instant and robotic",
    "piper": "natural, on this machine's processor",
    "yandex": "a cloud; Russian and English",
    "openai": "a cloud, or a server of your own that speaks its protocol",
    "wyoming": "a server of your own, as Home Assistant has",
    "xtts": "a voice cloned from recordings; wants a GPU",
}

REMOTE = ("yandex", "openai", "wyoming")
"""Whether these answer is only known when they are asked: `allo doctor` does that for those in use."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text that was spoken."""

    voice: str
    pcm: bytes
    """PCM16 mono."""
    rate: int
    """Hz."""
    first_ms: float
    """Wait for the first sound, milliseconds."""
    took_s: float
    """Until the last, seconds."""

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.pcm) / SAMPLE_BYTES / self.rate


def say(settings: Settings, text: str, voice: str, out: Path | None) -> int:
    """Speak ``text`` into a WAV file, or aloud; ``voice``: ``engine`` or ``engine:name``, empty: as in the settings."""
    if out is not None and not out.absolute().parent.is_dir():
        raise StartError(f"{out}: can't be written: there is no folder {out.absolute().parent}")
    said = asyncio.run(_say(settings, verbalise(text, settings.language), voice))
    if not said.pcm:
        raise StartError(f"{said.voice} makes no sound of this text: there is nothing in it that can be spoken")
    if out is not None:
        try:
            write_mono(out, said.pcm, said.rate)
        except OSError as error:
            raise StartError(f"{out}: can't be written: {error.strerror}") from None
    else:
        _play(said)
    where = f"{out}: " if out else ""
    Console().print(
        f"{where}{said.seconds:.1f} s by {said.voice}; first sound after {said.first_ms:.0f} ms, "
        f"all of it after {said.took_s * 1000:.0f} ms",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return 0


async def _say(settings: Settings, text: str, voice: str) -> Said:
    alone = bool(voice) or len(settings.tts.choices) == 1
    async with counted(settings.costs, settings.storage.dir, alone=alone) as costs:
        chain = await named(settings, voice, costs) if voice else await new_voice(settings, costs=costs)
        try:
            return await measured(chain, text)
        finally:
            await chain.close()


async def named(settings: Settings, voice: str, costs: Costs) -> VoiceChain:
    """One voice by ``engine`` or ``engine:name``, levelled and counted as in calls; raises ``StartError``."""
    engine, _, name = voice.partition(":")
    if engine not in VOICES:
        raise StartError(f"--voice {voice}: there is no such engine; one of {', '.join(sorted(VOICES))}")
    return VoiceChain([metered_voice(await one_voice(engine, name, settings), engine, costs)])


async def measured(voice: Synthesizer, text: str) -> Said:
    """Have ``text`` spoken; raises ``VoiceError``."""
    pcm, began, first = bytearray(), time.perf_counter(), 0.0
    async for made in voice.synthesize(text):
        if isinstance(made, bytes):
            first = first or time.perf_counter() - began
            pcm += made
    return Said(voice.name, bytes(pcm), voice.rate, first * 1000, time.perf_counter() - began)


def _play(said: Said) -> None:
    players = [command for command in PLAYERS if shutil.which(command[0])]
    if not players:
        raise StartError("there is no paplay, aplay, afplay or ffplay here to play sound; give -o FILE.wav")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        write_mono(path, said.pcm, said.rate)
        for player in players:
            tried = subprocess.run([*player, str(path)], check=False, capture_output=True)  # noqa: S603 - our own list
            if not tried.returncode:
                return
    names = ", ".join(player[0] for player in players)
    raise StartError(f"this machine can't play sound ({names} tried); give -o FILE.wav")


def show_voices(settings: Settings) -> int:
    """List engines and voices: which are used, which could be, and what the others lack."""
    used = {engine for engine, _ in settings.tts.choices}
    if "auto" in used:
        used.add("espeak" if piper_in_use(settings) is None else "piper")
    table = Table("engine", "voice", "", "what it is, or what it lacks", title="allo voices", title_justify="left")
    for engine in (name for name in VOICES if name != "auto"):
        state, what = asyncio.run(_state(settings, engine))
        free = "not tried" if engine in REMOTE else "here"
        mark = "in use" if engine in used and not what else "no" if what else free
        table.add_row(engine, Text(state), mark, Text(what or NOTES.get(engine, "")))
    for row in list_models(settings):
        if row.kind == "piper":
            table.add_row("", Text(f"piper:{row.name}"), Text(row.state), Text(row.note))
    for cloned in list_cloned(settings.storage.dir):
        mark = "in use" if ("xtts", cloned.name) in settings.tts.choices else "here"
        table.add_row("", Text(f"xtts:{cloned.name}"), Text(mark), Text(cloned.note))
    console = Console()
    console.print(table)
    console.print("Try one: allo say 'Здравствуйте' --voice ENGINE:VOICE -o said.wav", highlight=False)
    return 0


async def _state(settings: Settings, engine: str) -> tuple[str, str]:
    """Its voice and nothing, or nothing and what it lacks."""
    wanted = next((voice for name, voice in settings.tts.choices if name == engine), "")
    try:
        voice = await one_voice(engine, wanted, settings)
    except AlloError as error:
        return "", str(error)
    await voice.close()
    return voice.name, ""
