import hashlib
import io
import json
import re
import shutil
import socket
import stat
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from agent import download, unpack
from agent.download import fetch
from agent.errors import StartError
from agent.model_store import (
    BUNDLED,
    Kind,
    Model,
    RemoteFile,
    catalogue,
    find_pulled,
    find_stt_model,
    list_models,
    piper_in_use,
    pull,
)
from agent.settings import Settings

SPEECH = Path(__file__).parent.parent / "speech"
PAYLOAD = bytes(range(256)) * 4000  # 1 MB


class Vendor(ThreadingHTTPServer):
    """A download site with a bad line: cuts connections, may ignore ranges."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.files: dict[str, bytes] = {}
        self.cut_after: list[int] = []
        """For each coming answer: bytes after which the connection breaks."""
        self.ranges = True
        self.asked: list[str] = []
        """The Range header of each request, empty without."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class _Desk(BaseHTTPRequestHandler):
    server: Vendor

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append(wanted)
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        start = int(wanted[6:].rstrip("-")) if wanted and self.server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        most = self.server.cut_after.pop(0) if self.server.cut_after else len(content)
        self.wfile.write(content[start : start + most])
        self.close_connection = True

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    server = Vendor()
    server.files["file.bin"] = PAYLOAD
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"storage": {"dir": tmp_path / "var"}})


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def quiet() -> Console:
    return Console(file=io.StringIO())


def packed(folder: Path, inside: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as pack:
        for path in folder.rglob("*"):
            if path.is_file():
                pack.write(path, f"{inside}/{path.relative_to(folder)}")
    return out.getvalue()


def vosk_entry(vendor: Vendor, content: bytes, digest: str = "") -> Model:
    vendor.files["vosk-model-tiny-ru.zip"] = content
    file = RemoteFile(vendor.url("vosk-model-tiny-ru.zip"), len(content), digest)
    return Model("vosk-model-tiny-ru", "vosk", "ru", 5, "test", (file,))


# ---------------------------------------------------------------- one file


def test_a_file_arrives_whole_with_progress(vendor: Vendor, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    digest = fetch(
        vendor.url("file.bin"),
        tmp_path / "f",
        len(PAYLOAD),
        sha256(PAYLOAD),
        lambda done, whole: seen.append((done, whole)),
    )
    assert digest == sha256(PAYLOAD)
    assert (tmp_path / "f").read_bytes() == PAYLOAD
    assert seen[-1] == (len(PAYLOAD), len(PAYLOAD))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert not list(tmp_path.glob("*.part"))


def test_cut_connections_are_resumed_where_they_ended(vendor: Vendor, tmp_path: Path) -> None:
    vendor.cut_after = [300_000, 1, 200_000]
    fetch(vendor.url("file.bin"), tmp_path / "f", len(PAYLOAD), sha256(PAYLOAD))
    assert (tmp_path / "f").read_bytes() == PAYLOAD
    assert vendor.asked == ["", "bytes=300000-", "bytes=300001-", "bytes=500001-"]


def test_a_server_without_ranges_starts_over(vendor: Vendor, tmp_path: Path) -> None:
    vendor.ranges = False
    vendor.cut_after = [300_000]
    fetch(vendor.url("file.bin"), tmp_path / "f", len(PAYLOAD), sha256(PAYLOAD))
    assert (tmp_path / "f").read_bytes() == PAYLOAD


def test_a_line_that_stays_dead_gives_up_and_keeps_what_came(vendor: Vendor, tmp_path: Path) -> None:
    vendor.cut_after = [300_000] + [0] * download.TRIES
    with pytest.raises(StartError, match=r"0\.3 MB that came are kept"):
        fetch(vendor.url("file.bin"), tmp_path / "f", len(PAYLOAD))
    assert (tmp_path / "f.part").stat().st_size == 300_000
    fetch(vendor.url("file.bin"), tmp_path / "f", len(PAYLOAD), sha256(PAYLOAD))
    assert vendor.asked[-1] == "bytes=300000-"
    assert (tmp_path / "f").read_bytes() == PAYLOAD


def test_a_wrong_checksum_or_length_throws_the_file_away(vendor: Vendor, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="SHA-256"):
        fetch(vendor.url("file.bin"), tmp_path / "f", len(PAYLOAD), sha256(b"other"))
    with pytest.raises(StartError, match=f"{len(PAYLOAD)} bytes came instead of 7"):
        fetch(vendor.url("file.bin"), tmp_path / "f", 7)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_does_not_survive(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"x" * 1000)
    with pytest.raises(StartError, match="SHA-256"):
        fetch(vendor.url("file.bin"), tmp_path / "f", len(PAYLOAD), sha256(PAYLOAD))
    fetch(vendor.url("file.bin"), tmp_path / "f", len(PAYLOAD), sha256(PAYLOAD))
    assert (tmp_path / "f").read_bytes() == PAYLOAD


def test_a_part_that_is_complete_already_is_only_checked(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(PAYLOAD)
    fetch(vendor.url("file.bin"), tmp_path / "f", len(PAYLOAD), sha256(PAYLOAD))
    assert (tmp_path / "f").read_bytes() == PAYLOAD
    assert vendor.asked == [f"bytes={len(PAYLOAD)}-"]


def test_refusals_are_one_clear_line(vendor: Vendor, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="answers 404"):
        fetch(vendor.url("nowhere.bin"), tmp_path / "f")
    with pytest.raises(StartError, match="only http and https"):
        fetch((tmp_path / "secret").as_uri(), tmp_path / "f")
    with pytest.raises(StartError, match="can't be written"):
        fetch(vendor.url("file.bin"), tmp_path / "no" / "such" / "folder")


def test_no_network_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StartError) as caught:
        fetch(f"http://127.0.0.1:{port}/file.bin", tmp_path / "f")
    assert re.fullmatch(rf"no connection to 127\.0\.0\.1:{port}: .*Check the network.*", str(caught.value))
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- models


def test_the_catalogue_is_whole() -> None:
    known = catalogue()
    assert {(model.kind, model.language) for model in known} >= {
        ("vosk", "ru"),
        ("vosk", "en"),
        ("piper", "ru"),
        ("piper", "en"),
    }
    for model in known:
        assert model.megabytes > 0
        for file in model.files:
            assert file.url.startswith("https://")
            assert re.fullmatch(r"([0-9a-f]{64})?", file.sha256)
        if model.kind == "piper":
            assert sorted(file.name for file in model.files) == [f"{model.name}.onnx", f"{model.name}.onnx.json"]
        elif model.kind == "vosk":
            assert [file.name for file in model.files] == [f"{model.name}.zip"]


def test_a_pulled_model_is_preferred_and_loads(vendor: Vendor, settings: Settings) -> None:
    assert find_stt_model(settings) == BUNDLED / "vosk-demo-ru"
    content = packed(BUNDLED / "vosk-demo-ru", "vosk-model-tiny-ru-1.0")
    model = vosk_entry(vendor, content, sha256(content))
    vendor.cut_after = [len(content) // 2]
    done = pull(model.name, settings, quiet(), (model,))
    assert done.folder == settings.storage.dir / "models" / model.name
    assert find_stt_model(settings) == done.folder
    assert (done.folder / "am" / "final.mdl").is_file()
    assert json.loads((done.folder / "allo-model.json").read_text())["sha256"] == {model.files[0].url: sha256(content)}
    assert len(done.lines) == 1
    assert [path.name for path in (settings.storage.dir / "models").iterdir()] == [model.name]
    asked = len(vendor.asked)
    assert "here already" in pull(model.name, settings, quiet(), (model,)).lines[0]
    assert len(vendor.asked) == asked


def test_a_model_without_a_published_checksum_says_so(vendor: Vendor, settings: Settings) -> None:
    content = packed(BUNDLED / "vosk-demo-en", "inner")
    done = pull("vosk-model-tiny-ru", settings, quiet(), (vosk_entry(vendor, content),))
    assert any("no published checksum" in line and sha256(content) in line for line in done.lines)


@pytest.mark.parametrize("name", ["../../escaped.txt", "/escaped.txt", "..\\escaped.txt", "C:\\escaped.txt", "link"])
def test_an_archive_that_reaches_out_is_refused(vendor: Vendor, settings: Settings, name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as pack:
        pack.writestr("m/am/final.mdl", "x")
        entry = zipfile.ZipInfo(name)
        if name == "link":
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        pack.writestr(entry, "/etc/passwd")
    with pytest.raises(StartError, match="outside its folder"):
        pull("vosk-model-tiny-ru", settings, quiet(), (vosk_entry(vendor, out.getvalue()),))
    assert not list(settings.storage.dir.parent.rglob("*escaped*"))
    assert find_stt_model(settings) == BUNDLED / "vosk-demo-ru"


@pytest.mark.parametrize("damage", ["flip", "not a zip", "no model"])
def test_a_damaged_archive_is_refused_and_a_second_pull_works(vendor: Vendor, settings: Settings, damage: str) -> None:
    good = packed(BUNDLED / "vosk-demo-ru", "m")
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 0xFF
    content = {
        "flip": bytes(bad),
        "not a zip": b"<html>busy</html>" * 9,
        "no model": packed(BUNDLED.parent / "language", "m"),
    }
    with pytest.raises(StartError, match="thrown away"):
        pull("vosk-model-tiny-ru", settings, quiet(), (vosk_entry(vendor, content[damage]),))
    assert find_stt_model(settings) == BUNDLED / "vosk-demo-ru"
    done = pull("vosk-model-tiny-ru", settings, quiet(), (vosk_entry(vendor, good),))
    assert find_stt_model(settings) == done.folder


def test_an_archive_that_unpacks_without_end_is_refused(
    vendor: Vendor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MOST_UNPACKED", 1 << 20)
    content = packed(BUNDLED / "vosk-demo-ru", "m")
    with pytest.raises(StartError, match="unpacks to more"):
        pull("vosk-model-tiny-ru", settings, quiet(), (vosk_entry(vendor, content),))
    assert find_stt_model(settings) == BUNDLED / "vosk-demo-ru"


def test_a_piper_voice_is_pulled_and_preferred(vendor: Vendor, settings: Settings) -> None:
    assert piper_in_use(settings) is None
    name = "ru_RU-toy-medium"
    toy = Path(__file__).parent.parent / "voices" / "toy.onnx"
    vendor.files |= {f"{name}.onnx": toy.read_bytes(), f"{name}.onnx.json": Path(f"{toy}.json").read_bytes()}
    files = tuple(RemoteFile(vendor.url(file), len(content)) for file, content in vendor.files.items() if name in file)
    done = pull(name, settings, quiet(), (Model(name, "piper", "ru", 1, "test", files),))
    assert piper_in_use(settings) == done.folder / f"{name}.onnx"
    assert any("piper-tts" in line for line in done.lines)
    english = settings.model_copy(update={"language": "en"})
    assert piper_in_use(english) is None
    espeak = settings.model_copy(update={"tts": settings.tts.model_copy(update={"engine": ("espeak",)})})
    assert piper_in_use(espeak) is None


def test_each_kind_has_the_files_that_its_engine_reads() -> None:
    """sherpa's models are known by their folder's name, and that is the name they are pulled under."""
    needed = {"whisper": {"model.bin", "tokenizer.json"}, "xtts": {"config.json", "model.pth", "vocab.json"}}
    for model in catalogue():
        names = {file.name for file in model.files}
        assert names >= needed.get(model.kind, set())
        if model.kind == "sherpa":
            assert "tokens.txt" in names
            assert all(f"/{model.name}/" in file.url for file in model.files)
    assert {model.kind for model in catalogue()} == set(get_args(Kind))


@pytest.mark.parametrize(("kind", "engine"), [("sherpa", "stt"), ("whisper", "stt"), ("xtts", "tts")])
def test_a_pulled_model_of_several_files_is_found_by_its_engine(
    vendor: Vendor, settings: Settings, kind: Kind, engine: str
) -> None:
    """The second of its kind in the catalogue, so that the order is not what decides."""
    assert find_pulled(settings, kind, "") == settings.storage.dir / "models" / kind
    known = [model for model in catalogue() if model.kind == kind][-1]
    contents = {file.name: file.name.encode() * 100 for file in known.files}
    vendor.files |= contents
    files = tuple(RemoteFile(vendor.url(name), len(content)) for name, content in contents.items())
    done = pull(known.name, settings, quiet(), (replace(known, files=files),))
    assert {path.name: path.read_bytes() for path in done.folder.iterdir() if path.name in contents} == contents
    assert f"'.[{kind}]'" in " ".join(done.lines)
    assert find_pulled(settings, kind, "") == done.folder
    assert find_pulled(settings, kind, "mine") == settings.storage.dir / "models" / "mine"
    assert next(row for row in list_models(settings) if row.name == known.name).state == "here"
    section = getattr(settings, engine).model_copy(update={"engine": (kind,)})
    used = settings.model_copy(update={engine: section})
    assert next(row for row in list_models(used) if row.name == known.name).state == "in use"


def test_names_in_the_settings_win_or_are_a_clear_error(settings: Settings, tmp_path: Path) -> None:
    def with_stt(model: str) -> Settings:
        return settings.model_copy(update={"stt": settings.stt.model_copy(update={"model": model})})

    def with_tts(engine: str, voice: str) -> Settings:
        tts = settings.tts.model_copy(update={"engine": (engine,), "voice": voice})
        return settings.model_copy(update={"tts": tts})

    assert find_stt_model(with_stt("vosk-demo-en")) == BUNDLED / "vosk-demo-en"
    shutil.copytree(BUNDLED / "vosk-demo-en", tmp_path / "mine")
    assert find_stt_model(with_stt(str(tmp_path / "mine"))) == tmp_path / "mine"
    with pytest.raises(StartError, match=r"\[stt\] model: 'nobody'"):
        find_stt_model(with_stt("nobody"))
    assert piper_in_use(with_tts("auto", "ru+f2")) is None
    with pytest.raises(StartError, match=r"\[tts\] voice"):
        piper_in_use(with_tts("piper", ""))


def test_a_model_copied_by_hand_is_found(settings: Settings) -> None:
    folder = settings.storage.dir / "models" / "vosk-model-ru-0.10"
    shutil.copytree(BUNDLED / "vosk-demo-ru", folder)
    (settings.storage.dir / "models" / "vosk-model-small-fr-0.22").mkdir()
    assert find_stt_model(settings) == folder
    row = next(row for row in list_models(settings) if row.name == folder.name)
    assert (row.state, row.note, row.language) == ("in use", "put here by hand", "ru")


def test_the_list_says_what_is_in_use_and_what_can_be_pulled(settings: Settings) -> None:
    rows = {row.name: row for row in list_models(settings)}
    assert rows["vosk-demo-ru"].state == "in use"
    assert rows["vosk-demo-en"].state == "here"
    assert rows["vosk-demo-en"].language == "en"
    assert rows["vosk-model-small-ru-0.22"].state == "not pulled"
    assert 5 < rows["vosk-demo-ru"].megabytes < 12


def test_an_unknown_name_and_a_full_disk_are_told(vendor: Vendor, settings: Settings) -> None:
    with pytest.raises(StartError, match=r"no model 'nonsense'.*vosk-model-small-ru-0\.22"):
        pull("nonsense", settings, quiet())
    huge = Model("huge", "vosk", "ru", 1 << 40, "test", (RemoteFile(vendor.url("file.bin")),))
    with pytest.raises(StartError, match="MB are needed"):
        pull("huge", settings, quiet(), (huge,))
    assert vendor.asked == []
