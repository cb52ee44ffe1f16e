"""Which source looks for which call that an earlier process left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent.adoption import Adoption, LeftOpen
from agent.lasting import Left
from agent.ports import CallerInfo, FrontDoor
from agent.resuming import Resumed


@dataclass
class Source:
    """Remembers what it is to look for."""

    name: str
    left: list[Left] = field(default_factory=list)
    lost: Callable[[str], None] = lambda _: None
    state: str = "up"

    def expect(self, left: Sequence[Left], lost: Callable[[str], None]) -> None:
        self.left, self.lost = list(left), lost

    async def run(self, door: FrontDoor, ready: Callable[[], None]) -> None:
        ready()


def call(name: str, line: str) -> LeftOpen:
    left = Left(CallerInfo(name, line, "100", "200", 8000), {})
    return LeftOpen(left, Resumed(question=name), "stem", 0.0, 0.0, 0.0, {})


def test_each_source_looks_for_its_own_calls() -> None:
    resumed: list[LeftOpen] = []
    lost: list[LeftOpen] = []
    one, two, gone, other = call("one", "sip"), call("two", "asterisk"), call("gone", "asterisk"), call("other", "fax")
    adoption = Adoption([one, two, gone, other], resumed.append, lost.append)
    sip, asterisk = Source("sip"), Source("asterisk")
    assert adoption.waits

    adoption.offer([sip, asterisk])
    assert ([each.caller.call_id for each in sip.left], len(asterisk.left)) == (["one"], 2)
    assert lost == [other], "there is no such line any more"

    asterisk.lost("gone")
    asterisk.lost("gone")
    assert lost == [other, gone]
    assert adoption.take("one") == one.resumed
    assert adoption.take("one") is adoption.take("a new call") is None
    assert resumed == [one]
