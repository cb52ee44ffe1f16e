// Requests to the daemon: JSON in and out, problems as errors, the key asked for once.
import { h } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

let asking = null;

export class Fault extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export async function ask(path, options = {}) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Fault(0, t("fault.away"));
  }
  if (reply.status === 401 && !options.noKey) {
    await giveKey();
    return ask(path, options);
  }
  if (!reply.ok && reply.status !== 304 && !options.any) throw new Fault(reply.status, await reason(reply));
  return reply;
}

export const get = async (path, options) => (await ask(path, options)).json();

export const send = async (method, path, body) =>
  (
    await ask(path, {
      method,
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    })
  ).json();

async function reason(reply) {
  try {
    return (await reply.json()).detail;
  } catch {
    return `${reply.status} ${reply.statusText}`;
  }
}

// `action`: [label, what it does], such as undoing what the text tells of; then it stays longer.
export function toast(text, bad = false, action = null) {
  const note = h("div", { class: bad ? "toast bad" : "toast", role: bad ? "alert" : undefined, onclick: () => note.remove() }, text);
  const press = () => {
    note.remove();
    action[1]();
  };
  if (action) note.append(" ", h("button", { class: "plain", onclick: press }, action[0]));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), action ? 20000 : bad ? 9000 : 4500);
}

// A question with a way back; true when the person says yes.
export function confirm(title, text, yes) {
  return open(title, (done) => [
    h("p", {}, text),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", autofocus: true, onclick: () => done(false) }, t("cancel")),
      h("button", { type: "button", class: "main bad", onclick: () => done(true) }, yes),
    ),
  ]);
}

// A dialogue whose parts `build(done)` makes; what `done` was called with, false when it was closed.
export function open(title, build) {
  const dialog = document.getElementById("dialog");
  return new Promise((resolve) => {
    const done = (value) => {
      dialog.onclose = null;
      dialog.close();
      resolve(value);
    };
    dialog.replaceChildren(h("h2", { id: "dialog-title" }, title), ...build(done));
    // told a moment later: of a dialogue before, when this one is open already
    dialog.onclose = () => dialog.open || resolve(false);
    dialog.showModal();
  });
}

export function giveKey() {
  asking ??= keyDialog().finally(() => {
    asking = null;
  });
  return asking;
}

async function keyDialog() {
  for (let wrong = ""; ; ) {
    const field = h("input", { type: "password", id: "key", autocomplete: "current-password", required: true });
    const given = await open(t("key.title"), (done) => [
      h("p", { class: "soft" }, t("key.text")),
      h(
        "form",
        {
          onsubmit: (event) => {
            event.preventDefault();
            done(field.value);
          },
        },
        h("label", { for: "key" }, t("key.label")),
        field,
        h("p", { class: "alarm", role: "alert" }, wrong),
        h("div", { class: "row" }, h("button", { class: "main" }, t("key.enter"))),
      ),
    ]);
    if (given === false) throw new Fault(401, t("key.needed"));
    const reply = await ask("/api/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key: given }),
      noKey: true,
      any: true,
    });
    if (reply.ok) return;
    wrong = reply.status === 401 ? t("key.wrong") : await reason(reply);
  }
}
