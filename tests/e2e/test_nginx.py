"""The page behind nginx with TLS, as docs/nginx.conf has it: a real nginx, a certificate of its own."""

import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.daemon import ROOT, DaemonProcess
from bench.ports import HOST, free_port
from tests.asterisk.install import cache
from tests.e2e.conftest import Launch

UNPACKED = cache() / "nginx/usr/sbin/nginx"
NGINX = shutil.which("nginx") or (str(UNPACKED) if UNPACKED.exists() else "")
OPENSSL = shutil.which("openssl") or ""
KEY = "a key of the house"

pytestmark = pytest.mark.skipif(not NGINX or not OPENSSL, reason="nginx or openssl is missing")


def certificate(folder: Path) -> None:
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=phone.example"]
    names = ["-addext", "subjectAltName=DNS:phone.example,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([OPENSSL, *words, *names, *files], check=True, capture_output=True)


def configuration(folder: Path, tls: int, plain: int, behind: int) -> Path:
    text = (ROOT / "docs/nginx.conf").read_text(encoding="utf-8")
    for said, here in {
        "listen 443": f"listen {HOST}:{tls}",
        "listen 80": f"listen {HOST}:{plain}",
        "127.0.0.1:9000": f"127.0.0.1:{behind}",
        "/etc/ssl/certs/phone.example.pem": str(folder / "cert.pem"),
        "/etc/ssl/private/phone.example.key": str(folder / "key.pem"),
    }.items():
        assert said in text
        text = text.replace(said, here)
    logs = f"pid {folder}/pid; error_log {folder}/error.log; daemon off; user root;"
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    path.write_text(f"{logs} events {{}} http {{ access_log off; {temporary} {text} }}", encoding="utf-8")
    return path


@pytest.fixture
def fronted(launch: Launch, tmp_path: Path) -> Iterator[tuple[DaemonProcess, int]]:
    daemon, port = launch({"WEB__API_KEY": KEY}), free_port()
    certificate(tmp_path)
    words = [NGINX, "-c", str(configuration(tmp_path, port, free_port(), daemon.web_port)), "-p", str(tmp_path)]
    tried = subprocess.run([*words, "-t"], check=False, capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    (tmp_path / "pid").unlink(missing_ok=True)  # trying makes it, too
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        daemon.wait_for((tmp_path / "pid").exists, 5, "behind nginx")
        yield daemon, port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def asked(port: int, folder: Path, path: str, key: str = "") -> Iterator[http.client.HTTPResponse]:
    trusted = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    connection = http.client.HTTPSConnection(HOST, port, context=trusted, timeout=10)
    try:
        connection.request("GET", path, headers={"X-API-Key": key} if key else {})
        with connection.getresponse() as answer:
            yield answer
    finally:
        connection.close()


def status(port: int, folder: Path, path: str, key: str = "") -> int:
    with asked(port, folder, path, key) as answer:
        return answer.status


def test_the_page_is_behind_tls_and_the_key(fronted: tuple[DaemonProcess, int], tmp_path: Path) -> None:
    _, port = fronted
    with asked(port, tmp_path, "/health") as health:
        assert (health.status, json.load(health)["ready"]) == (200, True)
    assert status(port, tmp_path, "/logs") == 401
    assert status(port, tmp_path, "/logs", KEY) == 200
    assert status(port, tmp_path, "/metrics", KEY) == 403
    with asked(port, tmp_path, "/api/live", KEY) as live:
        told = [live.readline() for _ in range(3)]
        assert b'data: {"calls":[]}\n' in told
