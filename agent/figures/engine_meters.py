"""Figures of the engines for a Prometheus. Labels are kinds and names of engines, never anything of a caller."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from agent.figures.engine_times import EngineState, Kind
from agent.figures.gpus import Gpus

FIRST_S = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.5, 4.0, 6.0)
"""Upper bounds of the buckets, seconds; among them are the deadlines of chains (0.8, 1.0, 2.5)."""


class EngineMeters:
    """Keeps sums, and looks at the rest when somebody asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """All are written into ``registry``."""
        self.state: Callable[[], EngineState] = EngineState
        """Where the daemon tells how the engines do."""
        self.gpus = Gpus()
        engine = ["kind", "engine"]
        self._first = Histogram(
            "allo_engine_first_seconds",
            "From asking an engine to its first: text of an utterance (stt), sound (tts), token (llm)",
            engine,
            buckets=FIRST_S,
            registry=registry,
        )
        self._asked = Counter(
            "allo_engine_requests",
            "Engines asked, and whether they gave anything",
            [*engine, "outcome"],
            registry=registry,
        )
        self._failing = Gauge(
            "allo_engine_failing", "1: it failed several times in a row and is left alone", engine, registry=registry
        )
        self._queue = Gauge(
            "allo_engine_queue", "Requests that wait for a worker process", ["engine"], registry=registry
        )
        self._hits = Gauge(
            "allo_phrase_cache_hits", "Sentences spoken from the cache since the start", registry=registry
        )
        self._misses = Gauge("allo_phrase_cache_misses", "Sentences a voice was asked for", registry=registry)
        self._used = Gauge("allo_gpu_memory_used_bytes", "Memory of a card in use", ["gpu"], registry=registry)
        self._total = Gauge("allo_gpu_memory_bytes", "Memory of a card", ["gpu"], registry=registry)
        self._busy = Gauge(
            "allo_gpu_busy_ratio", "Share of the time in which a card worked", ["gpu"], registry=registry
        )

    def told(self, kind: Kind, engine: str, seconds: float | None) -> None:
        """See ``agent.figures.engine_times.Told``."""
        failed, ok = (self._asked.labels(kind, engine, outcome) for outcome in ("failed", "ok"))
        (failed if seconds is None else ok).inc()  # both are told: nought first, else no increase is seen
        if seconds is not None:
            self._first.labels(kind, engine).observe(seconds)

    def look(self) -> None:
        """Bring what is not counted up to date."""
        state = self.state()
        for (kind, engine), failing in state.failing.items():
            self._failing.labels(kind, engine).set(failing)
        for engine, waiting in state.queues.items():
            self._queue.labels(engine).set(waiting)
        self._hits.set(state.phrase_hits)
        self._misses.set(state.phrase_misses)
        for gpu in self.gpus.now:
            self._used.labels(gpu.index).set(gpu.used_bytes)
            self._total.labels(gpu.index).set(gpu.total_bytes)
            if gpu.busy is not None:
                self._busy.labels(gpu.index).set(gpu.busy)
