"""Which scripts there are: each kind draws its texts, speakers, pauses, levels and moments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audio.wav import read_mono, write_mono
from bench import speech
from bench.ear_sounds import RATE, Samples, at_level, pcm, samples_of
from bench.turns import overlays, voices
from bench.turns.answers import Answers, alike
from bench.turns.scripts import Cue, Echo, Kind, Script, Span, Step
from bench.turns.voices import HUMAN, Voice

PAUSE_MS = (300, 800)
"""Inner pauses, milliseconds."""
LONG_MS = (800, 1000)
"""Those of callers who think for longer, milliseconds."""
DICTATED_MS = (300, 800)
"""Between the groups of a number, milliseconds."""
LEVELS = (-26.0, -14.0)
"""Loudest 100 ms of speech, dBFS."""
BACKGROUNDS = (-99.0, -72.0, -66.0, -60.0, -56.0)
"""Noise behind the caller, dBFS; the first is digital silence."""
QUIET_BACKGROUNDS = (-99.0, -72.0, -66.0)
"""Behind callers whose first question must be understood for the script to make sense."""
INTO_MS = (400, 3200)
"""Where an answer is talked into, milliseconds after it began."""
TAKEN_MS = (900, 3200)
"""The same by who takes the turn: an answer cut within its first 400 ms is begun anew, so nothing could be told."""
EDGE = 160
"""Digital silence around a sound in its WAV, samples."""
ECHO_CALLS = {
    False: {"ru": (25, (-15.0, -15.0, -25.0, -30.0)), "en": (8, (-15.0, -30.0))},
    True: {"ru": (15, (-15.0, -25.0)), "en": (5, (-30.0,))},
}
"""Held out or not, language -> calls at -20 dB, and the levels of further ones, dB."""
ECHO_TURNS = 9
"""Questions of an echo call; with the greeting ten turns of the agent."""


@dataclass(frozen=True, slots=True)
class Studio:
    """What a cast works with."""

    folder: Path
    language: str
    texts: dict[str, list[str]]
    dice: np.random.Generator
    part: str = ""
    """How the names of its scripts begin: ``HELD_OUT`` for those that only the final figures are taken from."""
    answers: Answers = field(default_factory=dict)
    """What is answered to the carriers, and to interruptions of that."""

    @property
    def prefix(self) -> str:
        """How the names of its scripts begin."""
        return f"{self.part}{self.language}"

    @property
    def held_out(self) -> bool:
        """It makes fewer of what has no texts of its own."""
        return bool(self.part)

    def between(self, span: tuple[float, float]) -> float:
        """A number of a range, evenly drawn."""
        return float(self.dice.uniform(*span))

    def sound(self, name: str, pieces: list[tuple[Span, Samples]]) -> tuple[str, tuple[Span, ...]]:
        """Write pieces one after another as a WAV; the spans come back with their places."""
        spans, parts, at = [], [np.zeros(EDGE)], EDGE
        for span, samples in pieces:
            spans.append(Span(span.kind, at, at + samples.size, span.text))
            parts.append(samples)
            at += samples.size
        write_mono(self.folder / f"{name}.wav", pcm(np.concatenate([*parts, np.zeros(EDGE)])), RATE)
        return f"{name}.wav", tuple(spans)

    def speech(self, name: str, voice: Voice, text: str, cue: Cue, delay_ms: int = 0) -> Step:
        """A text with its pauses, spoken."""
        return Step(*_named(self._said(name, voice, text, PAUSE_MS), cue, delay_ms))

    def halting(self, name: str, voice: Voice, text: str, pause_ms: tuple[float, float]) -> Step:
        """The same with other pauses, said when the agent has finished."""
        return Step(*_named(self._said(name, voice, text, pause_ms), "silent", 0))

    def _said(self, name: str, voice: Voice, text: str, pause_ms: tuple[float, float]) -> tuple[str, tuple[Span, ...]]:
        level = self.between(LEVELS)
        pieces: list[tuple[Span, Samples]] = []
        for part in text.replace("||", "|").split("|"):
            if pieces:
                quiet = np.zeros(int(self.between(pause_ms) * RATE / 1000))
                pieces.append((Span("pause", 0, 0), quiet))
            made = voices.trimmed(at_level(voice.say(part.strip()), level))
            pieces.append((Span("speech", 0, 0, part.strip()), made))
        return self.sound(name, pieces)

    def carrier(self, text: str, number: int) -> Step:
        """A question whose answer is then talked into: clear, the same voice each time."""
        name = f"{self.language}-carrier-{number:02}"
        voice = Voice("ru+f3" if self.language == "ru" else "en-us+f3", self.language, 155)
        made = voices.trimmed(at_level(voice.say(text), -18.0))
        return Step(*_named(self.sound(name, [(Span("speech", 0, 0, text), made)]), "silent", 0))

    def draw_carrier(self, unlike: str = "") -> Step:
        """One that shares no longer word with ``unlike`` and is not answered like it, if there is one."""
        carriers = self.texts["carriers"]
        order = [int(number) for number in self.dice.permutation(len(carriers))]
        other = [number for number in order if not self._likened(carriers[number], unlike)]
        number = (other or order)[0]
        return self.carrier(carriers[number], number)

    def _likened(self, carrier: str, text: str) -> bool:
        first, second = self.answers.get((carrier, text), ("", " "))
        return bool(_stems(carrier) & _stems(text)) or alike(first, second)

    def into_ms(self) -> int:
        """A moment of an answer."""
        return int(self.between(INTO_MS))

    def script(self, name: str, kind: Kind, voice: Voice | str, steps: list[Step], **more: object) -> Script:
        """A script with a background of its own."""
        backgrounds = QUIET_BACKGROUNDS if len(steps) > 1 else BACKGROUNDS
        values: dict[str, object] = {
            "leave": "reply",
            "background": float(self.dice.choice(backgrounds)),
            "seed": int(self.dice.integers(2**31)),
            **more,
        }
        speaker = voice if isinstance(voice, str) else f"{voice.name} {voice.speed_wpm} wpm x{voice.pitch}"
        return Script(name, kind, self.language, speaker, tuple(steps), **values)  # type: ignore[arg-type]


def _stems(text: str) -> set[str]:
    return {word[:5] for word in text.split() if len(word) >= 5}


def _named(sound: tuple[str, tuple[Span, ...]], cue: Cue, delay_ms: int) -> tuple[str, Cue, tuple[Span, ...], int]:
    wav, spans = sound
    return wav, cue, spans, delay_ms


def questions(studio: Studio) -> Iterator[Script]:
    """Complete questions: generated ones, and those of ``tests/speech``."""
    for number, text in enumerate(studio.texts["questions"]):
        name, voice = f"{studio.prefix}-question-{number:02}", voices.cast(studio.language, studio.dice)
        yield studio.script(name, "question", voice, [studio.speech(name, voice, text, "silent")])
    for number, wav in enumerate(() if studio.held_out else speech.questions(studio.language)):
        name = f"{studio.prefix}-question-file-{number:02}"
        yield studio.script(name, "question", Path(wav).stem, [_recorded(studio, name, Path(wav))])


def statements(studio: Studio) -> Iterator[Script]:
    """Complete turns that ask nothing, where there are such texts: «у нас сломалась машина»."""
    for number, text in enumerate(studio.texts.get("statements", [])):
        name, voice = f"{studio.prefix}-statement-{number:02}", voices.cast(studio.language, studio.dice)
        yield studio.script(name, "statement", voice, [studio.speech(name, voice, text, "silent")])


def _recorded(studio: Studio, name: str, wav: Path) -> Step:
    known = dict(line.split("\t") for line in (wav.parent / "transcripts.tsv").read_text(encoding="utf-8").splitlines())
    made = voices.trimmed(at_level(samples_of(read_mono(wav, RATE)), studio.between(LEVELS)))
    return Step(*_named(studio.sound(name, [(Span("speech", 0, 0, known[wav.name]), made)]), "silent", 0))


def losses(studio: Studio) -> Iterator[Script]:
    """Questions over a line that loses one packet in twenty."""
    count = (14 if studio.language == "ru" else 5) // (2 if studio.held_out else 1)
    for number, text in enumerate(studio.dice.permutation(studio.texts["questions"])[:count]):
        name, voice = f"{studio.prefix}-loss-{number:02}", voices.cast(studio.language, studio.dice)
        yield studio.script(name, "loss", voice, [studio.speech(name, voice, str(text), "silent")], loss=0.05)


def hesitations(studio: Studio) -> Iterator[Script]:
    """Callers who pause to think; each text by two of them."""
    for number, text in enumerate(studio.texts["hesitations"] * 2):
        name, voice = f"{studio.prefix}-hesitation-{number:02}", voices.cast(studio.language, studio.dice)
        yield studio.script(name, "hesitation", voice, [studio.speech(name, voice, text, "silent")])


def long_hesitations(studio: Studio) -> Iterator[Script]:
    """The same texts by callers who think for longer than the bar speaks of."""
    for number, text in enumerate(studio.texts["hesitations"]):
        name, voice = f"{studio.prefix}-long-{number:02}", voices.cast(studio.language, studio.dice)
        step = studio.halting(name, voice, text, LONG_MS)
        yield studio.script(name, "long-hesitation", voice, [step])


def numbers(studio: Studio) -> Iterator[Script]:
    """Dictated numbers in groups; some by a person's voice."""
    for number, text in enumerate(studio.texts["numbers"]):
        name, voice = f"{studio.prefix}-number-{number:02}", voices.cast(studio.language, studio.dice, festival=0.4)
        step = studio.halting(name, voice, text, DICTATED_MS)
        yield studio.script(name, "number", voice, [step])
    if studio.language == "ru" and voices.has_prompts():
        yield from _read_out(studio)


DIGITS = ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")


def _read_out(studio: Studio) -> Iterator[Script]:
    """Digits by a real woman, in groups of three and two."""
    for number in range(4):
        name, level = f"{studio.prefix}-number-human-{number:02}", studio.between(LEVELS)
        pieces: list[tuple[Span, Samples]] = []
        for group in (3, 2, 2):
            digits = studio.dice.integers(0, 10, group)
            said = np.concatenate([np.append(voices.prompt(f"digits/{digit}"), np.zeros(400)) for digit in digits])
            text = " ".join(DIGITS[digit] for digit in digits)
            if pieces:
                pieces.append((Span("pause", 0, 0), np.zeros(int(studio.between(DICTATED_MS) * RATE / 1000))))
            pieces.append((Span("speech", 0, 0, text), voices.trimmed(at_level(said, level))))
        step = Step(*_named(studio.sound(name, pieces), "silent", 0))
        yield studio.script(name, "number", HUMAN, [step])


def backchannels(studio: Studio) -> Iterator[Script]:
    """«Угу» over the agent's answer: it goes on."""
    for number, text in enumerate(studio.texts["backchannels"]):
        name, voice = (
            f"{studio.prefix}-backchannel-{number:02}",
            voices.cast(studio.language, studio.dice, festival=0),
        )
        step = studio.speech(name, voice, text, "into", studio.into_ms())
        yield studio.script(name, "backchannel", voice, [studio.draw_carrier(), step], leave="rest")


def interruptions(studio: Studio) -> Iterator[Script]:
    """Callers who take the turn."""
    for number, text in enumerate(studio.texts["interruptions"]):
        name, voice = f"{studio.prefix}-interruption-{number:02}", voices.cast(studio.language, studio.dice)
        step = studio.speech(name, voice, text, "into", int(studio.between(TAKEN_MS)))
        yield studio.script(name, "interruption", voice, [studio.draw_carrier(unlike=text), step], leave="soon")


def noises(studio: Studio) -> Iterator[Script]:
    """Sounds that are nobody's words: over the answer, and in the silence before a question."""
    rounds = 3 if studio.language == "ru" else 0
    for turn in range(rounds):
        for kind in overlays.NOISES:
            name = f"{studio.prefix}-noise-{kind}-{turn}"
            sound = studio.sound(name, [(Span("noise", 0, 0, ""), overlays.noise(kind, studio.dice))])
            if turn < 2:
                step = Step(*_named(sound, "into", studio.into_ms()))
                yield studio.script(name, "noise", kind, [studio.draw_carrier(), step], leave="rest")
            else:
                step = Step(*_named(sound, "hush", 1200))
                yield studio.script(name, "noise", kind, [step, _later(studio.draw_carrier())])


def _later(step: Step) -> Step:
    return Step(step.wav, "hush", step.spans, 2500)


def echoes(studio: Studio) -> Iterator[Script]:
    """A speakerphone on a desk: calls of ten turns of the agent, most at -20 dB, some louder and softer."""
    at_20, others = ECHO_CALLS[studio.held_out][studio.language]
    for number, level in enumerate((-20.0,) * at_20 + others):
        name = f"{studio.prefix}-echo{-level:.0f}-{number:02}"
        carriers = studio.texts["carriers"]
        order = [int(i) for i in studio.dice.permutation(len(carriers))] * 2
        echo = Echo(level, int(studio.between((20, 200))), int(studio.dice.integers(10_000)))
        steps = [studio.carrier(carriers[which], which) for which in order[:ECHO_TURNS]]
        yield studio.script(name, "echo", f"echo {level:.0f} dB", steps, leave="rest", echo=echo)


def references(studio: Studio) -> Iterator[Script]:
    """Each carrier's answer, undisturbed: what the others are compared with."""
    for number, text in enumerate(studio.texts["carriers"]):
        name = f"{studio.language}-reference-{number:02}"
        yield studio.script(name, "reference", "", [studio.carrier(text, number)], leave="rest", background=-99.0)


CASTS: dict[str, Callable[[Studio], Iterator[Script]]] = {
    "reference": references,
    "question": questions,
    "statement": statements,
    "loss": losses,
    "hesitation": hesitations,
    "long-hesitation": long_hesitations,
    "number": numbers,
    "backchannel": backchannels,
    "noise": noises,
    "interruption": interruptions,
    "echo": echoes,
}
"""Everything there is, in the order in which it is made."""
