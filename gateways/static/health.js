// What the daemon says of itself, every few seconds.
import { ask, get } from "/logs-ui/api.js";
import { h, length, number } from "/logs-ui/dom.js";
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

function draw(health) {
  const list = (pairs) => h("dl", { class: "list" }, pairs.flatMap(([name, value, bad]) => [h("dt", {}, name), h("dd", { class: bad ? "alarm" : undefined }, value)]));
  const lines = Object.entries(health.lines);
  const models = Object.entries(health.answers.models ?? {});
  return [
    h("p", { role: "status" }, h("span", { class: `status ${health.ready ? "completed" : "failed"}` }, t(health.ready ? "health.ready" : "health.starting"))),
    h("h2", {}, t("health.lines")),
    lines.length ? list(lines.map(([name, state]) => [name, state, state !== "up"])) : h("p", { class: "soft" }, t("health.noline")),
    h("h2", {}, t("health.engines")),
    list(Object.entries(health.engines).map(([name, engine]) => [t(`health.${name}`), engine])),
    models.length ? [h("h2", {}, t("health.models")), list(models.map(([name, state]) => [name, t(`health.model.${state}`), state !== "ok"]))] : [],
    health.answers.fault ? h("p", { class: "alarm", role: "alert" }, health.answers.fault) : [],
    health.disk ? [h("h2", {}, t("health.disk")), list([[t("health.data"), `${health.disk.fault ?? t("health.free", { n: number(Math.round(health.disk.free_mb / 100) / 10), m: number(Math.round(health.disk.of_mb / 1000)) })} · ${health.disk.folder}`,
      health.disk.low || Boolean(health.disk.fault)]])] : [],
    h("h2", {}, t("health.process")),
    list([
      [t("health.version"), health.version],
      [t("health.calls"), number(health.calls)],
      [t("health.tasks"), number(health.tasks)],
      [t("health.lag"), `${number(health.loop_lag_ms)} ${t("ms")}`],
      ...(health.disk ? [[t("health.up"), length(health.up_s)]] : []),
    ]),
    health.versions ? [h("h2", {}, t("health.versions")), list(Object.entries(health.versions))] : [],
  ].flat(2);
}
