"""Which attendants the settings want for a call."""

from collections.abc import Iterator

from agent.attending import Attendance, Attendant, Emit
from agent.consent import Consent
from agent.house import House
from agent.journal import Journal
from agent.muting import Muting, is_wished
from agent.ports import Line
from agent.settings import Settings


def attended(house: House, settings: Settings, journal: Journal) -> House:
    """The house with its calls attended."""
    recording = settings.recording
    cards = recording.enabled and is_wished(recording.mute_cards, settings.privacy)

    def new(house: House, line: Line, emit: Emit) -> Iterator[Attendant]:
        caller, notice = line.caller, house.prompts.notice
        if cards:
            yield Muting(settings.language, caller.rate, emit)
        if notice:
            forsaken = recording.enabled and recording.notice_first
            yield Consent(notice, emit, (lambda why: journal.forsake(caller.call_id, why)) if forsaken else None)

    return Attendance(lambda *of: tuple(new(*of))).over(house)
