// The GSM lines: text messages by number, answers to them, codes of the network, call-backs that wait.
import { confirm, get, send, toast } from "/logs-ui/api.js";
import { empty, h, number, when, whenFull } from "/logs-ui/dom.js";
import "/logs-ui/message_words.js";
import { signal } from "/logs-ui/signal.js";
import { t } from "/logs-ui/words.js";

const COUNT = 200;
const EVERY_MS = 4000;
const TYPING_MS = 150;
const CODE = "*100#";

export async function show(main, here, current) {
  const view = new Messages(main, here.query.get("q") ?? "");
  if (!(await view.load()) || !current()) return undefined;
  const timer = setInterval(() => document.hidden || view.load().catch(() => undefined), EVERY_MS);
  return () => clearInterval(timer);
}

class Messages {
  constructor(main, words) {
    this.main = main;
    this.lines = h("div", { class: "lines" });
    this.cards = new Map();
    this.search = h("input", { type: "search", class: "search", value: words, maxlength: 100, "aria-label": t("messages.search"),
      placeholder: t("messages.search"), oninput: () => this.typed() });
    this.threads = h("div", { class: "threads" });
    this.backs = h("section", {});
    this.form = new Writing(() => this.load());
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const words = this.search.value.trim();
      history.replaceState(null, "", words ? `#/messages?${new URLSearchParams({ q: words })}` : "#/messages");
      this.load();
    }, TYPING_MS);
  }

  // false: there is no GSM line
  async load() {
    const words = this.search.value.trim();
    const told = await get(`/api/modems?${new URLSearchParams({ count: COUNT, q: words })}`);
    if (!Object.keys(told.lines).length) {
      this.main.replaceChildren(h("h1", {}, t("nav.messages")), empty(t("messages.none"), t("messages.none.text"),
        h("code", {}, "ALLO_MODEM__ENABLED=true make run"), t("messages.none.try"), h("code", {}, "allo modem simulate")));
      return false;
    }
    if (!this.threads.isConnected) {
      this.main.replaceChildren(h("h1", {}, t("nav.messages")), this.lines,
        h("div", { class: "letters" }, h("section", {}, h("div", { class: "filters" }, this.search), this.threads), h("aside", {}, this.form.element, this.backs)));
    }
    const same = JSON.stringify([told, words]);
    if (same !== this.last) this.draw(told, words);
    this.last = same;
    return true;
  }

  draw({ lines, signal: samples, messages, call_backs: backs }, words) {
    for (const [name, line] of Object.entries(lines)) {
      if (!this.cards.has(name)) {
        this.cards.set(name, new Line(name));
        this.lines.append(this.cards.get(name).element);
      }
      this.cards.get(name).draw(line, samples[name] ?? []);
    }
    this.form.offer(Object.keys(lines));
    this.threads.replaceChildren(...this.byNumber(messages, words));
    this.drawBacks(backs);
  }

  byNumber(messages, words) {
    const threads = new Map();
    for (const message of [...messages].reverse()) {
      if (!threads.has(message.number)) threads.set(message.number, []);
      threads.get(message.number).unshift(message);
    }
    if (!threads.size) return [words ? empty(t("calls.nothing"), t("calls.nothing.text")) : empty(t("messages.empty"), t("messages.empty.text"))];
    return [...threads].map(([from, found]) => this.thread(from, found));
  }

  thread(from, found) {
    return h("section", { class: "thread", "aria-label": from },
      h("header", {}, h("h2", {}, from),
        h("a", { class: "small", href: `#/calls?${new URLSearchParams({ q: from })}` }, t("messages.calls")),
        /^\+?\d{3,}$/.test(from) && h("button", { class: "push", onclick: () => this.form.answer(from) }, t("messages.answer"))),
      h("ol", {}, found.map((message) => h("li", { class: message.way },
        h("p", { class: "text" }, message.text),
        h("p", { class: "soft small" }, t(`messages.${message.way}`), " · ", h("time", { datetime: message.at, title: whenFull(message.at) }, when(message.at)),
          message.state === "failed" && h("span", { class: "alarm" }, ` · ${t("messages.failed")}`))))));
  }

  drawBacks(rows) {
    const waiting = rows.filter((row) => row.state === "waiting");
    const over = rows.filter((row) => row.state !== "waiting").slice(-10).reverse();
    const line = (row) => h("li", {}, h("div", { class: "row" },
      h("span", { class: "grow" }, h("b", {}, row.number), " ", h("time", { class: "soft", datetime: row.due }, when(row.due)),
        row.why && h("span", { class: "reason small" }, row.why),
        (row.state !== "waiting" || row.tries > 0) && h("span", { class: "reason soft small" }, t(`back.${row.state}`, { n: number(row.tries) }), row.note ? `: ${row.note}` : "")),
      row.state === "waiting" && h("button", { class: "bad", onclick: () => this.cancel(row) }, t("back.cancel"))));
    this.backs.replaceChildren(h("h2", {}, t("back.title")),
      waiting.length ? h("ul", { class: "rows" }, waiting.map(line)) : h("p", { class: "soft" }, t("back.none")),
      over.length ? h("details", {}, h("summary", { class: "soft" }, t("back.over", { n: number(over.length) })), h("ul", { class: "rows" }, over.map(line))) : "");
  }

  async cancel(row) {
    if (!(await confirm(t("back.cancel.title"), t("back.cancel.text", { n: row.number }), t("back.cancel")))) return;
    await send("DELETE", `/api/call-backs/${encodeURIComponent(row.id)}`);
    toast(t("back.cancelled.toast"));
    await this.load();
  }
}

class Line {
  constructor(name) {
    this.name = name;
    this.state = h("p", { role: "status" });
    this.plot = h("div", {});
    this.counts = h("p", { class: "soft small" });
    this.code = h("input", { type: "text", id: `code-${name}`, value: localStorage.getItem("ussd") ?? CODE, maxlength: 30, inputmode: "tel" });
    this.press = h("button", {}, t("messages.ask"));
    this.said = h("p", { class: "said-code", role: "status" });
    this.element = h("section", { class: "card", "aria-label": name }, h("header", {}, h("h2", {}, name)), this.state, this.plot, this.counts,
      h("form", { class: "code", onsubmit: (event) => this.ask(event) }, h("label", { for: `code-${name}` }, t("messages.code")), h("div", { class: "row" }, this.code, this.press)), this.said);
  }

  draw(line, samples) {
    const up = line.on_air;
    this.state.replaceChildren(h("span", { class: `status ${up ? "completed" : "failed"}` }, line.state));
    this.plot.replaceChildren(signal(samples, line.signal_dbm));
    this.counts.textContent = t("messages.counts", { i: number(line.messages_in), o: number(line.messages_out), c: number(line.calls_in) });
    this.press.disabled = this.waiting || !up;
  }

  async ask(event) {
    event.preventDefault();
    localStorage.setItem("ussd", this.code.value);
    this.waiting = this.press.disabled = true;
    this.said.className = "said-code soft";
    this.said.textContent = t("messages.asking");
    try {
      this.said.textContent = (await send("POST", `/api/modems/${this.name}/code`, { code: this.code.value.trim() })).text || t("messages.silent");
      this.said.className = "said-code";
    } catch (error) {
      this.said.className = "said-code alarm";
      this.said.textContent = error.message;
    }
    this.waiting = this.press.disabled = false;
  }
}

class Writing {
  constructor(sent) {
    this.sent = sent;
    this.number = h("input", { type: "text", id: "sms-number", inputmode: "tel", autocomplete: "off", required: true, pattern: "\\+?[0-9]{3,20}", placeholder: "+79161234567" });
    this.text = h("textarea", { id: "sms-text", rows: 3, required: true, maxlength: 1000, oninput: () => this.count() });
    this.line = h("select", { id: "sms-line" });
    this.which = h("div", { hidden: true }, h("label", { for: "sms-line" }, t("messages.line")), this.line);
    this.parts = h("span", { class: "soft small" });
    this.press = h("button", { class: "main" }, t("messages.send"));
    this.fault = h("p", { class: "alarm note", role: "alert" });
    this.element = h("form", { onsubmit: (event) => this.store(event) }, h("h2", {}, t("messages.write")),
      this.which, h("label", { for: "sms-number" }, t("messages.to")), this.number, h("label", { for: "sms-text" }, t("messages.text")), this.text,
      h("div", { class: "row actions" }, this.press, this.parts), this.fault);
    this.count();
  }

  offer(names) {
    if (this.line.options.length !== names.length) this.line.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    this.which.hidden = names.length < 2;
  }

  answer(to) {
    this.number.value = to;
    this.text.focus();
  }

  // GSM 03.38 has no Cyrillic: then a part holds 70 letters, of several 67.
  count() {
    const text = this.text.value;
    const wide = /[^\n\r -~£¥§¿¡äöñüàèéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉÄÖÑÜ¤]|[`]/.test(text);
    const [one, many] = wide ? [70, 67] : [160, 153];
    const parts = text.length <= one ? 1 : Math.ceil(text.length / many);
    this.parts.textContent = text ? t("messages.parts", { n: number(text.length), p: number(parts) }) : "";
  }

  async store(event) {
    event.preventDefault();
    this.fault.textContent = "";
    this.press.disabled = true;
    try {
      await send("POST", `/api/modems/${this.line.value}/messages`, { number: this.number.value.trim(), text: this.text.value });
      this.text.value = "";
      this.count();
      toast(t("messages.sent"));
    } catch (error) {
      this.fault.textContent = error.message;
    }
    this.press.disabled = false;
    await this.sent();
  }
}
