// What the daemon says of itself, every few seconds.
import { ask, get } from "/logs-ui/api.js";
import { h, length, number, whenFull } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

const EVERY_MS = 3000;

export async function show(main, here, current) {
  const body = h("div", {});
  main.replaceChildren(h("h1", {}, t("nav.health")), body);
  const load = async () => {
    const { key_needed: locked } = await get("/api/session"); // whether calls are answered is for everybody to see
    const health = await (await ask(locked ? "/health" : "/api/health", { any: true })).json();
    if (current()) body.replaceChildren(...draw(health));
  };
  await load();
  const timer = setInterval(() => document.hidden || load().catch((error) => body.replaceChildren(h("p", { class: "alarm" }, error.message))), EVERY_MS);
  return () => clearInterval(timer);
}

// What is drawn below by a form of its own; everything else that the daemon tells is shown by `rest`.
const KNOWN = ["status", "ready", "version", "lines", "engines", "calls", "tasks", "answers", "loop_lag_ms", "disk", "versions", "up_s"];
const GOOD = /^(ok|up|on|ready|closed|encrypted|true)\b/i;
const BAD = /^(failing|failed|down|off line|open|refused|missing|error|over|low|exceeded|no network|looking|lost|unencrypted|warning)\b/i;

const list = (pairs) => h("dl", { class: "list" }, pairs.flatMap(([name, value, bad]) =>
  [h("dt", {}, name), h("dd", { class: bad ? "alarm" : undefined }, value)]));

const part = (title, content) => [h("h2", {}, title), content];

const named = (name) => t(`health.${name}`).replaceAll("_", " ");

function draw(health) {
  const lines = Object.entries(health.lines);
  const { models = {}, fault, ...answers } = health.answers;
  const unknown = Object.fromEntries(Object.entries(health).filter(([name]) => !KNOWN.includes(name)));
  return [
    h("p", { role: "status" }, h("span", { class: `status ${health.ready ? "completed" : "failed"}` }, t(health.ready ? "health.ready" : "health.starting"))),
    warnings(health),
    part(t("health.lines"), lines.length ? list(lines.map(([name, state]) => [name, words(state), !/^up\b/.test(state)])) : h("p", { class: "soft" }, t("health.noline"))),
    part(t("health.engines"), list(Object.entries(health.engines).map(([name, engine]) => [named(name), words(engine), troubled(engine)]))),
    Object.keys(models).length ? part(t("health.models"), list(Object.entries(models).map(([name, state]) =>
      [name, typeof state === "string" ? t(`health.model.${state}`) : words(state), typeof state === "string" ? state !== "ok" : troubled(state)]))) : [],
    fault ? h("p", { class: "alarm", role: "alert" }, fault) : [],
    Object.entries({ ...answers, ...unknown }).filter(([, value]) => told(value)).map(([name, value]) => rest(name, value)),
    health.disk ? part(t("health.disk"), disk(health.disk)) : [],
    part(t("health.process"), list([
      [t("health.version"), health.version],
      [t("health.calls"), number(health.calls)],
      [t("health.tasks"), number(health.tasks)],
      [t("health.lag"), `${number(health.loop_lag_ms)} ${t("ms")}`],
      ...(health.disk ? [[t("health.up"), length(health.up_s)]] : []),
    ])),
    health.versions ? part(t("health.versions"), list(Object.entries(health.versions))) : [],
  ].flat(3);
}

function disk({ folder, free_mb: free, of_mb: of, low, fault, ...more }) {
  const size = (mb) => number(Math.round(mb / 100) / 10);
  return list([[t("health.data"), `${fault ?? t("health.free", { n: size(free), m: size(of) })} · ${folder}`, low || Boolean(fault)],
    ...Object.entries(more).map(([name, value]) => [named(name), words(value), troubled(value)])]);
}

// Texts that ask somebody to do something, wherever the daemon put them: they stand at the top.
function warnings(health) {
  const found = [health.warnings, health.answers.warnings, health.warning].flat().filter(told);
  return found.length ? [h("ul", { class: "alarm", role: "alert" }, found.map((one) => h("li", {}, words(one))))] : [];
}

// A part that this page knows nothing of: an object by its names, a list by its rows, else the value itself.
function rest(name, value) {
  if (/^warnings?$/.test(name)) return [];
  if (Array.isArray(value)) return part(named(name), h("ul", {}, value.map((one) => h("li", { class: troubled(one) ? "alarm" : undefined }, words(one)))));
  if (value && typeof value === "object") return part(named(name), list(Object.entries(value).filter(([, one]) => told(one)).map(([key, one]) => [named(key), words(one), troubled(one)])));
  return part(named(name), h("p", { class: troubled(value) ? "alarm" : undefined }, words(value)));
}

const told = (value) => value !== null && value !== undefined && value !== "" && !(typeof value === "object" && !Object.keys(value).length);

function words(value) {
  if (value === true || value === false) return t(value ? "health.yes" : "health.no");
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return /^\d{4}-\d\d-\d\dT/.test(value) ? whenFull(value) : value;
  if (Array.isArray(value)) return value.map(words).join(", ");
  const { state, ...more } = value;
  const parts = Object.entries(more).filter(([, one]) => told(one)).map(([name, one]) =>
    (["name", "words", "detail", "why"].includes(name) ? words(one) : `${named(name)}: ${words(one)}`));
  return [...(state === undefined ? [] : [words(state)]), ...parts].join(" · ");
}

function troubled(value) {
  if (value && typeof value === "object" && !Array.isArray(value)) return value.ok === false || troubled(value.state ?? "");
  return typeof value === "string" && BAD.test(value) && !GOOD.test(value);
}
