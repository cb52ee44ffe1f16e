"""An event loop whose clock jumps to the next timer: long conversations cost no time and always happen the same way.

Replays and tests run on it. Work for threads is done at once, in place, so time stands still meanwhile.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Never sleeps: a wait of n seconds moves the clock by n."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            self.now += timeout
            timeout = 0
        return super().select(timeout)


class VirtualLoop(asyncio.SelectorEventLoop):
    """``asyncio`` with time that jumps. Nothing that waits for sockets may run on it."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made, as if every wait had been waited."""
        return self._jumping.now

    def run_in_executor(  # type: ignore[override]  # the stub's generic form can't be matched without unpacking
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Do the work now: the same order every time, and no time passes."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # as every executor: the fault belongs to whoever asked
            done.set_exception(error)
        return done


def play(scene: Coroutine[Any, Any, T]) -> T:
    """Run ``scene`` on a jumping clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scene)
