// A base as it lies on the disk.
import { ask } from "/logs-ui/api.js";
import { empty, h, number } from "/logs-ui/dom.js";
import { path } from "/logs-ui/knowledge.js";
import { markdown } from "/logs-ui/markdown.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "read.none": ["Здесь пока пусто", "There is nothing here yet"],
  "read.none.text": ["Напишите текст под «Править» или положите туда файл.", "Write a text under “Edit”, or drop a file there."],
});

export async function show(body, base) {
  const text = await (await ask(path(base))).text();
  const sections = text.split("<<->>").filter((part) => part.trim()).length;
  body.replaceChildren(
    h("p", { class: "soft" }, t("kb.size", { n: number(sections), m: number(text.length) })),
    text.trim() ? h("article", { class: "prose" }, markdown(text)) : empty(t("read.none"), t("read.none.text")));
}
