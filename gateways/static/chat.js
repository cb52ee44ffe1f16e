// Ask the agent in writing; it answers from the same knowledge as on the phone.
import { get } from "/logs-ui/api.js";
import { base, h } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

export async function show(main) {
  await get("/api/settings"); // asks for the key where one is needed: a WebSocket can't
  const words = h("div", { class: "chat", role: "log", "aria-label": t("call.dialogue"), tabindex: 0 }, h("p", { class: "soft" }, t("chat.hint")));
  const field = h("input", { type: "search", id: "ask", "aria-label": t("chat.field"), placeholder: t("chat.field"), maxlength: 2000, autocomplete: "off" });
  const button = h("button", { class: "main" }, t("chat.send"));
  const state = { socket: null, answer: null, waiting: [] };
  const say = (...parts) => {
    const line = h("p", {}, ...parts);
    words.append(line);
    words.scrollTop = words.scrollHeight;
    return line;
  };
  const take = (news) => {
    if (news.done) {
      state.answer = null;
      return;
    }
    state.answer ??= say();
    state.answer.append(news.text, " ", base(news.source) || "", " ");
    if (news.action) state.answer.append(h("span", { class: "soft small" }, t(`chat.${news.action}`)));
    words.scrollTop = words.scrollHeight;
  };
  const open = () => {
    state.socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws?format=json&callerId=page`);
    state.socket.onopen = () => state.waiting.splice(0).forEach((text) => state.socket.send(text));
    state.socket.onmessage = (event) => take(JSON.parse(event.data));
    state.socket.onclose = () => {
      if (state.left || !state.waiting.length) return;
      state.waiting = [];
      say(h("span", { class: "alarm" }, t("fault.away")));
    };
  };
  const ask = (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    say(text).className = "caller";
    field.value = "";
    if (state.socket?.readyState === WebSocket.OPEN) state.socket.send(text);
    else {
      state.waiting.push(text);
      open();
    }
  };
  main.replaceChildren(h("h1", {}, t("nav.chat")), words, h("form", { class: "ask", onsubmit: ask }, field, button));
  return () => {
    state.left = true;
    state.socket?.close();
  };
}
