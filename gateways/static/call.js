// One call: what was said and heard, the recording, where the time of each reply went.
import { confirm, get, send, toast } from "/logs-ui/api.js";
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
  const items = speeches.map((speech) => item(speech, player));
  main.replaceChildren(
    h("p", { class: "small" }, h("a", { href: "#/calls" }, `← ${t("call.back")}`)),
    h("div", { class: "head" },
      h("h1", {}, t("call.from", { n: call.number || t("calls.withheld") })),
      h("div", { class: "push" },
        player && h("a", { class: "button", href: `${path}/recording`, download: call.recording }, t("call.wav")),
        call.ended_at && h("button", { class: "bad", onclick: () => remove(path) }, t("calls.delete")))),
    h("div", { class: "facts" }, status(call.status), h("time", { datetime: call.started_at }, whenFull(call.started_at)),
      h("span", {}, length(call.seconds)), h("span", {}, call.line), call.cause && h("span", {}, t(`cause.${call.cause}`)), h("span", { class: "alarm" }, call.recording_note)),
    player ? player.element : h("p", { class: "soft" }, t(call.ended_at ? "call.norecord" : "call.later")),
    h("h2", {}, t("call.dialogue")),
    items.length ? h("ol", { class: "talk" }, items.map((each) => each.element)) : h("p", { class: "soft" }, t("call.silent")),
    h("h2", {}, t("call.events")), events(call.events));
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
  const stages = new Map(call.turns.map((turn) => [turn.n, turn.stages]));
  const shown = new Set();
  const once = (turn) => (turn === 0 || shown.has(turn) ? {} : (shown.add(turn), stages.get(turn) ?? {}));
  if (call.timeline.length) {
    return call.timeline.map((speech) => ({ ...speech, stages: speech.who === "agent" ? once(speech.turn) : {} }));
  }
  return call.turns.flatMap((turn) => [
    turn.heard && { who: "caller", text: turn.heard, heard: turn.heard, stages: {} },
    turn.said && { who: "agent", text: turn.said, heard: turn.said_heard, source: turn.source, stages: turn.stages },
  ].filter(Boolean));
}

function item(speech, player) {
  const words = h("span", { class: "words" }, speech.who === "caller" ? speech.text : spoken(speech.text, speech.heard));
  const pieces = cutIntoWords(words);
  const timed = speech.end_ms !== undefined;
  const element = h("li", { class: speech.who },
    h("div", { class: "at" },
      h("span", { class: "name" }, t(`call.${speech.who}`)),
      timed && player ? h("button", { class: "plain", onclick: () => player.play(speech.start_ms) }, length(speech.start_ms / 1000)) : timed && length(speech.start_ms / 1000)),
    h("div", {}, words, " ", base(speech.source), waterfall(speech.stages)));
  let last = -1;
  const mark = (ms) => {
    const inside = timed && ms >= speech.start_ms && ms < speech.end_ms;
    const share = (ms - speech.start_ms) / Math.max(1, speech.end_ms - speech.start_ms);
    const at = inside ? pieces.findIndex((piece) => share < piece.until) : -1;
    if (at === last) return;
    element.classList.toggle("now", inside);
    pieces[last]?.span.classList.remove("said");
    pieces[at]?.span.classList.add("said");
    last = at;
  };
  return { element, mark };
}

// Each heard word in a span of its own with the share of the speech at which it ends, by letters.
function cutIntoWords(words) {
  const pieces = [];
  for (const node of [...words.childNodes]) {
    if (node.nodeType !== Node.TEXT_NODE) continue;
    const parts = node.textContent.split(/(?<=\s)/).map((text) => ({ span: h("span", {}, text), letters: text.length }));
    node.replaceWith(...parts.map((part) => part.span));
    pieces.push(...parts);
  }
  const letters = pieces.reduce((sum, piece) => sum + piece.letters, 0) || 1;
  let so = 0;
  for (const piece of pieces) piece.until = (so += piece.letters) / letters;
  return pieces;
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
