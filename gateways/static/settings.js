// Settings that may be changed while calls go on; each with its limits, its unit and from when on it counts.
import { get, send, toast } from "/logs-ui/api.js";
import { backups, undo } from "/logs-ui/backups.js";
import { h, number } from "/logs-ui/dom.js";
import { draft, keep, saveKey } from "/logs-ui/drafts.js";
import { settingWords } from "/logs-ui/setting_words.js";
import { t } from "/logs-ui/words.js";

const GROUPS = ["kb", "llm", "prompts", "tts", "turns", "calls", "recording"];

export async function show(main, here) {
  const told = await get("/api/settings");
  const form = new Form(told, () => show(main, here));
  main.replaceChildren(h("h1", {}, t("nav.settings")),
    told.fault ? h("p", { class: "alarm" }, told.fault) : "",
    h("p", { class: "soft small" }, t("settings.file", { n: told.file })),
    form.element, h("h2", {}, t("backups")),
    await backups("settings", (name, text) => now(told, text), () => show(main, here)));
}

// The values of now for the settings that a version has, written as it writes them.
function now(told, text) {
  const values = new Map(told.fields.map((row) => [row.name, row.value]));
  return JSON.stringify(Object.fromEntries(Object.keys(JSON.parse(text)).map((name) => [name, values.get(name)])), null, 1);
}

class Form {
  constructor(told, renew) {
    this.renew = renew;
    this.kept = draft("settings");
    this.fields = new Map();
    this.save = h("button", { class: "main", disabled: true }, t("settings.save"));
    this.note = h("p", { class: "alarm note", role: "alert" });
    const group = (name) => h("fieldset", {}, h("legend", {}, t(`settings.${name}`)),
      name === "llm" && !told.model ? h("p", { class: "soft small" }, t("settings.nomodel")) : null,
      told.fields.filter((row) => row.name.startsWith(`${name}.`)).map((row) => this.row(row)));
    this.element = h("form", { class: "sheet settings", novalidate: true, onsubmit: (event) => this.store(event) },
      GROUPS.map(group),
      h("div", { class: "actions" }, this.save, h("button", { type: "button", onclick: () => this.discard() }, t("edit.revert")), this.note));
    if (this.changed.length) this.note.append(h("span", { class: "soft" }, t("edit.draft")));
    this.typed();
    saveKey(this.element, () => this.save.disabled || this.element.requestSubmit());
  }

  discard() {
    keep("settings", {});
    return this.renew();
  }

  row(row) {
    const id = `s-${row.name.replace(".", "-")}`;
    const [title, hint, unit] = settingWords(row.name);
    const fault = h("p", { class: "alarm small", id: `${id}-fault`, role: "alert" });
    const made = control({ ...row, value: this.kept[row.name] ?? row.value }, id, () => this.typed());
    const input = Array.isArray(made) ? made[0] : made;
    this.fields.set(row.name, { input, fault, row });
    const limits = row.least !== null && row.most !== null ? t("settings.limits", { a: number(row.least), b: number(row.most) }) : "";
    return h("div", { class: "entry" },
      h("label", { for: id }, title),
      h("div", { class: "row" }, made, unit && h("span", { class: "soft" }, unit)),
      h("p", { class: "soft small", id: `${id}-hint` }, hint, " ", limits, " ", t("settings.default", { n: shown(row.default) }), " ", t(`settings.used.${row.used}`)),
      row.fixed_by ? h("p", { class: "small warm" }, t("settings.fixed", { n: row.fixed_by })) : null,
      row.waits ? h("p", { class: "small warm" }, t("settings.waits")) : null,
      fault);
  }

  get changed() {
    return [...this.fields].filter(([, { input, row }]) => value(input, row) !== row.value);
  }

  typed() {
    this.save.disabled = this.changed.length === 0;
    keep("settings", Object.fromEntries(this.changed.map(([name, { input, row }]) => [name, value(input, row)])));
  }

  async store(event) {
    event.preventDefault();
    this.note.textContent = "";
    for (const { input, fault } of this.fields.values()) {
      fault.textContent = "";
      input.removeAttribute("aria-invalid");
    }
    try {
      const answer = await send("POST", "/api/settings", Object.fromEntries(this.changed.map(([name, { input, row }]) => [name, value(input, row)])));
      await this.discard();
      toast(t("settings.saved"), false, answer.replaced.length ? [t("undo"), () => undo(answer.replaced, () => this.discard())] : null);
    } catch (error) {
      this.blame(error.message);
    }
  }

  // The message holds «[kb] top_k: ...» or «kb.top_k: ...».
  blame(message) {
    const named = message.match(/\[(\w+)\] (\w+):/) ?? message.match(/^(\w+)\.(\w+):/);
    const field = named && this.fields.get(`${named[1]}.${named[2]}`);
    if (!field) {
      this.note.textContent = message;
      return;
    }
    field.fault.textContent = message;
    field.input.setAttribute("aria-invalid", "true");
    field.input.focus();
  }
}

function control(row, id, typed) {
  const common = { id, disabled: Boolean(row.fixed_by), oninput: typed, "aria-describedby": `${id}-hint ${id}-fault` };
  if (row.type === "boolean") return h("input", { ...common, type: "checkbox", checked: row.value });
  if (row.choices.length) return h("select", common, row.choices.map((choice) => h("option", { value: choice, selected: choice === row.value }, shown(choice))));
  if (row.type === "string") {
    const field = h("input", { ...common, type: "text", value: row.value, spellcheck: "false", autocomplete: "off", list: row.suggested && `${id}-list` });
    return row.suggested ? [field, h("datalist", { id: `${id}-list` }, row.suggested.map((one) => h("option", { value: one })))] : field;
  }
  const step = row.type === "integer" ? 1 : row.most <= 2 ? 0.01 : 0.1;
  return h("input", { ...common, type: "number", value: row.value, min: row.least, max: row.most, step, required: true });
}

function value(input, row) {
  if (row.type === "boolean") return input.checked;
  if (row.type === "string") return input.value;
  return input.value.trim() === "" ? "" : Number(input.value);
}

function shown(one) {
  if (typeof one === "boolean") return t(one ? "yes" : "no");
  return one === "" ? t("settings.empty") : typeof one === "number" ? number(one) : String(one);
}
