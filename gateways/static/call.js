// One call: what was said and heard, the recording, where the time of each reply went.
import { confirm, get, open, send, toast } from "/logs-ui/api.js";
import { base, clock, h, length, number, spoken, status, whenFull } from "/logs-ui/dom.js";
import { Player } from "/logs-ui/player.js";
import { t } from "/logs-ui/words.js";

const STAGES = ["turn_end", "transcript", "passages", "first_token", "first_sentence", "first_audio", "first_packet"];

export async function show(main, here) {
  const id = here.rest[0];
  const path = `/logs/${encodeURIComponent(id)}`;
  const call = await get(path);
  const speeches = dialogue(call);
  const player = call.recorded && call.ended_at ? new Player(`${path}/recording`, await get(`${path}/peaks?columns=1200`).catch(nothing)) : null;
  const items = speeches.map((speech) => item(speech, player, call));
  const replays = h("section", { hidden: true });
  main.replaceChildren(
    h("p", { class: "small" }, h("a", { href: "#/calls" }, `← ${t("call.back")}`)),
    h("div", { class: "head" },
      h("h1", {}, call.line === "page" ? t("call.page") : t("call.from", { n: call.number || t("calls.withheld") })),
      h("div", { class: "push" },
        player && h("button", { onclick: (event) => again(event.target, path, replays) }, t("call.replay")),
        player && h("a", { class: "button", href: `${path}/recording`, download: call.recording }, t("call.wav")),
        call.ended_at && h("button", { class: "bad", onclick: () => remove(path) }, t("calls.delete")))),
    h("div", { class: "facts" }, status(call.status), h("time", { datetime: call.started_at }, whenFull(call.started_at)),
      h("span", {}, length(call.seconds)), h("span", {}, call.line), call.cause && h("span", {}, t(`cause.${call.cause}`)), h("span", { class: "alarm" }, call.recording_note)),
    player ? player.element : h("p", { class: "soft" }, t(call.ended_at ? "call.norecord" : "call.later")),
    h("h2", {}, t("call.dialogue")),
    items.length ? h("ol", { class: "talk" }, items.map((each) => each.element)) : h("p", { class: "soft" }, t("call.silent")),
    replays, h("h2", {}, t("call.events")), events(call.events));
  player?.follow((ms) => items.forEach((each) => each.mark(ms)));
  player?.draw();
  return () => player?.stop();
}

// A damaged recording is still offered, without its waveform.
function nothing(error) {
  if (error.status !== 409) throw error;
  return { caller: [0], agent: [0], length_ms: 1 };
}

async function remove(path) {
  if (!(await confirm(t("call.delete.title"), t("call.delete.text"), t("calls.delete")))) return;
  toast(t("calls.deleted", { n: number((await send("DELETE", path)).deleted) }));
  location.hash = "#/calls";
}

// The trace tells when each side spoke; without one the call log's turns are shown in their order.
function dialogue(call) {
  const turns = new Map(call.turns.map((turn) => [turn.n, turn]));
  const shown = new Set();
  const once = ({ turn }) => (turn === 0 || shown.has(turn) ? {} : (shown.add(turn), { stages: turns.get(turn)?.stages, passages: turns.get(turn)?.passages }));
  if (call.timeline.length) return call.timeline.map((speech) => (speech.who === "agent" ? { ...speech, ...once(speech) } : speech));
  return call.turns.flatMap((turn) => [
    turn.heard && { who: "caller", text: turn.heard, heard: turn.heard },
    turn.said && { ...turn, who: "agent", turn: turn.n, text: turn.said, heard: turn.said_heard },
  ].filter(Boolean));
}

function item(speech, player, call) {
  const words = h("span", { class: "words" }, speech.who === "caller" ? speech.text : spoken(speech.text, speech.heard));
  const pieces = cutIntoWords(words, speech);
  const timed = speech.end_ms !== undefined;
  const element = h("li", { class: speech.who },
    h("div", { class: "at" },
      h("span", { class: "name" }, t(`call.${speech.who}`)),
      timed && player ? h("button", { class: "plain", onclick: () => player.play(speech.start_ms) }, length(speech.start_ms / 1000)) : timed && length(speech.start_ms / 1000)),
    h("div", {}, words, " ", base(speech.source), waterfall(speech.stages ?? {}), found(speech.passages), wrong(speech, call)));
  let last = -1;
  const mark = (ms) => {
    const inside = timed && ms >= speech.start_ms && ms < speech.end_ms;
    const at = inside ? pieces.findLastIndex((piece) => piece.from <= ms) : -1;
    if (at === last) return;
    element.classList.toggle("now", inside);
    pieces[last]?.span.classList.remove("said");
    pieces[at]?.span.classList.add("said");
    last = at;
  };
  return { element, mark };
}

// Each heard word in a span of its own, with the moment at which it begins: known, or guessed by letters.
function cutIntoWords(words, speech) {
  const pieces = [];
  for (const node of [...words.childNodes]) {
    if (node.nodeType !== Node.TEXT_NODE) continue;
    const parts = node.textContent.split(/(?<=\s)/).map((text) => ({ span: h("span", {}, text), letters: text.length }));
    node.replaceWith(...parts.map((part) => part.span));
    pieces.push(...parts);
  }
  const letters = pieces.reduce((sum, piece) => sum + piece.letters, 0) || 1;
  const known = speech.words ?? [];
  let so = 0;
  for (const piece of pieces) {
    const mark = known.findLast(([offset]) => offset <= so);
    piece.from = mark ? mark[1] : speech.start_ms + (so / letters) * (speech.end_ms - speech.start_ms) * (known.length ? 0 : 1);
    so += piece.letters;
  }
  return pieces;
}

// On what the answer stands, best first.
function found(passages) {
  if (!passages?.length) return null;
  return h("details", { class: "found-in" }, h("summary", {}, t("call.passages", { n: number(passages.length) })),
    h("ol", {}, passages.map((one) => h("li", {}, base(one.base), " ", one.heading, " ",
      h("meter", { min: 0, max: 1, value: one.score, "aria-label": t("call.score") }), " ", h("span", { class: "soft small" }, number(one.score))))));
}

function wrong(speech, call) {
  const asked = call.turns.find((turn) => turn.n === speech.turn)?.heard;
  if (speech.who !== "agent" || !asked) return null;
  const button = h("button", { class: "plain small", onclick: () => report(button, speech, call, asked) }, t("call.wrong"));
  return button;
}

// The question joins those by which answers are judged.
async function report(button, speech, call, asked) {
  const question = h("input", { id: "wrong-question", type: "search", value: asked, required: true, maxlength: 500 });
  const expected = h("textarea", { id: "wrong-expected", rows: 3, maxlength: 1000 });
  const kb = h("select", { id: "wrong-kb" }, ["general", "tech", "none"].map((name) => h("option", { value: name }, t(`call.wrong.${name}`))));
  kb.value = speech.source || "general";
  const sent = await open(t("call.wrong.title"), (done) => [
    h("p", { class: "soft" }, t("call.wrong.text")),
    h("form", { onsubmit: (event) => (event.preventDefault(), done(true)) },
      h("label", { for: "wrong-question" }, t("call.wrong.question")), question,
      h("label", { for: "wrong-expected" }, t("call.wrong.expected")), expected,
      h("label", { for: "wrong-kb" }, t("call.wrong.kb")), kb,
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => done(false) }, t("cancel")), h("button", { class: "main" }, t("call.wrong.send")))),
  ]);
  if (!sent) return;
  try {
    await send("POST", "/api/wrong-answers", { question: question.value, expected: expected.value, kb: kb.value, call_id: call.id, turn: speech.turn });
    toast(t("call.wrong.done"));
    button.disabled = true;
  } catch (error) {
    toast(error.message, true);
  }
}

// The same audio under today's settings: what was decided then, and what would be now.
async function again(button, path, place) {
  button.disabled = true;
  place.hidden = false;
  place.replaceChildren(h("h2", {}, t("call.replay")), h("p", { class: "soft", role: "status" }, t("call.replaying")));
  try {
    const told = await send("POST", `${path}/replay`);
    const verdict = told.differ ? t("call.replay.differ", { n: number(told.differ) }) : t("call.replay.same");
    place.replaceChildren(h("h2", {}, t("call.replay")),
      h("p", { role: "status" }, verdict, " ", h("span", { class: "soft" }, t("call.replay.took", { a: number(told.audio_s), b: number(told.took_s) }))),
      h("details", { open: told.differ > 0 }, h("summary", {}, t("call.replay.rows", { n: number(told.rows.length) })), stories(told.rows)));
  } catch (error) {
    place.replaceChildren(h("h2", {}, t("call.replay")), h("p", { class: "alarm", role: "alert" }, error.message));
  } finally {
    button.disabled = false;
  }
}

function stories(rows) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("call.replay") }, h("table", { class: "events stories" },
    h("thead", {}, h("tr", {}, ["call.replay.at", "call.replay.then", "call.replay.now"].map((name) => h("th", {}, t(name))))),
    h("tbody", {}, rows.map((row) => h("tr", { class: row.same ? undefined : "differs" },
      h("td", { class: "soft" }, `${(row.at_ms / 1000).toFixed(2)} ${t("s")}`), h("td", {}, row.then), h("td", {}, row.same ? "=" : row.now))))));
}

// Stages in the order of time; a bar from the one before to this one.
function waterfall(stages) {
  const reached = STAGES.filter((name) => name in stages).map((name) => [name, stages[name]]).sort((one, two) => one[1] - two[1]);
  if (!("first_packet" in stages)) return null;
  const whole = Math.max(1, ...reached.map(([, ms]) => ms));
  let before = 0;
  const rows = reached.map(([name, ms]) => {
    const from = Math.max(0, before);
    const span = h("div", { class: ms <= (stages.turn_end ?? 0) ? "span before" : "span" });
    span.style.marginLeft = `${(from / whole) * 100}%`;
    span.style.width = `${(Math.max(0, ms - from) / whole) * 100}%`;
    before = ms;
    return h("tr", {}, h("td", {}, t(`stage.${name}`)), h("td", { class: "num" }, `${number(ms)} ${t("ms")}`), h("td", { class: "track" }, span));
  });
  return h("details", { class: "fall" }, h("summary", {}, t("call.answered", { n: number(stages.first_packet) })),
    h("table", {}, h("tbody", {}, rows)));
}

function events(list) {
  if (!list.length) return h("p", { class: "soft" }, t("call.noevents"));
  return h("table", { class: "events" }, h("tbody", {}, list.map((event) =>
    h("tr", {}, h("td", { class: "soft" }, clock(event.at)), h("td", {}, event.kind), h("td", {}, event.detail)))));
}
