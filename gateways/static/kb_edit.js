// The editor of a base: its text, its sections, files that are dropped on it, the changes drawn, the index made anew.
import { ask, open, toast } from "/logs-ui/api.js";
import { undo } from "/logs-ui/backups.js";
import { watch } from "/logs-ui/building.js";
import { drawn } from "/logs-ui/diff.js";
import { draft, keep, saveKey } from "/logs-ui/drafts.js";
import { h } from "/logs-ui/dom.js";
import { overview, path, tongue } from "/logs-ui/knowledge.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "edit.text": ["Текст базы", "Text of the base"],
  "edit.sections": ["Оглавление", "Contents"],
  "edit.nosections": ["Разделов пока нет: начните с заголовка «# …».", "No sections yet: begin with a heading, “# …”."],
  "edit.hint": [
    "Один раздел — одна тема. Между разделами строка <<->>, у каждого заголовок с # и словами звонящих. Файл (md, txt, pdf, docx, html) можно бросить прямо сюда.",
    "One section, one subject. Between sections stands a line <<->>, each has a heading with # and callers' words. A file (md, txt, pdf, docx, html) may be dropped right here.",
  ],
  "edit.save": ["Сохранить", "Save"],
  "edit.saved": ["Сохранено, прежний текст лежит в прежних версиях.", "Saved; the old text is among the earlier versions."],
  "edit.changes": ["Показать изменения", "Show changes"],
  "edit.upload": ["Загрузить файл", "Upload a file"],
  "edit.fixed": ["Этот файл правят не здесь: {n}", "This file is not edited here: {n}"],
  "edit.file": ["Файл: {n}", "File: {n}"],
  "upload.title": ["Что сделать с файлом?", "What about this file?"],
  "upload.text": [
    "«{n}» может встать на место всего текста базы (сначала вы увидите изменения) или лечь рядом отдельным документом.",
    "“{n}” can take the place of the base's whole text (you see the changes first), or lie beside it as a document of its own.",
  ],
  "upload.replace": ["Заменить текст", "Replace the text"],
  "upload.add": ["Добавить документ", "Add a document"],
  "upload.taken": ["Текст файла в редакторе. Посмотрите изменения и сохраните.", "The file's text is in the editor. Look at the changes and save."],
  "upload.added": ["Документ добавлен: {n}", "Document added: {n}"],
});

const KINDS = ".md,.txt,.html,.htm,.pdf,.docx";

export async function show(body, base) {
  const { bases } = await overview();
  if (!bases[base].editable) {
    body.replaceChildren(h("p", { class: "soft" }, t("edit.fixed", { n: bases[base].file })));
    return undefined;
  }
  const editor = new Editor(body, base, bases[base].file);
  await editor.load();
  return () => editor.keepDraft();
}

class Editor {
  constructor(body, base, file) {
    this.base = base;
    this.name = `${base}${tongue()}`; // of its draft
    this.text = h("textarea", { class: "code", id: "text", rows: 24, spellcheck: "true", "aria-label": t("edit.text"), oninput: () => this.typed() });
    this.sections = h("ol", { class: "sections" });
    this.changes = h("div", {});
    this.note = h("p", { class: "soft small note", role: "status" });
    this.building = h("div", { class: "building" });
    this.save = h("button", { class: "main", disabled: true, onclick: () => this.store() }, t("edit.save"));
    this.revert = h("button", { disabled: true, onclick: () => this.discard() }, t("edit.revert"));
    this.compare = h("button", { disabled: true, "aria-expanded": "false", onclick: () => this.turnChanges() }, t("edit.changes"));
    const file_ = h("input", { type: "file", accept: KINDS, class: "quiet", tabindex: -1, "aria-hidden": "true", onchange: () => this.dropped(file_) });
    const drop = h("div", { class: "drop" }, this.text);
    this.acceptDrops(drop);
    saveKey(drop, () => this.save.disabled || this.store());
    body.replaceChildren(
      h("p", { class: "soft small" }, t("edit.hint")),
      h("div", { class: "editor" },
        h("nav", { "aria-label": t("edit.sections") }, h("h2", {}, t("edit.sections")), this.sections),
        h("div", {}, drop,
          h("div", { class: "row actions" }, this.save, this.compare, this.revert, h("button", { onclick: () => file_.click() }, t("edit.upload")), file_),
          this.note, this.building, this.changes)),
      h("p", { class: "soft small" }, t("edit.file", { n: file })));
  }

  async load() {
    const reply = await ask(path(this.base));
    this.saved = await reply.text();
    this.tag = reply.headers.get("ETag");
    this.text.value = draft(this.name).text ?? this.saved;
    this.typed();
    this.list();
    this.note.textContent = this.text.value !== this.saved ? t("edit.draft") : "";
  }

  keepDraft() {
    keep(this.name, this.text.value === this.saved ? {} : { text: this.text.value });
  }

  typed() {
    const changed = this.text.value !== this.saved;
    for (const button of [this.save, this.revert, this.compare]) button.disabled = !changed;
    if (!changed || this.compare.getAttribute("aria-expanded") === "true") this.drawChanges(changed);
    clearTimeout(this.listing);
    this.listing = setTimeout(() => this.list(), 150);
  }

  list() {
    this.keepDraft();
    const found = [...this.text.value.matchAll(/^(#{1,6})[ \t]+(.+)$/gm)];
    this.sections.replaceChildren(...(found.length ? found : [null]).map((heading) => (heading
      ? h("li", { class: `level${Math.min(3, heading[1].length)}` }, h("button", { class: "plain", onclick: () => this.go(heading.index, heading[0].length) }, heading[2]))
      : h("li", { class: "soft small" }, t("edit.nosections")))));
  }

  // A browser scrolls to the caret when the field is focused anew.
  go(at, letters) {
    this.text.blur();
    this.text.setSelectionRange(at, at);
    this.text.focus();
    this.text.setSelectionRange(at, at + letters);
  }

  turnChanges() {
    this.drawChanges(this.compare.getAttribute("aria-expanded") !== "true");
  }

  drawChanges(open) {
    const shown = open && this.text.value !== this.saved;
    this.compare.setAttribute("aria-expanded", String(Boolean(shown)));
    this.changes.replaceChildren(...(shown ? [drawn(this.saved, this.text.value)] : []));
  }

  discard() {
    this.text.value = this.saved;
    this.note.textContent = "";
    this.typed();
    this.text.focus();
  }

  async store() {
    this.save.disabled = true;
    try {
      const answer = await sent(path(this.base, {}, "/upload"), new Blob([this.text.value]), "text.md", { "If-Match": this.tag });
      this.saved = this.text.value;
      this.tag = `"${answer.tag}"`;
      this.note.textContent = "";
      if (answer.replaced) toast(t("edit.saved"), false, [t("undo"), () => this.undo(answer.replaced)]);
      this.typed();
      await watch(this.building, answer.build);
    } catch (error) {
      this.note.replaceChildren(h("span", { class: "alarm" }, error.message));
      this.typed();
    }
  }

  async undo(replaced) {
    keep(this.name, {});
    await undo([replaced], () => this.load());
  }

  acceptDrops(place) {
    const over = (on) => (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      place.classList.toggle("over", on);
    };
    place.addEventListener("dragover", over(true));
    place.addEventListener("dragleave", over(false));
    place.addEventListener("drop", (event) => {
      over(false)(event);
      if (event.dataTransfer.files.length) this.dropped(event.dataTransfer);
    });
  }

  async dropped(from) {
    const [file] = from.files;
    if (!file) return;
    const choice = await open(t("upload.title"), (done) => [
      h("p", {}, t("upload.text", { n: file.name })),
      h("div", { class: "row" },
        h("button", { type: "button", onclick: () => done(false) }, t("cancel")),
        h("button", { type: "button", onclick: () => done("add") }, t("upload.add")),
        h("button", { type: "button", class: "main", autofocus: true, onclick: () => done("replace") }, t("upload.replace")))]);
    if ("value" in from) from.value = "";
    try {
      if (choice === "replace") await this.take(file);
      if (choice === "add") await this.add(file);
    } catch (error) {
      this.note.replaceChildren(h("span", { class: "alarm" }, error.message));
    }
  }

  async take(file) {
    this.text.value = (await sent("/api/kb/convert", file, file.name)).markdown;
    this.typed();
    this.drawChanges(true);
    this.note.textContent = t("upload.taken");
  }

  async add(file) {
    const name = documentName(file.name);
    const answer = await sent(path(this.base, { document: name }, "/upload"), file, file.name);
    toast(t("upload.added", { n: name }));
    await watch(this.building, answer.build);
  }
}

// As the server wants it: letters, digits, spaces and .-_(), a Markdown file.
export function documentName(given) {
  const stem = given.normalize("NFC").replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_ .()-]+/gu, " ");
  return `${stem.split(/\s+/).join(" ").replace(/^[. ~]+|[. ~]+$/g, "").slice(0, 80).trim() || "document"}.md`;
}

export async function sent(path, file, name, headers = {}) {
  const form = new FormData();
  form.append("file", file, name);
  return (await ask(path, { method: "POST", body: form, headers })).json();
}
