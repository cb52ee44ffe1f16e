-- a call log of schema 1, as commit 9a13c18 made it
CREATE TABLE IF NOT EXISTS calls (
  id TEXT PRIMARY KEY,
  line TEXT NOT NULL,
  number TEXT NOT NULL,
  called TEXT NOT NULL,
  language TEXT NOT NULL,
  started_at TEXT NOT NULL,
  answered_at TEXT,
  ended_at TEXT,
  status TEXT NOT NULL,          -- active completed transferred failed abandoned
  cause TEXT NOT NULL DEFAULT '',
  recording TEXT NOT NULL DEFAULT '',
  recording_note TEXT NOT NULL DEFAULT '',
  transcript TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS calls_started ON calls (started_at);
CREATE TABLE IF NOT EXISTS turns (
  call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,            -- 0: what the agent said unasked, the greeting first
  heard TEXT NOT NULL,           -- what was understood of the caller
  said TEXT NOT NULL DEFAULT '', -- what was given to the voice
  said_heard TEXT NOT NULL DEFAULT '', -- what of it reached the caller
  source TEXT NOT NULL DEFAULT '', -- general, tech or empty
  cut INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL DEFAULT 0, -- where the caller's speech began, samples
  stages TEXT NOT NULL DEFAULT '{}', -- stage -> milliseconds since the end of the caller's speech
  PRIMARY KEY (call_id, n)
);
CREATE TABLE IF NOT EXISTS events (
  call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS events_call ON events (call_id);
PRAGMA user_version = 1;
-- what the daemon of that time had written: a call with two turns, a refused one, one that a kill left open
INSERT INTO calls (id, line, number, called, language, started_at, status, transcript)
  VALUES ('first', 'sip', '79161234567', 'allo', 'ru', '2026-03-01T09:00:00.000+00:00', 'active', 'first_transcript.txt');
UPDATE calls SET answered_at = '2026-03-01T09:00:01.000+00:00', recording = 'first.wav' WHERE id = 'first';
INSERT INTO turns (call_id, n, heard, said, said_heard, source, cut)
  VALUES ('first', 0, '', 'Здравствуйте!', 'Здравствуйте!', '', 0);
INSERT INTO turns (call_id, n, heard, said, said_heard, source, cut, position, stages)
  VALUES ('first', 1, 'какая гарантия', 'Гарантия двенадцать месяцев.', 'Гарантия двенадцать', 'general', 1, 40000, '{"turn_end": 240}');
INSERT INTO events (call_id, at, kind, detail) VALUES ('first', '2026-03-01T09:00:05.000+00:00', 'interruption', '');
UPDATE calls SET ended_at = '2026-03-01T09:01:00.000+00:00', status = 'completed', cause = 'caller' WHERE id = 'first';
INSERT INTO calls (id, line, number, called, language, started_at, status)
  VALUES ('second', 'asterisk', '', 'allo', 'ru', '2026-03-02T09:00:00.000+00:00', 'active');
UPDATE calls SET ended_at = '2026-03-02T09:00:00.000+00:00', status = 'abandoned', cause = 'withheld' WHERE id = 'second';
INSERT INTO calls (id, line, number, called, language, started_at, status)
  VALUES ('third', 'modem', '+79990000000', 'allo', 'ru', '2026-03-03T09:00:00.000+00:00', 'active');
INSERT INTO turns (call_id, n, heard) VALUES ('third', 1, 'счёт за ёлку');
