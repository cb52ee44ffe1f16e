// The knowledge bases: read, asked, edited, and what was answered wrongly.
import { h } from "/logs-ui/dom.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "kb.read": ["Читать", "Read"],
  "kb.edit": ["Править", "Edit"],
  "kb.documents": ["Документы", "Documents"],
  "kb.backups": ["Прежние версии", "Earlier versions"],
  "kb.search": ["Проверить вопрос", "Try a question"],
  "kb.wrong": ["Неверные ответы", "Wrong answers"],
  "kb.parts": ["Что показать", "What to show"],
});

export const BASES = { general: "/kb", tech: "/kb2" };
const PARTS = { read: "kb_read", edit: "kb_edit", documents: "kb_documents", backups: "kb_backups", search: "kb_search", wrong: "kb_wrong" };

export async function show(main, here, current) {
  const [first, second] = here.rest;
  const base = first in BASES ? first : "general";
  const part = second in PARTS ? second : "read";
  const body = h("div", { class: "part" });
  const chip = (on, href, text) => h("a", { class: "button", href, "aria-current": on && "true" }, text);
  main.replaceChildren(
    h("div", { class: "head" }, h("h1", {}, t("nav.knowledge")),
      h("nav", { class: "push chips", "aria-label": t("kb.which") }, Object.keys(BASES).map((name) =>
        chip(name === base, `#/knowledge/${name}/${part}`, t(`kb.${name}`))))),
    h("nav", { class: "chips parts", "aria-label": t("kb.parts") }, Object.keys(PARTS).map((name) =>
      chip(name === part, `#/knowledge/${base}/${name}`, t(`kb.${name}`)))),
    body);
  const view = await import(`/logs-ui/${PARTS[part]}.js`);
  return view.show(body, base, here, current);
}
