// Try the agent: speak with it, or ask in writing; it answers from the same knowledge as on the phone.
import { get } from "/logs-ui/api.js";
import { base, h, number, spoken } from "/logs-ui/dom.js";
import { Keypad, volume } from "/logs-ui/keypad.js";
import { Talk } from "/logs-ui/talk.js";
import { t } from "/logs-ui/words.js";

export async function show(main) {
  await get("/api/settings"); // asks for the key where one is needed: a WebSocket can't
  const words = h("div", { class: "chat", role: "log", "aria-label": t("call.dialogue"), tabindex: 0 }, h("p", { class: "soft" }, t("chat.hint")));
  const say = (...parts) => {
    const line = h("p", {}, ...parts);
    words.append(line);
    words.scrollTop = words.scrollHeight;
    return line;
  };
  const voice = new Voice(words, say);
  const writing = new Writing(say);
  main.replaceChildren(h("h1", {}, t("nav.chat")), h("div", { class: "try" }, h("section", {}, voice.element, words, writing.element), voice.beside));
  return () => {
    voice.stop();
    writing.stop();
  };
}

class Voice {
  constructor(words, say) {
    this.words = words;
    this.say = say;
    this.button = h("button", { class: "main", onclick: () => (this.talk ? this.talk.hangUp() : this.begin()) }, t("talk.begin"));
    this.level = h("meter", { min: 0, max: 1, low: 0.02, "aria-label": t("talk.level"), hidden: true });
    this.state = h("span", { class: "turn soft", role: "status" }, t("talk.hint"));
    this.lag = h("span", { class: "lag soft small" });
    this.keys = new Keypad((key) => this.talk?.press(key));
    this.fault = h("p", { class: "alarm note", role: "alert" });
    this.element = h("div", {}, h("div", { class: "talking" }, this.button, this.level, this.state, this.lag), this.fault);
    this.beside = h("aside", { class: "beside", "aria-label": t("talk.keys") }, this.keys.element, volume((loud) => this.talk?.loud(loud)));
  }

  async begin() {
    const talk = (this.talk = new Talk((news) => this.take(news)));
    this.fault.textContent = "";
    this.lines = [];
    this.partial = null;
    this.button.textContent = t("talk.end");
    this.button.className = "bad";
    this.tell("talk.rings");
    try {
      await talk.start();
    } catch (error) {
      this.rest("talk.hint");
      this.fault.textContent = error.message; // it stays: the way out is outside of this page
    }
  }

  rest(state) {
    this.talk = null;
    this.button.textContent = t("talk.begin");
    this.button.className = "main";
    this.level.hidden = true;
    this.keys.show(false);
    this.tell(state);
  }

  tell(state) {
    this.state.textContent = t(state);
    this.state.className = `turn ${state.replace("live.", "")}`;
  }

  take({ call, level, ended, news }) {
    if (call) {
      this.level.hidden = false;
      this.keys.show(true);
    }
    if (level !== undefined) this.level.value = level;
    if (news) this.show(news);
    if (!ended) return;
    this.rest(`talk.ended.${ended}`);
    const id = this.id;
    if (id) this.say(h("a", { href: `#/call/${encodeURIComponent(id)}` }, t("talk.open")));
  }

  show(news) {
    if (news.call) {
      this.id = news.call.id;
      news.call.lines.forEach((line, place) => this.line(place, line));
      this.set(news.call);
    }
    if (news.said) this.line(news.at, news.said);
    if (news.set && this.talk) this.set(news.set);
  }

  set(set) {
    if (set.state) this.tell(`live.${set.state}`);
    if (set.latency_ms) this.lag.textContent = t("live.lag", { n: number(set.latency_ms) });
    if (set.partial === undefined) return;
    this.partial ??= this.say();
    this.partial.className = "caller partial";
    this.partial.textContent = set.partial;
    if (set.partial) this.words.append(this.partial);
    this.words.scrollTop = this.words.scrollHeight;
  }

  line(place, line) {
    const element = h("p", { class: line.who }, line.who === "agent" ? spoken(line.text, line.heard) : line.text, " ", base(line.source));
    if (this.lines[place]) this.lines[place].replaceWith(element);
    else this.words.append(element);
    this.lines[place] = element;
    this.words.scrollTop = this.words.scrollHeight;
  }

  stop() {
    this.talk?.hangUp();
  }
}

class Writing {
  constructor(say) {
    this.say = say;
    this.waiting = [];
    this.field = h("input", { type: "search", id: "ask", "aria-label": t("chat.field"), placeholder: t("chat.field"), maxlength: 2000, autocomplete: "off" });
    this.element = h("form", { class: "ask", onsubmit: (event) => this.ask(event) }, this.field, h("button", { class: "main" }, t("chat.send")));
  }

  take(news) {
    if (news.done) {
      this.answer = null;
      return;
    }
    this.answer ??= this.say();
    this.answer.append(news.text, " ", base(news.source) || "", " ");
    if (news.action) this.answer.append(h("span", { class: "soft small" }, t(`chat.${news.action}`)));
    this.answer.parentElement.scrollTop = this.answer.parentElement.scrollHeight;
  }

  open() {
    this.socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws?format=json&callerId=page`);
    this.socket.onopen = () => this.waiting.splice(0).forEach((text) => this.socket.send(text));
    this.socket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket.onclose = () => {
      if (this.left || !this.waiting.length) return;
      this.waiting = [];
      this.say(h("span", { class: "alarm" }, t("fault.away")));
    };
  }

  ask(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (!text) return;
    this.say(text).className = "caller";
    this.field.value = "";
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
    else {
      this.waiting.push(text);
      this.open();
    }
  }

  stop() {
    this.left = true;
    this.socket?.close();
  }
}
