"""What the events of a call become in its record: entries of the call log, lines of the transcript. Pure."""

import json

from agent.adoption import FORGET_LEG, kept
from agent.events import (
    AgentSaid,
    AgentSaying,
    CallAnswered,
    CallEnded,
    CallerSaid,
    CallEvent,
    LegKept,
    Noted,
    PassagesFound,
    Stage,
    StageReached,
)
from agent.ports import CallerInfo, Passage
from agent.store import Entry

NAMES = {"ru": ("Абонент", "Агент", "прервано"), "en": ("Caller", "Agent", "cut")}
Stages = dict[int, dict[Stage, int]]
"""By turn: the positions at which its stages were reached."""


def entries(call_id: str, caller: CallerInfo, stages: Stages, event: CallEvent, at: str) -> list[Entry]:
    """What an event means to the call log, at the time ``at``; ``stages`` of the call so far are kept up to date."""
    made: list[Entry] = []
    match event:
        case CallAnswered():
            made = [("UPDATE calls SET answered_at = coalesce(answered_at, ?) WHERE id = ?", (at, call_id))]
        case LegKept(leg):
            made = [kept(caller, leg)]
        case AgentSaying():
            saying = json.dumps({"turn": event.turn, "said": event.said, "heard": event.heard}, ensure_ascii=False)
            made = [("UPDATE held SET saying = ? WHERE call_id = ?", (saying, call_id))]
        case CallerSaid(turn, text, position, reached):
            stages[turn] = dict(reached)
            said = (
                "INSERT INTO turns (call_id, n, heard, position) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (call_id, n) DO UPDATE SET heard = excluded.heard"
            )
            made = [(said, (call_id, turn, text, position))]
        case StageReached(turn):
            made = [_stage_entry(call_id, caller.rate, stages.setdefault(turn, {}), event)]
        case PassagesFound(turn, passages):
            made = [("UPDATE turns SET passages = ? WHERE call_id = ? AND n = ?", (_shown(passages), call_id, turn))]
        case AgentSaid():
            whole = "UPDATE held SET saying = '', tries = 0 WHERE call_id = ?"
            made = [_said_entry(call_id, event), (whole, (call_id,))]
        case Noted(kind, detail):
            noted = "INSERT INTO events (call_id, at, kind, detail) VALUES (?, ?, ?, ?)"
            made = [(noted, (call_id, at, kind, detail))]
        case CallEnded(status, cause):
            end = "UPDATE calls SET ended_at = ?, status = ?, cause = ? WHERE id = ?"
            made = [(end, (at, status, cause, call_id)), (FORGET_LEG, (call_id,))]
    return made


def _stage_entry(call_id: str, rate: int, stages: dict[Stage, int], event: StageReached) -> Entry:
    """Stage times are kept as milliseconds of audio since the end of the caller's speech."""
    stages[event.stage] = event.position
    begin = stages.get("speech_end", event.position)
    times = {name: (at - begin) * 1000 // rate for name, at in stages.items()}
    return ("UPDATE turns SET stages = ? WHERE call_id = ? AND n = ?", (json.dumps(times), call_id, event.turn))


def _shown(passages: tuple[Passage, ...]) -> str:
    """Where an answer came from; the texts themselves stand in the knowledge base."""
    found = [{"base": one.base, "heading": one.heading, "score": round(one.score, 3)} for one in passages]
    return json.dumps(found, ensure_ascii=False)


def _said_entry(call_id: str, event: AgentSaid) -> Entry:
    """Turn 0 gathers what the agent says unasked: greeting, reprompts, goodbye."""
    return (
        "INSERT INTO turns (call_id, n, heard, said, said_heard, source, cut) VALUES (?, ?, '', ?, ?, ?, ?)"
        " ON CONFLICT (call_id, n) DO UPDATE SET said = trim(turns.said || ' ' || excluded.said),"
        " said_heard = trim(turns.said_heard || ' ' || excluded.said_heard), source = excluded.source,"
        " cut = excluded.cut",
        (call_id, event.turn, event.said, event.heard, event.source, int(event.cut)),
    )


def transcript_line(event: CallEvent, language: str) -> str:
    """What an event is in the transcript; empty: nothing."""
    caller, agent, cut = NAMES[language]
    match event:
        case CallerSaid():
            return f"{caller}: {event.text}"
        case AgentSaid() if event.said:
            source = f" [{event.source}]" if event.source else ""
            return f"{agent}{source}: {event.heard}{f' … ({cut})' if event.cut else ''}"
        case Noted("dtmf", digit):
            return f"{caller}: [{digit}]"
        case Noted("adopted", detail):
            return f"— {detail}"
        case CallEnded():
            return f"— {event.status}: {event.cause}"
    return ""
