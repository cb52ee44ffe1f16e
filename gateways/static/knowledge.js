// The knowledge bases: read, asked, edited, and what was answered wrongly.
import { get } from "/logs-ui/api.js";
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
  "kb.ru": ["по-русски", "in Russian"],
  "kb.en": ["по-английски", "in English"],
  "kb.language": ["На каком языке", "In which language"],
  "kb.other": [
    "Сейчас агент говорит на другом языке: эти тексты понадобятся, когда язык сменят. Поиск и проверка вопросов идут по языку, который действует.",
    "The agent speaks another language now: these texts are for the day when it is changed. Search and questions use the language in force.",
  ],
});

const BASES = { general: "/kb", tech: "/kb2" };
const OWN = ["read", "edit", "documents", "backups"];
let chosen = "";

// Of the texts that are looked at: `more` are further parameters, `tail` what follows the base's path.
export const path = (base, more = {}, tail = "") => `${BASES[base]}${tail}?${new URLSearchParams(chosen ? { ...more, language: chosen } : more)}`;

export const overview = () => get(`/api/kb?${new URLSearchParams(chosen ? { language: chosen } : {})}`);

// What drafts and backups of these texts are called by.
export const tongue = () => chosen;

const PARTS = { read: "kb_read", edit: "kb_edit", documents: "kb_documents", backups: "kb_backups", search: "kb_search", wrong: "kb_wrong" };

export async function show(main, here, current) {
  const [first, second] = here.rest;
  const base = first in BASES ? first : "general";
  const part = second in PARTS ? second : "read";
  const { language, languages = [] } = await get("/api/kb");
  const asked = here.query.get("language") ?? "";
  chosen = OWN.includes(part) && asked !== language && languages.includes(asked) ? asked : "";
  const place = (to, what, tongue_ = chosen) => `#/knowledge/${to}/${what}${tongue_ && OWN.includes(what) ? `?language=${tongue_}` : ""}`;
  const body = h("div", { class: "part" });
  const chip = (on, href, text) => h("a", { class: "button", href, "aria-current": on && "true" }, text);
  main.replaceChildren(
    h("div", { class: "head" }, h("h1", {}, t("nav.knowledge")),
      h("nav", { class: "push chips", "aria-label": t("kb.which") }, Object.keys(BASES).map((name) =>
        chip(name === base, place(name, part), t(`kb.${name}`)))),
      OWN.includes(part) && languages.length > 1 && h("nav", { class: "chips", "aria-label": t("kb.language") }, languages.map((name) =>
        chip(name === (chosen || language), place(base, part, name === language ? "" : name), t(`kb.${name}`))))),
    h("nav", { class: "chips parts", "aria-label": t("kb.parts") }, Object.keys(PARTS).map((name) =>
      chip(name === part, place(base, name), t(`kb.${name}`)))),
    chosen ? h("p", { class: "soft small" }, t("kb.other")) : "", body);
  const view = await import(`/logs-ui/${PARTS[part]}.js`);
  return view.show(body, base, here, current);
}
