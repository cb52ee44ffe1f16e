"""``allo serve``: the daemon in the foreground, and what a person sees when calls are answered."""

import asyncio
import gc
import socket
import sys
import threading
from importlib import import_module

from agent import compiled
from agent.figures import logs
from agent.figures.discreet import of_loop
from agent.ports import Health
from agent.settings import Settings


def serve(settings: Settings, after: int | None = None) -> int:
    """Run until stopped; ``after``: the file descriptor by which another daemon hands its calls over."""
    logs.set_up(settings.log)
    gc.disable()  # as in agent/__main__.py; the daemon switches it on again
    # it reads certificates for a tenth of a second, which another core can do meanwhile
    threading.Thread(target=import_module, args=("aiohttp",), name="import").start()
    from agent.daemon import Daemon  # noqa: PLC0415 - see above
    from agent.errors import StartError  # noqa: PLC0415
    from agent.succession import Predecessor  # noqa: PLC0415

    try:
        before = None if after is None else Predecessor(socket.socket(fileno=after))
    except OSError as error:
        raise StartError(
            f"--after {after}: {error.strerror}; this option is for the daemon itself, leave it out"
        ) from None
    daemon = Daemon(settings, before)
    page = f"http://{settings.web.host}:{settings.web.port}/"
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.get_loop().set_exception_handler(of_loop)
        runner.run(daemon.run(lambda health: _banner(settings, health, daemon.key.place(page))))
    return 0


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed: a fifth less CPU for each call (docs/benchmarks.md)."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _banner(settings: Settings, health: Health, page: str) -> None:
    """What a person sees when calls are answered; ``page`` is where the page is."""
    from agent.model_store import find_stt_model  # noqa: PLC0415

    lines = [f"Allo {health.version} answers the phone (language: {settings.language}, Ctrl+C ends)"]
    if settings.sip.enabled:
        host = "127.0.0.1" if settings.sip.host == "0.0.0.0" else settings.sip.host  # noqa: S104 - shown, not bound
        lines.append(f"  ring        sip:allo@{host}:{settings.sip.port} from any softphone, no registration needed")
    lines += [f"  {name:<11} {state}" for name, state in health.lines.items()]
    lines += [f"  {name:<11} {state}" for name, state in health.engines.items()]
    if compiled.in_use():
        lines.append("  frames      compiled")
    lines.append(f"  records     {settings.storage.dir / 'calls_log'}")
    lines.append(f"  page        {page}")
    lines.append(f"  health      http://{settings.web.host}:{settings.web.port}/health")
    if "vosk" in settings.stt.engine and find_stt_model(settings).name.startswith("vosk-demo"):
        lines.append(
            "  NOTE: this is the demo recogniser. It knows a thousand-odd words of one firm's trade and takes\n"
            "        any other word for one of them. For real callers: `allo models list`, `allo models pull NAME`."
        )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
