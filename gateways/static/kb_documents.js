// Documents that lie beside a base's own text.
import { ask, confirm, toast } from "/logs-ui/api.js";
import { undo } from "/logs-ui/backups.js";
import { watch } from "/logs-ui/building.js";
import { empty, h, number } from "/logs-ui/dom.js";
import { documentName, sent } from "/logs-ui/kb_edit.js";
import { overview, path } from "/logs-ui/knowledge.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "docs.none": ["Документов пока нет", "No documents yet"],
  "docs.none.text": [
    "Прайс-лист, паспорт машины, памятка: бросьте файл сюда или выберите его. Агент будет искать в нём вместе с текстом базы.",
    "A price list, a data sheet, a leaflet: drop the file here or choose it. The agent will search it beside the base's text.",
  ],
  "docs.choose": ["Выбрать файл", "Choose a file"],
  "docs.remove": ["Убрать", "Remove"],
  "docs.remove.title": ["Убрать документ?", "Remove the document?"],
  "docs.remove.text": ["Агент перестанет отвечать по «{n}». Его можно вернуть из прежних версий.", "The agent will no longer answer from “{n}”. It can be brought back from the earlier versions."],
  "docs.removed": ["Убрано: {n}", "Removed: {n}"],
  "docs.byhand": ["убирается на диске", "removed on the disk"],
  "docs.kb": ["{n} кБ", "{n} kB"],
});

export async function show(body, base) {
  const building = h("div", { class: "building" });
  const list = h("div", {});
  const note = h("p", { class: "alarm small note", role: "alert" });
  const load = async () => {
    const { documents } = (await overview()).bases[base];
    list.replaceChildren(documents.length ? h("ul", { class: "rows" }, documents.map((one) => row(one))) : empty(t("docs.none"), t("docs.none.text")));
  };
  const row = (one) => h("li", { class: "row" },
    h("span", { class: "grow" }, one.name, " ", h("span", { class: "soft small" }, t("docs.kb", { n: number(Math.ceil(one.bytes / 1000)) }))),
    one.editable ? h("button", { class: "bad", onclick: () => remove(one.name) }, t("docs.remove")) : h("span", { class: "soft small" }, t("docs.byhand")));
  const remove = async (name) => {
    if (!(await confirm(t("docs.remove.title"), t("docs.remove.text", { n: name }), t("docs.remove")))) return;
    const answer = await (await ask(path(base, { document: name }), { method: "DELETE" })).json();
    toast(t("docs.removed", { n: name }), false, [t("undo"), () => undo([answer.replaced], load)]);
    await load();
    await watch(building, answer.build);
  };
  const add = async (files) => {
    note.textContent = "";
    for (const file of files) {
      try {
        const answer = await sent(path(base, { document: documentName(file.name) }, "/upload"), file, file.name);
        await load();
        await watch(building, answer.build);
      } catch (error) {
        note.append(`${error.message} `);
      }
    }
  };
  const field = h("input", { type: "file", multiple: true, accept: ".md,.txt,.html,.htm,.pdf,.docx", class: "quiet", tabindex: -1, "aria-hidden": "true", onchange: () => add([...field.files]) });
  const drop = h("div", { class: "drop" }, list);
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") add([...event.dataTransfer.files]);
    });
  }
  await load();
  body.replaceChildren(h("p", {}, h("button", { onclick: () => field.click() }, t("docs.choose")), field), note, building, drop);
}
