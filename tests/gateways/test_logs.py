"""The call log over HTTP."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from gateways.logs import cell
from tests.gateways.conftest import Office


async def ids(office: Office, query: str = "") -> list[str]:
    reply = await office.web.get(f"/logs{query}")
    assert reply.status == 200, await reply.text()
    return [call["id"] for call in (await reply.json())["calls"]]


async def test_a_call_is_listed_with_what_a_table_shows(office: Office) -> None:
    call_id = await office.hold("+74957961", "сколько стоит доставка", "Доставка идёт три дня. Бесплатно.")

    (row,) = (await (await office.web.get("/logs")).json())["calls"]

    assert row["id"] == call_id
    assert row["status"] == "completed"
    assert row["sources"] == ["general"]
    assert row["question"] == "сколько стоит доставка"
    assert row["turns"] == 1
    assert row["recorded"] is True


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("доставку", 1),  # another case of the noun
        ("ДОСТАВ", 1),
        ("идет", 1),  # said with «ё»
        ("доставка гарантия", 0),  # all words must occur
        ("7961", 1),
        ("79", 1),  # too short for the index: looked for in numbers
        ('"*(OR', 0),
        ("", 2),
    ],
)
async def test_search_finds_words_in_any_form_and_numbers(office: Office, q: str, found: int) -> None:
    await office.hold("+74957961", "сколько стоит доставка", "Доставка идёт три дня.")
    await office.hold("100", "какая гарантия", "Два года.")

    reply = await office.web.get("/logs", params={"q": q})

    assert len((await reply.json())["calls"]) == found


async def test_what_was_found_is_shown_in_its_words(office: Office) -> None:
    await office.hold("100", "сколько стоит доставка", "Три дня.")

    (row,) = (await (await office.web.get("/logs", params={"q": "доставки"})).json())["calls"]

    assert row["excerpt"] == "Здравствуйте. · сколько стоит \1доставка\2 · Три дня."


async def test_filters_by_status_and_date_sort_and_page(office: Office) -> None:
    first = await office.hold("1", "один", "Раз.")
    second = await office.hold("2", "два", "Два.", ended="failed")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()

    assert await ids(office, "?status=Completed") == [first]
    assert await ids(office, "?status=completed,failed&sort=started") == [first, second]
    assert await ids(office, "?sort=-number&per_page=1&page=2") == [first]
    assert await ids(office, f"?date_from={tomorrow}") == []
    assert await ids(office, f"?date_to={tomorrow}T00:00:00Z&sort=number") == [first, second]


@pytest.mark.parametrize("query", ["?page=0", "?status=odd", "?date_from=gestern", "?sort=secret", "?nothing=1"])
async def test_a_bad_query_is_explained(office: Office, query: str) -> None:
    reply = await office.web.get(f"/logs{query}")

    assert reply.status == 422
    assert reply.content_type == "application/problem+json"
    assert (await reply.json())["detail"]


async def test_a_call_with_its_turns_events_and_times(office: Office) -> None:
    call_id = await office.hold("100", "какая гарантия", "Два года. Есть и больше.")

    call = await (await office.web.get(f"/logs/{call_id}")).json()

    assert [turn["n"] for turn in call["turns"]] == [0, 1]
    assert call["turns"][1]["stages"] == {"speech_end": 0, "turn_end": 300, "transcript": 320, "first_packet": 400}
    assert call["turns"][1]["said_heard"] == "Два года"
    found = {"base": "general", "heading": "Гарантия / Срок", "score": 0.812}
    assert call["turns"][1]["passages"] == [found]
    assert call["events"][0]["kind"] == "dtmf"
    assert [(speech["who"], speech["start_ms"], speech["end_ms"]) for speech in call["timeline"]] == [
        ("agent", 180, 1000),
        ("caller", 1200, 1800),
    ]


async def test_a_range_of_a_recording_and_its_waveform(office: Office) -> None:
    call_id = await office.hold("100", "да", "Нет.")

    part = await office.web.get(f"/logs/{call_id}/recording", headers={"Range": "bytes=0-3"})
    peaks = await (await office.web.get(f"/logs/{call_id}/peaks?columns=10")).json()

    assert (part.status, await part.read(), part.content_type) == (206, b"RIFF", "audio/wav")
    assert peaks["length_ms"] == 2000
    assert len(peaks["caller"]) == 10
    assert min(peaks["caller"]) > 100
    assert max(peaks["agent"]) == 0


@pytest.mark.parametrize(
    "path", ["/logs/none", "/logs/none/recording", "/logs/..%2f..%2fetc", "/logs-ui/..%2fadmin.py"]
)
async def test_what_is_not_there_is_a_problem(office: Office, path: str) -> None:
    reply = await office.web.get(path)

    assert reply.status == 404
    assert reply.content_type == "application/problem+json"


@pytest.mark.parametrize("content", [b"", b"RIFF", b"x" * 100])
async def test_a_recording_that_can_not_be_read_has_no_waveform(office: Office, content: bytes) -> None:
    call_id = await office.hold("100", "да", "Нет.")
    (wav,) = (office.folder / "calls_log").glob("*.wav")
    wav.write_bytes(content)

    assert (await office.web.get(f"/logs/{call_id}/peaks")).status == 409
    assert (await office.web.get(f"/logs/{call_id}/peaks?columns=many")).status == 422


async def test_csv_has_every_call_and_no_formula(office: Office) -> None:
    await office.hold("+7495", "=cmd()", "Нет.")
    await office.hold("@200", "какая гарантия", "Два года.")

    reply = await office.web.get("/logs/csv?sort=started")
    rows = list(csv.DictReader(io.StringIO((await reply.text()).removeprefix("\N{BYTE ORDER MARK}"))))

    assert [row["number"] for row in rows] == ["'+7495", "'@200"]
    assert rows[1]["dialogue"] == "< Здравствуйте\n> какая гарантия\n< [general] Два года".replace(
        "< Здравствуйте\n", "< Здравствуйте.\n"
    )
    assert cell("=1+1") == "'=1+1"


async def test_deleting_a_call_deletes_its_files_and_its_words(office: Office) -> None:
    call_id = await office.hold("100", "какая гарантия", "Два года.")
    kept = await office.hold("200", "сколько стоит", "Сто рублей.")
    assert len(list((office.folder / "calls_log").iterdir())) == 6

    reply = await office.web.delete(f"/logs/{call_id}")

    assert (reply.status, await reply.json()) == (200, {"deleted": 1})
    assert await ids(office) == [kept]
    assert await ids(office, "?q=гарантия") == []
    assert len(list((office.folder / "calls_log").iterdir())) == 3
    assert (await office.web.delete(f"/logs/{call_id}")).status == 404
    (noted,) = (office.folder / "deletions.jsonl").read_text(encoding="utf-8").splitlines()
    assert '"what": "page", "calls": 1' in noted
    assert call_id not in noted


async def test_clearing_the_log_spares_calls_in_progress(office: Office) -> None:
    await office.hold("100", "какая гарантия", "Два года.")
    await office.log.write(
        [
            (
                "INSERT INTO calls (id, line, number, called, language, started_at, status)"
                " VALUES ('now', 'sip', '1', '', 'ru', '2026-01-01T00:00:00.000+00:00', 'active')",
                (),
            )
        ]
    )

    assert await (await office.web.delete("/logs")).json() == {"deleted": 1}
    assert await ids(office) == ["now"]


async def test_how_long_the_engines_worked(office: Office) -> None:
    await office.hold("100", "какая гарантия", "Два года. Есть и больше.")
    replied = (
        """UPDATE turns SET stages = '{"first_packet": 400, "heard": 2400}', said_heard = 'десять бук' WHERE n = 1"""
    )
    later = "UPDATE calls SET ended_at = '2026-01-01T00:01:00', answered_at = '2026-01-01T00:00:30'"
    await office.log.write([(replied, ()), (later, ())])

    [engines] = (await (await office.web.get("/api/figures")).json())["engines"]

    assert engines["stt_s"] == 30
    assert engines["tts_s"] == round(2 + 2 * len("Здравствуйте.") / 10)  # the greeting as quick as the reply


async def test_figures_sum_up(office: Office) -> None:
    await office.hold("1", "какая гарантия", "Два года.")
    await office.hold("22", "какая гарантия", "К сожалению, этого я не знаю. Соединить вас с оператором?")

    sums = await (await office.web.get("/api/figures?offset_min=180")).json()

    assert [(row["status"], row["calls"]) for row in sums["days"]] == [("completed", 2)]
    assert sums["latency"][0] | {"day": ""} == {"day": "", "replies": 2, "p50": 400, "p95": 400}
    assert sums["reply"] == [{"replies": 2, "p50": 400, "p95": 400}]
    assert [(row["question"], row["times"], row["unanswered"]) for row in sums["asked"]] == [("какая гарантия", 2, 1)]
    assert [(row["question"], row["times"]) for row in sums["unanswered"]] == [("какая гарантия", 1)]
