// Calls in progress, by server-sent events; the browser reconnects by itself and begins with the whole picture.
import { ask, confirm, get, send, toast } from "/logs-ui/api.js";
import { base, empty, h, length, number, spoken } from "/logs-ui/dom.js";
import { Ear } from "/logs-ui/ear.js";
import { t } from "/logs-ui/words.js";

const STAY_MS = 8000;

export async function show(main) {
  await get("/logs?per_page=1"); // asks for the key where one is needed: an event stream can't
  const view = new Live(main);
  return () => view.stop();
}

class Live {
  constructor(main) {
    this.cards = new Map();
    this.link = h("span", { class: "link", role: "status" }, t("live.off"));
    this.grid = h("div", { class: "cards" });
    this.none = empty(t("live.none"), t("live.none.text"));
    main.replaceChildren(h("div", { class: "head" }, h("h1", {}, t("nav.live")), this.link), this.grid, this.none);
    this.stream = new EventSource("/api/live");
    this.stream.onopen = () => this.linked(true);
    this.stream.onerror = () => this.linked(false);
    this.stream.onmessage = (event) => this.take(JSON.parse(event.data));
    this.clock = setInterval(() => this.cards.forEach((card) => card.tick()), 1000);
  }

  stop() {
    this.stream.close();
    clearInterval(this.clock);
    this.cards.forEach((card) => card.deaf());
  }

  linked(on) {
    this.link.classList.toggle("on", on);
    this.link.textContent = t(on ? "live.on" : "live.off");
    if (!on && this.stream.readyState === EventSource.CLOSED) {
      // refused, for instance while the daemon starts: try until it is there
      setTimeout(() => ask("/api/session").finally(() => dispatchEvent(new HashChangeEvent("hashchange"))).catch(() => undefined), 2000);
    }
  }

  take(news) {
    if (news.calls) {
      const known = new Set(news.calls.map((call) => call.id));
      for (const id of [...this.cards.keys()]) if (!known.has(id)) this.drop(id);
      for (const call of news.calls) this.put(call);
    } else if (news.call) this.put(news.call);
    else if (news.ended) this.end(news.id);
    else this.cards.get(news.id)?.change(news);
    this.none.hidden = this.cards.size > 0;
  }

  put(call) {
    this.cards.get(call.id)?.deaf();
    const card = new Card(call);
    this.cards.get(call.id)?.element.replaceWith(card.element) ?? this.grid.append(card.element);
    if (!card.element.isConnected) this.grid.append(card.element);
    this.cards.set(call.id, card);
    card.draw();
  }

  end(id) {
    this.cards.get(id)?.end();
    setTimeout(() => {
      this.drop(id);
      this.none.hidden = this.cards.size > 0;
    }, STAY_MS);
  }

  drop(id) {
    this.cards.get(id)?.deaf();
    this.cards.get(id)?.element.remove();
    this.cards.delete(id);
  }
}

class Card {
  constructor(call) {
    this.call = call;
    this.ear = null;
    this.began = Date.parse(call.started_at);
    this.turn = h("p", { class: "turn", role: "status" });
    this.words = h("div", { class: "words", role: "log", tabindex: 0, "aria-label": t("call.dialogue") });
    this.partial = h("p", { class: "caller partial", "aria-hidden": "true" });
    this.lag = h("span", { class: "lag soft small" });
    this.time = h("span", { class: "soft num" });
    const open = h("a", { class: "button", href: `#/call/${encodeURIComponent(call.id)}` }, t("live.open"));
    this.listening = h("button", { "aria-pressed": "false", onclick: () => this.listen() }, t("live.listen"));
    this.buttons = [
      this.listening,
      h("button", { onclick: () => this.act("transfer") }, t("live.transfer")),
      h("button", { class: "bad", onclick: () => this.hangUp() }, t("live.hangup")),
    ];
    this.element = h("section", { class: "card", "aria-label": call.number },
      h("header", {}, h("h2", {}, call.number || t(call.line === "page" ? "calls.page" : "calls.withheld")), h("span", { class: "soft small" }, call.line), this.time),
      this.turn, this.words, h("footer", {}, this.lag, open, this.buttons));
    this.words.append(this.partial);
    this.lines = [];
  }

  draw() {
    this.call.lines.forEach((line, place) => this.line(place, line));
    this.change({ set: this.call });
    this.tick();
  }

  tick() {
    if (!this.over) this.time.textContent = length(Math.max(0, (Date.now() - this.began) / 1000));
  }

  change(news) {
    if (news.said) this.line(news.at, news.said);
    const set = news.set ?? {};
    if (set.state) {
      this.turn.textContent = t(`live.${set.state}`);
      this.turn.className = `turn ${set.state}`;
    }
    if (set.partial !== undefined) this.partial.textContent = set.partial;
    if (set.latency_ms !== undefined && set.latency_ms !== null) this.lag.textContent = t("live.lag", { n: number(set.latency_ms) });
    this.words.scrollTop = this.words.scrollHeight;
  }

  line(place, line) {
    const element = h("p", { class: line.who }, line.who === "agent" ? spoken(line.text, line.heard) : line.text, " ", base(line.source));
    if (this.lines[place]) this.lines[place].replaceWith(element);
    else this.partial.before(element);
    this.lines[place] = element;
  }

  listen() {
    const on = !this.ear;
    if (on) this.ear = new Ear(this.call.id, () => this.deaf());
    else this.deaf();
    this.listening.setAttribute("aria-pressed", String(on));
  }

  deaf() {
    this.ear?.close();
    this.ear = null;
    this.listening.setAttribute("aria-pressed", "false");
  }

  end() {
    this.over = true;
    this.turn.textContent = t("live.over");
    this.turn.className = "turn soft";
    this.partial.textContent = "";
    for (const button of this.buttons) button.disabled = true;
  }

  async hangUp() {
    if (await confirm(t("live.hangup.title"), t("live.hangup.text"), t("live.hangup"))) await this.act("hangup");
  }

  async act(what) {
    try {
      await send("POST", `/api/live/${encodeURIComponent(this.call.id)}/${what}`);
    } catch (error) {
      toast(error.message, true);
    }
  }
}
