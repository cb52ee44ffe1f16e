"""Debian's Prometheus, installed or only unpacked (``scripts/test-tools.sh``)."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.ports import HOST, free_port
from tests.asterisk.install import cache

MISSING = "Prometheus is missing: `make test` fetches it where apt-get can"


def program(name: str) -> str:
    """Path of ``prometheus`` or ``promtool``; empty: not here."""
    unpacked = cache() / "prometheus/usr/bin" / name
    return shutil.which(name) or (str(unpacked) if unpacked.exists() else "")


@contextmanager
def scraping(target: str, folder: Path) -> Iterator[str]:
    """A Prometheus that asks ``target`` (host:port) every second; the address of its own API."""
    port = free_port()
    (folder / "prometheus.yml").write_text(
        "scrape_configs:\n"
        "  - job_name: allo\n"
        "    scrape_interval: 1s\n"
        f"    static_configs: [{{targets: ['{target}']}}]\n",
        encoding="utf-8",
    )
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={HOST}:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(20)


def ask(address: str, query: str, within_s: float = 20.0) -> float:
    """The first value that ``query`` has, as soon as it has one; raises ``TimeoutError``."""
    url = f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:  # it is starting
            found = []
        if found:
            return float(found[0]["value"][1])
        time.sleep(0.1)
    raise TimeoutError(f"Prometheus knows nothing of {query}")
