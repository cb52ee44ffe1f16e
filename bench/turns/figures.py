"""Findings -> the rows of the table, with the bars that turn-taking has to reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report import Row, spread, within
from bench.turns.measure import RESUMED_MS, Finding
from bench.turns.scripts import ASKED, Kind
from bench.turns.words import Loss

SPEED = 30
"""Times real time that a replay has to reach."""
REPLY_P50, REPLY_P95 = 350, 600
"""Last speech sample -> first audible answer sample, milliseconds."""
LLM_P50 = 500
"""The same when the model's first token takes 400 ms."""
CUT_INS = 0.03
BARGE_IN_P50, BARGE_IN_P95 = 120, 200
"""Onset -> silent on the wire, milliseconds."""
TAKEN = 0.98
FALSE_STOPS = 0.01


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of some findings, by kind."""

    findings: Sequence[Finding]

    def of(self, *kinds: Kind) -> list[Finding]:
        """Findings of some kinds that could be judged."""
        return [one for one in self.findings if one.kind in kinds and not one.void]

    def values(self, name: str, *kinds: Kind) -> list[float]:
        """One figure of all of them."""
        return [one.values[name] for one in self.of(*kinds) if name in one.values]


def rows(findings: Sequence[Finding], words: Loss) -> list[Row]:
    """Every row that there are findings for."""
    table = Table(findings)
    made = [
        reply(table),
        told(table),
        cut_ins(table, "hesitation", "hesitations"),
        cut_ins(table, "number", "dictated numbers"),
        long_cut_ins(table),
        missed(table),
        barge_in(table),
        taken(table),
        false_stops(table),
        resumed(table),
        noises(table),
        echo(table),
        other_echo(table),
        late(table),
        lossy(table),
        Row("words", "caller's words wrong or lost", "none", str(words), words.words, True),
    ]
    return [row for row in made if row.samples]


def reply(table: Table) -> Row:
    """How soon complete questions are answered."""
    times = table.values("reply_ms", "question")
    met = within(times, 0.5, REPLY_P50) and within(times, 0.95, REPLY_P95)
    bar = f"p50 <= {REPLY_P50}, p95 <= {REPLY_P95} ms"
    return Row("reply", "complete question: last sample -> answer", bar, spread(times), len(times), met)


def speed(audio_s: float, took_s: float) -> Row:
    """How much quicker than real time calls are lived through without a wire, recogniser and voice included."""
    times = audio_s / max(took_s, 1e-9)
    measured = f"{audio_s:.0f} s of calls in {took_s:.0f} s of a core: {times:.0f} x real time"
    return Row("speed", "replay: calls against the core's time", f">= {SPEED} x real time", measured, 1, times >= SPEED)


def told(table: Table) -> Row:
    """How soon who asks nothing is answered: given time on purpose."""
    times = table.values("reply_ms", "statement")
    return Row("told", "complete statement: last sample -> answer", "none", spread(times), len(times), True)


def reply_with_model(table: Table, pace: int) -> Row:
    """The same with a model that sends ``pace`` tokens a second after its first; 0: all at once, with a bar."""
    times = table.values("reply_ms", "question")
    what = "the same, at most four callers at once, model's first token after 400 ms, the rest "
    if pace:
        return Row(f"reply-llm-{pace}", f"{what}at {pace} a second", "none", spread(times), len(times), True)
    met = within(times, 0.5, LLM_P50)
    return Row("reply-llm", f"{what}at once", f"p50 <= {LLM_P50} ms", spread(times), len(times), met)


def cut_ins(table: Table, kind: Kind, what: str) -> Row:
    """How often the agent spoke into an inner pause."""
    calls = table.values("cut_in", kind)
    met = bool(calls) and sum(calls) / len(calls) <= CUT_INS
    return Row(f"cut-ins-{kind}", f"false cut-ins, {what}", "<= 3 % of callers", _spoiled(table, kind), len(calls), met)


def long_cut_ins(table: Table) -> Row:
    """The same of callers who think for longer than the bar speaks of."""
    calls = table.values("cut_in", "long-hesitation")
    what = "false cut-ins, pauses of 800 to 1000 ms"
    return Row("cut-ins-long", what, "none", _spoiled(table, "long-hesitation"), len(calls), True)


def _spoiled(table: Table, kind: Kind) -> str:
    calls = table.values("cut_in", kind)
    pauses, spoiled = sum(table.values("pauses", kind)), sum(table.values("spoiled", kind))
    share = _share(sum(calls), len(calls))
    return f"{sum(calls):.0f} of {len(calls)} callers ({share}), {spoiled:.0f} of {pauses:.0f} pauses"


def missed(table: Table) -> Row:
    """Utterances that got no answer."""
    missed = table.values("missed", *ASKED, "noise")
    measured = f"{sum(missed):.0f} of {len(missed)}"
    return Row("missed", "missed ends: no answer within 3 s", "0", measured, len(missed), not sum(missed))


def barge_in(table: Table) -> Row:
    """How soon the agent is silent."""
    times = table.values("stop_ms", "interruption")
    met = within(times, 0.5, BARGE_IN_P50) and within(times, 0.95, BARGE_IN_P95)
    bar = f"p50 <= {BARGE_IN_P50}, p95 <= {BARGE_IN_P95} ms"
    return Row("barge-in", "interruption's onset -> agent silent", bar, spread(times), len(times), met)


def taken(table: Table) -> Row:
    """Interruptions that were understood as such."""
    taken = table.values("taken", "interruption")
    met = bool(taken) and sum(taken) / len(taken) >= TAKEN
    measured = f"{sum(taken):.0f} of {len(taken)} ({_share(sum(taken), len(taken))})"
    return Row("taken", "real interruptions taken", ">= 98 %", measured, len(taken), met)


def false_stops(table: Table) -> Row:
    """Noises and backchannels that ended the agent's turn."""
    stops = table.values("false_stop", "noise", "backchannel")
    met = bool(stops) and sum(stops) / len(stops) <= FALSE_STOPS
    by_kind = ", ".join(
        f"{kind}s {sum(table.values('false_stop', kind)):.0f} of {len(table.values('false_stop', kind))}"
        for kind in ("noise", "backchannel")
    )
    what = "noises and backchannels that ended the agent's turn"
    return Row("false-stops", what, "<= 1 %", by_kind, len(stops), met)


def resumed(table: Table) -> Row:
    """How the agent went on after them."""
    silent, lost = table.values("silent_ms", "noise", "backchannel"), table.values("lost", "noise", "backchannel")
    met = bool(lost) and not sum(lost) and all(time <= RESUMED_MS for time in silent)
    measured = f"paused {len(silent)} of {len(lost)}: silent {spread(silent)}; words lost in {sum(lost):.0f}"
    return Row("resumed", "after these, the pause in the answer", "<= 800 ms, no word lost", measured, len(lost), met)


def noises(table: Table) -> Row:
    """Noises that nobody spoke over."""
    turns = table.values("false_turn", "noise")
    measured = f"{sum(turns):.0f} of {len(turns)} answered"
    return Row("noise-in-silence", "noises in the silence", "none answered", measured, len(turns), not sum(turns))


def echo(table: Table) -> Row:
    """Self-interruptions at -20 dB."""
    return _echo(table, "echo", "self-interruptions by echo at -20 dB, 20-200 ms", True)


def other_echo(table: Table) -> Row:
    """At other levels."""
    return _echo(table, "echo-other", "the same at -15, -25 and -30 dB", False)


def _echo(table: Table, name: str, what: str, at_20: bool) -> Row:
    calls = [one for one in table.of("echo") if ("echo20" in one.name) == at_20]
    total, stopped = (sum(one.values.get(key, 0) for one in calls) for key in ("turns", "self_interrupted"))
    measured = f"{stopped:.0f} in {total:.0f} turns"
    return Row(name, what, "0", measured, int(total), not stopped and bool(total))


def late(table: Table) -> Row:
    """Packets of the answers of echo calls that came 40 ms late: the daemon or the machine stood still."""
    gaps, times = table.values("late", "echo"), table.values("late_ms", "echo")
    what, longest = "agent's packets 40 ms late or more, calls with an echo", f", {max(times):.0f} ms" if times else ""
    return Row("late", what, "none", f"{sum(gaps):.0f} in {len(gaps)} calls{longest}", len(gaps), True)


def lossy(table: Table) -> Row:
    """Questions over a bad line."""
    times = table.values("reply_ms", "loss")
    what = "complete question, 5 % of packets lost"
    return Row("loss", what, "none", spread(times), len(times), True)


def _share(part: float, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def failures(findings: Sequence[Finding]) -> list[str]:
    """One line for everything that went wrong, and for what could not be judged."""
    bad = [f"{one.name}: {failure}" for one in findings for failure in one.failures]
    slow = [one for one in findings if one.kind == "question" and one.values.get("reply_ms", 0) > REPLY_P95]
    late = [one for one in findings if one.values.get("stop_ms", 0) > BARGE_IN_P95]
    bad += [f"{one.name}: answered after {one.values['reply_ms']:.0f} ms" for one in slow]
    bad += [f"{one.name}: silent only after {one.values['stop_ms']:.0f} ms" for one in late]
    return bad + [f"{one.name}: not judged: {one.void}" for one in findings if one.void]
