// Both knowledge bases, as the agent reads them.
import { ask } from "/logs-ui/api.js";
import { h, number } from "/logs-ui/dom.js";
import { markdown } from "/logs-ui/markdown.js";
import { t } from "/logs-ui/words.js";

const BASES = { general: "/kb", tech: "/kb2" };

export async function show(main, here) {
  const name = here.rest[0] in BASES ? here.rest[0] : "general";
  const text = await (await ask(BASES[name])).text();
  const sections = text.split("<<->>").filter((part) => part.trim()).length;
  main.replaceChildren(
    h("div", { class: "head" }, h("h1", {}, t("nav.knowledge")),
      h("div", { class: "push chips", role: "group", "aria-label": t("kb.which") }, Object.keys(BASES).map((base) =>
        h("button", { "aria-pressed": String(base === name), onclick: () => (location.hash = `#/knowledge/${base}`) }, t(`kb.${base}`))))),
    h("p", { class: "soft" }, t("kb.size", { n: number(sections), m: number(text.length) })),
    h("article", { class: "prose" }, markdown(text)));
}
