// The instruction, in the language of the page.
import { ask } from "/logs-ui/api.js";
import { h } from "/logs-ui/dom.js";
import { markdown } from "/logs-ui/markdown.js";
import { language, t } from "/logs-ui/words.js";

export async function show(main) {
  const text = await (await ask(`/logs-ui/${language() === "ru" ? "instruction.md" : "instruction.en.md"}`)).text();
  main.replaceChildren(h("h1", {}, t("nav.help")), h("article", { class: "prose" }, markdown(text)),
    h("p", {}, h("a", { href: "#/paths" }, t("help.paths"))));
}
