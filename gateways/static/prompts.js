// What the agent says by itself and is told: phrases and texts of each language, personas, and what they were before.
import { get, send, toast } from "/logs-ui/api.js";
import { backups, undo } from "/logs-ui/backups.js";
import { h } from "/logs-ui/dom.js";
import { draft, keep, saveKey } from "/logs-ui/drafts.js";
import { phraseWords } from "/logs-ui/prompt_words.js";
import { language, t } from "/logs-ui/words.js";

const TEXTS = ["system.txt", "contextualiser.txt", "unheard.txt", "ungrounded.txt", "returning.txt", "intents.toml"];
const PLACES = ["ru", "en", "personas"];

export async function show(main, here) {
  const told = await get("/api/prompts");
  const places = PLACES.filter((place) => Object.keys(told.files).some((name) => name.startsWith(`${place}/`)));
  const place = places.includes(here.rest[0]) ? here.rest[0] : told.language;
  const form = new Form(told, place, () => show(main, here));
  const past = h("div", {});
  main.replaceChildren(
    h("div", { class: "head" }, h("h1", {}, t("nav.prompts")),
      h("nav", { class: "push chips", "aria-label": t("prompts.which") }, places.map((name) =>
        h("a", { class: "button", href: `#/prompts/${name}`, "aria-current": name === place && "true" }, t(`prompts.${name}`))))),
    told.fault ? h("p", { class: "alarm" }, told.fault) : "",
    h("p", { class: "soft small" }, t(place === "personas" ? "prompts.personas.hint" : place === told.language ? "prompts.hint" : "prompts.other")),
    form.element, h("h2", {}, t("backups")), past);
  past.replaceChildren(await backups(`prompts/${place}/`, async (name) => (await get("/api/prompts")).files[name.replace("prompts/", "")] ?? "", () => show(main, here), true));
}

class Form {
  constructor(told, place, renew) {
    this.renew = renew;
    this.name = `prompts ${place}`;
    this.kept = draft(this.name);
    this.fields = new Map();
    const phrases = told.phrases[place] ?? {};
    const files = Object.keys(told.files).filter((name) => name.startsWith(`${place}/`));
    const texts = place === "personas" ? files : TEXTS.map((name) => `${place}/${name}`).filter((name) => name in told.files);
    this.save = h("button", { class: "main", disabled: true }, t("prompts.save"));
    this.note = h("p", { class: "alarm note", role: "alert" });
    this.element = h("form", { class: "sheet", onsubmit: (event) => this.store(event) },
      Object.entries(phrases).map(([name, value]) => this.phrase(`${place}/${name}`, name, value, told.lists.includes(name))),
      place === "personas" ? null : h("h2", {}, t("prompts.model")),
      texts.map((name) => this.text(name, told.files[name])),
      h("div", { class: "actions" }, this.save, h("button", { type: "button", onclick: () => this.discard() }, t("edit.revert")), this.note));
    if (this.changed.length) this.note.append(h("span", { class: "soft" }, t("edit.draft")));
    this.typed();
    saveKey(this.element, () => this.save.disabled || this.element.requestSubmit());
  }

  discard() {
    keep(this.name, {});
    return this.renew();
  }

  phrase(key, name, value, list) {
    const [title, hint] = phraseWords(name);
    const text = list ? value.join("\n") : value;
    const read = (now) => (list ? now.split("\n").map((line) => line.trim()).filter(Boolean) : now);
    return this.field(key, title, `${hint}${list ? ` ${t("prompts.lines")}` : ""}`, text, list ? Math.max(2, value.length) : 1, read);
  }

  text(name, value) {
    const file = name.split("/")[1];
    const [title, hint] = phraseWords(file.endsWith(".toml") || file === "system.txt" ? file : file.replace(/\.txt$/, ""));
    const field = this.field(name, title, hint, value, Math.min(16, value.split("\n").length + 1), (now) => now);
    return file === "intents.toml" ? h("details", {}, h("summary", {}, t("prompts.expert")), field) : field;
  }

  field(key, title, hint, value, rows, read) {
    const id = `p-${key.replace(/\W/g, "-")}`;
    const fault = h("p", { class: "alarm small", id: `${id}-fault`, role: "alert" });
    const area = h("textarea", { id, rows, value: this.kept[key] ?? value, spellcheck: "true", lang: key.split("/")[0] === "en" ? "en" : language(), "aria-describedby": `${id}-hint ${id}-fault`, oninput: () => this.typed() });
    this.fields.set(key, { area, fault, saved: value, read });
    return h("div", { class: "entry" }, h("label", { for: id }, title), h("p", { class: "soft small", id: `${id}-hint` }, hint), area, fault);
  }

  get changed() {
    return [...this.fields].filter(([, field]) => field.area.value !== field.saved);
  }

  typed() {
    this.save.disabled = this.changed.length === 0;
    keep(this.name, Object.fromEntries(this.changed.map(([key, field]) => [key, field.area.value])));
  }

  async store(event) {
    event.preventDefault();
    this.clear();
    const changes = Object.fromEntries(this.changed.map(([key, field]) => [key, field.read(field.area.value)]));
    try {
      const answer = await send("POST", "/api/prompts", changes);
      for (const [, field] of this.changed) field.saved = field.area.value;
      this.typed();
      toast(t("prompts.saved"), false, answer.replaced.length ? [t("undo"), () => undo(answer.replaced, () => this.discard())] : null);
    } catch (error) {
      this.blame(error.message);
    }
  }

  clear() {
    this.note.textContent = "";
    for (const { area, fault } of this.fields.values()) {
      area.removeAttribute("aria-invalid");
      fault.textContent = "";
    }
  }

  // The message names the file, and in phrases.toml the phrase: ru/phrases.toml: greeting: a text is needed here
  blame(message) {
    const [, where = "", rest = ""] = message.match(/^([^:]+): (.*)$/s) ?? [];
    const phrase = where.endsWith("phrases.toml") ? `${where.split("/")[0]}/${rest.split(":")[0]}` : where;
    const field = this.fields.get(phrase);
    if (!field) {
      this.note.textContent = message;
      return;
    }
    field.fault.textContent = message;
    field.area.setAttribute("aria-invalid", "true");
    field.area.focus();
  }
}
