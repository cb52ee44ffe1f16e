"""One observation -> what it tells: latencies in samples of the wire, and what went wrong, in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.turns.following import Following, Silence, follow
from bench.turns.observation import Observation, Pcm
from bench.turns.scripts import Kind
from telephony.phone_report import Track
from telephony.phone_script import RATE

MISSED_MS = 3000
"""No answer for this long: the end of the turn was missed, milliseconds."""
TOLERATED_MS = 60
"""So much of an answer may be missing where it was paused, milliseconds: less than any word."""
RESUMED_MS = 800
"""A pause for nothing must be over by then, milliseconds; what the answer rests there anyway is not counted."""
WENT_ON_MS = 200
"""An answer still heard this long after the interruption's end was not interrupted, milliseconds."""
GAP_MS = 60
"""An answer that was silent here anyway does not tell when it was stopped, milliseconds."""
STARTED_MS = 300
"""So much of an answer must have been heard to say that it was interrupted, milliseconds."""

PER_MS = RATE // 1000
END = int(np.iinfo(np.int64).max)
"""After everything, samples."""


@dataclass
class Finding:
    """What one script came to."""

    name: str
    kind: Kind
    values: dict[str, float] = field(default_factory=dict)
    """Figures by name; times in milliseconds, the rest counts."""
    failures: list[str] = field(default_factory=list)
    """What should not have happened."""
    void: str = ""
    """Why the script could not be judged; empty: it was."""


@dataclass
class References:
    """Answers heard undisturbed, by language and carrier."""

    answers: dict[str, Pcm] = field(default_factory=dict)
    """WAV name of the carrier -> packets of its answer."""
    greetings: dict[str, Pcm] = field(default_factory=dict)
    """Language -> packets of the greeting."""

    def learn(self, seen: Observation) -> None:
        """Keep the answer of a reference call; raises ``RuntimeError`` when there was none."""
        if seen.fault or not seen.played:
            raise RuntimeError(f"{seen.script.name}: the reference call failed: {seen.fault or 'nothing was asked'}")
        asked, spoken = seen.spoken(0)
        answer = seen.heard[seen.arrivals >= spoken]
        if Track(answer.tobytes()).first_audible(0) is None:
            raise RuntimeError(f"{seen.script.name}: the reference question was not answered")
        self.answers[seen.script.steps[0].wav] = answer
        self.greetings[seen.script.language] = seen.heard[seen.arrivals < asked]

    def voice(self, language: str) -> Pcm:
        """Three seconds or so of how the agent sounds."""
        rows = self.greetings[language]
        loud = rows[np.abs(rows).max(axis=1) > 1000]
        return np.asarray(loud).reshape(-1)


def judge(seen: Observation, references: References) -> Finding:
    """Measure one call."""
    script = seen.script
    finding = Finding(script.name, script.kind)
    if seen.fault or len(seen.played) < len(script.steps):
        finding.failures.append(seen.fault or "the call was over before the script")
        return finding
    JUDGES[script.kind](seen, references, finding)
    return finding


def _reply(seen: Observation, _references: References, finding: Finding) -> None:
    """An utterance, with or without pauses, that wants an answer after its end and not before."""
    last = len(seen.script.steps) - 1
    _, end = seen.spoken(last)
    _cut_ins(seen, last, finding)
    finding.values["missed"] = 0
    if finding.values["cut_in"]:
        return
    first = seen.track.first_audible(end)
    if first is None or first - end > MISSED_MS * PER_MS:
        finding.values["missed"] = 1
        finding.failures.append("no answer within 3 s")
        return
    finding.values["reply_ms"] = (first - end) / PER_MS


def _cut_ins(seen: Observation, step: int, finding: Finding) -> None:
    """Where the agent spoke before the end; each inner pause counts by itself, with what was said after it."""
    start, end = seen.spoken(step)
    pauses = [(place, span) for place, span in enumerate(seen.script.steps[step].spans) if span.kind == "pause"]
    spoiled = 0
    for place, span in pauses:
        begin = seen.place(step, span.start)
        until = seen.place(step, seen.script.steps[step].spans[place + 1].end - 1)
        heard = seen.track.first_audible(begin, until)
        if heard is not None and seen.track.first_audible(start, begin) is None:
            spoiled += 1
            before = seen.script.steps[step].spans[place - 1].text
            into = (heard - begin) / PER_MS
            finding.failures.append(
                f"cut in {into:.0f} ms into {(span.end - span.start) / PER_MS:.0f} ms after «{before}»"
            )
    early = seen.track.first_audible(start, end) is not None
    if early and not spoiled:
        finding.failures.append("spoke over the caller")
    finding.values |= {"pauses": len(pauses), "spoiled": spoiled, "cut_in": float(early)}


def _answer(seen: Observation, references: References, step: int, until: int = END) -> Following:
    """How the answer to a step ran, up to ``until`` and to the next step that is not spoken into it."""
    begin = seen.spoken(step)[1]
    later = [seen.spoken(n)[0] for n in range(step + 1, len(seen.played)) if seen.script.steps[n].cue != "into"]
    mine = (seen.arrivals >= begin) & (seen.arrivals < min([until, *later]))
    return follow(seen.arrivals[mine], seen.heard[mine], references.answers[seen.script.steps[step].wav])


def _void(answer: Following, onset: int) -> str:
    if (answer.foreign < onset).sum() > STARTED_MS // 20 or not answer.reached:
        return "the first question got another answer"
    if answer.last < onset and answer.missing_ms - answer.missing_before_ms <= TOLERATED_MS:
        return "the answer was over before it was talked into"
    return ""


def _undisturbed(seen: Observation, references: References, finding: Finding) -> None:
    """A sound over the answer that must not end it."""
    onset, _ = seen.spoken(1)
    answer = _answer(seen, references, 0)
    finding.void = _void(answer, onset)
    if finding.void:
        return
    silences = [silence for silence in answer.silences if silence.end > onset]
    stopped = answer.missing_ms - answer.missing_before_ms > TOLERATED_MS and not _whole(seen)
    said = bool((answer.foreign >= onset).sum() * 20 > STARTED_MS)
    lost = answer.missing_before_ms > TOLERATED_MS
    finding.values |= {"false_stop": float(stopped or said), "paused": float(bool(silences)), "lost": float(lost)}
    if stopped:
        finding.failures.append("the answer did not go on" + _understood(seen))
    elif said:
        finding.failures.append("something else was said" + _understood(seen))
    if lost:
        finding.failures.append(f"{answer.missing_before_ms} ms of the answer were never heard")
    if silences:
        longest = max(min(silence.extra / PER_MS, _length(silence)) for silence in silences)
        finding.values["silent_ms"] = longest
        if longest > RESUMED_MS:
            finding.failures.append(f"silent for {longest:.0f} ms")


def _whole(seen: Observation) -> bool:
    """By the record: a question misheard in a way of its own gets an answer shorter than the reference."""
    first = next((turn for turn in seen.turns if turn["heard"]), None)
    return first is not None and not first["cut"] and bool(first["said"]) and first["said"] == first["said_heard"]


def _length(silence: Silence) -> float:
    return (silence.end - silence.start) / PER_MS


def _understood(seen: Observation) -> str:
    return f"; understood «{seen.said(after=1)}»"


def _noise(seen: Observation, references: References, finding: Finding) -> None:
    """A noise over the answer, or one in the silence before a question."""
    if seen.script.steps[0].spans[0].kind != "noise":
        _undisturbed(seen, references, finding)
        return
    begin, until = seen.place(0), seen.spoken(1)[0]
    answered = seen.track.first_audible(begin, until) is not None
    finding.values["false_turn"] = float(answered)
    if answered:
        finding.failures.append(f"a noise in the silence was answered; understood «{seen.said()}»")
    else:
        _reply(seen, references, finding)


def _interruption(seen: Observation, references: References, finding: Finding) -> None:
    """Words that take the turn."""
    onset, end = seen.spoken(1)
    # by then it has stopped or not; what answers the interruption may hold a sentence of it
    answer = _answer(seen, references, 0, end + (WENT_ON_MS + 20) * PER_MS if _cut(seen) else END)
    finding.void = _void(answer, onset)
    if finding.void:
        return
    if _same_again(seen):
        finding.void = f"the interruption was answered with the same words{_understood(seen)}"
        return
    left = answer.missing_ms - answer.missing_before_ms > TOLERATED_MS
    taken = left and answer.last <= end + WENT_ON_MS * PER_MS
    finding.values["taken"] = float(taken)
    if not taken:
        finding.failures.append("the old answer went on" + _understood(seen))
    stop = _stopped(answer, onset)
    if stop is not None and not _in_a_gap(seen, references, answer, stop):
        finding.values["stop_ms"] = max(0.0, (stop - onset) / PER_MS)
    later = answer.foreign[answer.foreign >= max(end, answer.last)]
    if taken and later.size:
        finding.values["reply_ms"] = (int(later[0]) - end) / PER_MS


def _cut(seen: Observation) -> bool:
    """By the record: the first answer was cut, and what the caller said instead was understood."""
    first, *later = [turn for turn in seen.turns if turn["heard"]] or [{"cut": 0}]
    return bool(first["cut"]) and bool(later)


def _same_again(seen: Observation) -> bool:
    """By the record: the answer was cut, and what the caller said instead got one that begins like it."""
    first, *later = [turn for turn in seen.turns if turn["heard"]] or [{"cut": 0}]
    begun = [turn["said"].split(".")[0] for turn in later if turn["said"]]
    return bool(first["cut"]) and any(first["said"].startswith(words) for words in begun)


def _stopped(answer: Following, onset: int) -> int | None:
    """Where the answer first fell silent because of the caller."""
    paused = [silence.start for silence in answer.silences if silence.end > onset]
    return paused[0] if paused else answer.last if answer.missing_ms > TOLERATED_MS else None


def _in_a_gap(seen: Observation, references: References, answer: Following, stop: int) -> bool:
    """Whether the undisturbed answer would have been silent there too: then its last sound says nothing of the stop."""
    if any(silence.start == stop for silence in answer.silences):
        silence = next(silence for silence in answer.silences if silence.start == stop)
        return silence.end - silence.start - silence.extra > GAP_MS * PER_MS
    reference = Track(references.answers[seen.script.steps[0].wav].tobytes())
    last = reference.last_audible(0, answer.reached)
    following = reference.first_audible(answer.reached)
    return last is not None and following is not None and following - last > GAP_MS * PER_MS


def _echo(seen: Observation, references: References, finding: Finding) -> None:
    """Turns of the agent that only its own echo could have disturbed.

    An answer that was misheard for or depends on what was asked before has no reference: the record tells whether it
    was heard whole.
    """
    said = [turn for turn in seen.turns if turn["heard"]]
    if len(said) > len(seen.played):
        finding.failures.append(f"the echo was taken for a turn of the caller; understood «{seen.said()}»")
    turns = [_greeting(seen, references)] + [_answer(seen, references, step) for step in range(len(seen.played))]
    disturbed = 0
    for number, turn in enumerate(turns):
        same = turn.reached and turn.foreign.size * 20 <= STARTED_MS
        whole = number > 0 and len(said) == len(seen.played) and not said[number - 1]["cut"]
        if turn.silences and same:
            disturbed += 1
            silent = ", ".join(f"{_length(silence):.0f} ms" for silence in turn.silences)
            finding.failures.append(f"turn {number}: silent for {silent}")
        elif not whole and (not same or turn.missing_ms > TOLERATED_MS):
            disturbed += 1
            finding.failures.append(f"turn {number}: cut, or another answer")
    late = [stood / PER_MS for turn in turns for stood in turn.late]
    finding.values |= {"turns": len(turns), "self_interrupted": disturbed, "late": len(late)}
    if late:
        finding.values["late_ms"] = max(late)


def _greeting(seen: Observation, references: References) -> Following:
    mine = seen.arrivals < seen.spoken(0)[0]
    return follow(seen.arrivals[mine], seen.heard[mine], references.greetings[seen.script.language])


JUDGES: Mapping[Kind, Callable[[Observation, References, Finding], None]] = {
    "question": _reply,
    "statement": _reply,
    "loss": _reply,
    "hesitation": _reply,
    "long-hesitation": _reply,
    "number": _reply,
    "backchannel": _undisturbed,
    "noise": _noise,
    "interruption": _interruption,
    "echo": _echo,
}
"""How each kind is measured."""


def judge_all(seen: Sequence[Observation], references: References) -> list[Finding]:
    """Measure all calls, in their order."""
    return [judge(one, references) for one in seen]
