// What the daemon says of itself, every few seconds.
import { ask } from "/logs-ui/api.js";
import { h, number } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

const EVERY_MS = 3000;

export async function show(main, here, current) {
  const body = h("div", {});
  main.replaceChildren(h("h1", {}, t("nav.health")), body);
  const load = async () => {
    const health = await (await ask("/health", { any: true })).json();
    if (current()) body.replaceChildren(...draw(health));
  };
  await load();
  const timer = setInterval(() => document.hidden || load().catch((error) => body.replaceChildren(h("p", { class: "alarm" }, error.message))), EVERY_MS);
  return () => clearInterval(timer);
}

function draw(health) {
  const list = (pairs) => h("dl", { class: "list" }, pairs.flatMap(([name, value, bad]) => [h("dt", {}, name), h("dd", { class: bad ? "alarm" : undefined }, value)]));
  const lines = Object.entries(health.lines);
  return [
    h("p", { role: "status" }, h("span", { class: `status ${health.ready ? "completed" : "failed"}` }, t(health.ready ? "health.ready" : "health.starting"))),
    h("h2", {}, t("health.lines")),
    lines.length ? list(lines.map(([name, state]) => [name, state, state !== "up"])) : h("p", { class: "soft" }, t("health.noline")),
    h("h2", {}, t("health.engines")),
    list(Object.entries(health.engines).map(([name, engine]) => [t(`health.${name}`), engine])),
    h("h2", {}, t("health.process")),
    list([
      [t("health.version"), health.version],
      [t("health.calls"), number(health.calls)],
      [t("health.tasks"), number(health.tasks)],
      [t("health.lag"), `${number(health.loop_lag_ms)} ${t("ms")}`],
    ]),
  ];
}
