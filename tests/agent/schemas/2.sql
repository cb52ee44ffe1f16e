-- a call log of schema 2, as commit 06d5387 made it
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
BEGIN;
ALTER TABLE calls ADD COLUMN seq INTEGER;  -- place in the log, and rowid in call_words: VACUUM may change calls' own
ALTER TABLE calls ADD COLUMN seconds REAL GENERATED ALWAYS AS
  ((julianday(ended_at) - julianday(started_at)) * 86400) VIRTUAL;
UPDATE calls SET seq = ranked.place FROM
  (SELECT id, row_number() OVER (ORDER BY started_at, id) AS place FROM calls) AS ranked WHERE ranked.id = calls.id;
CREATE UNIQUE INDEX calls_seq ON calls (seq);
CREATE INDEX calls_status ON calls (status, started_at);
CREATE INDEX calls_number ON calls (number);
CREATE INDEX calls_seconds ON calls (seconds);
CREATE VIRTUAL TABLE call_words USING fts5 (words, tokenize = 'trigram');
INSERT INTO call_words (rowid, words) SELECT seq, 
replace(replace(calls.number || ' ' || calls.called || char(10) || coalesce((
  SELECT group_concat(heard || char(10) || said, char(10)) FROM turns WHERE call_id = calls.id
), ''), 'ё', 'е'), 'Ё', 'Е')
 FROM calls WHERE ended_at IS NOT NULL;
CREATE TRIGGER calls_numbered AFTER INSERT ON calls BEGIN
  UPDATE calls SET seq = (SELECT coalesce(max(seq), 0) + 1 FROM calls) WHERE id = new.id;
END;
CREATE TRIGGER calls_indexed AFTER UPDATE OF ended_at ON calls WHEN new.ended_at IS NOT NULL BEGIN
  DELETE FROM call_words WHERE rowid = new.seq;
  INSERT INTO call_words (rowid, words) VALUES (new.seq, 
replace(replace(new.number || ' ' || new.called || char(10) || coalesce((
  SELECT group_concat(heard || char(10) || said, char(10)) FROM turns WHERE call_id = new.id
), ''), 'ё', 'е'), 'Ё', 'Е')
);
END;
CREATE TRIGGER calls_forgotten BEFORE DELETE ON calls BEGIN
  DELETE FROM call_words WHERE rowid = old.seq;
END;
PRAGMA user_version = 2;
COMMIT;
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
