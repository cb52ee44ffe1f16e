"""The call log over HTTP: the list, a call, its recording, the CSV file, figures, deletion."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web

from gateways.desk import CallLog, Desk, Row
from gateways.peaks import peaks
from gateways.problems import Problem
from gateways.queries import Again, FiguresQuery, LogsQuery
from gateways.recordings import send
from gateways.replies import Calls, Deleted, Object, Peaks, Sums, WholeCall
from gateways.routes import Route

CSV_COLUMNS = (
    "id",
    "line",
    "number",
    "called",
    "started_at",
    "ended_at",
    "status",
    "cause",
    "seconds",
    "turns",
    "sources",
    "dialogue",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
CALL = "/logs/{call_id:[A-Za-z0-9._@-]+}"
PEAKS_MOST = 4000
"""Columns of a waveform."""


class Logs:
    """Answers what is asked about past calls."""

    def __init__(self, desk: Desk) -> None:
        """``desk.calls`` may come later: until then the answer is 503."""
        self._desk = desk
        self._replaying = False

    def routes(self) -> list[Route]:
        """The paths."""
        gone = {200: "how many calls were deleted"}
        missing = {200: "the call", 404: "no such call"}
        drawn = {200: "the waveform", 404: "no recording", 409: "it can't be read"}
        again = {200: "both stories", 404: "no such recording", 409: "one replay at a time"}
        unread = {409: "it can't be read", 416: "it is shorter than the range"}
        wav = {200: "the recording", 206: "a range of it", 404: "no recording", **unread}
        return [
            Route("GET", "/logs", "A page of the call log", self.page, query=LogsQuery, reply=Calls),
            Route(
                "DELETE",
                "/logs",
                "Delete the calls of a query",
                self.clear,
                query=LogsQuery,
                reply=Deleted,
                replies=gone,
            ),
            Route("GET", "/logs/csv", "The call log as CSV", self.csv, query=LogsQuery, gives="text/csv"),
            Route("GET", "/api/figures", "Sums over the calls of a span", self.figures, query=FiguresQuery, reply=Sums),
            Route("GET", CALL, "A call: dialogue, stages, events, times", self.call, reply=WholeCall, replies=missing),
            Route("DELETE", CALL, "Delete a call that has ended", self.delete, reply=Deleted, replies=missing),
            Route("GET", f"{CALL}/recording", "Stereo WAV", self.recording, gives="audio/wav", replies=wav),
            Route(
                "POST", f"{CALL}/replay", "Live the call again", self.replay, query=Again, reply=Object, replies=again
            ),
            Route("GET", f"{CALL}/peaks", "Loudest samples of each side", self.peaks, reply=Peaks, replies=drawn),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """A page of calls."""
        query = LogsQuery.model_validate(dict(request.query))
        rows, total = await self._log.page(query)
        return web.json_response({"calls": rows, "total": total, "page": query.page, "per_page": query.per_page})

    async def call(self, request: web.Request) -> web.Response:
        """One call."""
        detail, recording = await self._found(request)
        return web.json_response({**detail, "recorded": recording is not None})

    async def clear(self, request: web.Request) -> web.Response:
        """Delete what a query selects; without one everything that has ended."""
        gone = await self._log.delete(LogsQuery.model_validate(dict(request.query)))
        return web.json_response({"deleted": gone})

    async def delete(self, request: web.Request) -> web.Response:
        """Delete one call."""
        gone = await self._log.delete(request.match_info["call_id"])
        if not gone:
            raise Problem(404, "there is no call of this id that has ended")
        return web.json_response({"deleted": gone})

    async def recording(self, request: web.Request) -> web.StreamResponse:
        """The WAV file, whole or a range of it (RFC 9110, 14)."""
        _, path = await self._found(request)
        path = _there(path)
        if path.suffix == ".wav":
            return web.FileResponse(path, headers={"Content-Type": "audio/wav"})
        return await send(request, path, self._desk.open_recording)

    async def peaks(self, request: web.Request) -> web.Response:
        """The waveform: for each side one number from 0 to 255 a column."""
        _, path = await self._found(request)
        columns = request.query.get("columns", "800")
        if not columns.isdecimal() or not 1 <= int(columns) <= PEAKS_MOST:
            raise Problem(422, f"columns: a number from 1 to {PEAKS_MOST} is needed")
        try:
            return web.json_response(await asyncio.to_thread(self._peaks, _there(path), int(columns)))
        except (OSError, ValueError):
            raise Problem(409, "the recording can't be read; it may have just begun, or be damaged") from None

    def _peaks(self, path: Path, columns: int) -> dict[str, object]:
        with self._desk.open_recording(path) as file:
            return peaks(file, columns)

    async def replay(self, request: web.Request) -> web.Response:
        """What was decided then, and what would be now."""
        engines = Again.model_validate(dict(request.query)).engines
        _, path = await self._found(request)
        _there(path)
        if self._desk.replay is None:
            raise Problem(503, "Allo is starting; ask again in a moment", {"Retry-After": "1"})
        if self._replaying:
            raise Problem(409, "another call is being replayed; try again when it is done", {"Retry-After": "5"})
        self._replaying = True
        try:
            return web.json_response(await self._desk.replay(request.match_info["call_id"], engines))
        finally:
            self._replaying = False

    async def figures(self, request: web.Request) -> web.Response:
        """Sums."""
        return web.json_response(await self._log.figures(FiguresQuery.model_validate(dict(request.query))))

    async def csv(self, request: web.Request) -> web.StreamResponse:
        """Every call of the query, a row each, in UTF-8 with a mark that spreadsheets know it by."""
        query, calls = LogsQuery.model_validate(dict(request.query)), self._log
        response = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="call_logs.csv"'})
        response.content_type, response.charset = "text/csv", "utf-8"
        await response.prepare(request)
        async for text in _csv(calls.each(query)):
            await response.write(text.encode())
        await response.write_eof()
        return response

    @property
    def _log(self) -> CallLog:
        if self._desk.calls is None:
            raise Problem(503, "Allo is starting; ask again in a moment", {"Retry-After": "1"})
        return self._desk.calls

    async def _found(self, request: web.Request) -> tuple[Row, Path | None]:
        found = await self._log.call(request.match_info["call_id"])
        if found is None:
            raise Problem(404, "there is no such call; it may have been deleted")
        return found


async def _csv(rows: AsyncIterator[Row]) -> AsyncIterator[str]:
    text = io.StringIO()
    writer = csv.writer(text)
    text.write("\N{BYTE ORDER MARK}")
    writer.writerow(CSV_COLUMNS)
    async for row in rows:
        writer.writerow([cell({**row, "dialogue": dialogue(row["dialogue"])}[name]) for name in CSV_COLUMNS])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def dialogue(turns: list[Row]) -> str:
    """What was said, one line a speech."""
    lines = []
    for turn in turns:
        lines += [f"> {turn['heard']}"] if turn["heard"] else []
        mark = f"[{turn['source']}] " if turn["source"] else ""
        lines += [f"< {mark}{turn['said_heard']}"] if turn["said_heard"] else []
    return "\n".join(lines)


def cell(value: Any) -> str:
    """A value as text that no spreadsheet takes for a formula."""
    text = ",".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _there(path: Path | None) -> Path:
    if path is None:
        raise Problem(404, "this call has no recording")
    return path
