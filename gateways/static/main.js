// The frame of the page: where we are, language, theme.
import { send, toast } from "/logs-ui/api.js";
import * as calls from "/logs-ui/calls.js";
import { h } from "/logs-ui/dom.js";
import { language, setLanguage, t } from "/logs-ui/words.js";

const VIEWS = ["calls", "live", "messages", "figures", "knowledge", "prompts", "settings", "chat", "health", "help"];
const UNDER = { call: "calls", paths: "help" };
const LOADED = { calls };
const THEMES = ["auto", "light", "dark"];
let leave = null;
let shown = 0;

function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name = "calls", ...rest] = path.split("/");
  const known = [...VIEWS, ...Object.keys(UNDER)].includes(name) ? name : "calls";
  return { name: known, rest: rest.map(decodeURIComponent), query: new URLSearchParams(query) };
}

async function show(focus = true) {
  const here = place();
  const mine = (shown += 1);
  frame(UNDER[here.name] ?? here.name);
  leave?.();
  leave = null;
  const main = document.getElementById("main");
  delete main.dataset.view;
  try {
    const view = LOADED[here.name] ?? (await import(`/logs-ui/${here.name}.js`));
    if (mine !== shown) return;
    const stop = await view.show(main, here, () => mine === shown);
    if (mine === shown) {
      leave = stop ?? null;
      main.dataset.view = here.name;
    } else stop?.();
  } catch (error) {
    if (mine !== shown || error.name === "AbortError") return;
    main.replaceChildren(h("div", { class: "empty" }, h("h2", {}, t("fault.title")), h("p", {}, error.message),
      h("p", {}, h("button", { onclick: () => (error instanceof TypeError ? location.reload() : show()) }, t("again")))));
  }
  if (focus && mine === shown) main.focus({ preventScroll: true });
}

function frame(current) {
  document.title = `${t(`nav.${current}`)} · Allo`;
  document.documentElement.lang = language();
  document.getElementById("skip").textContent = t("skip");
  const nav = document.getElementById("nav");
  nav.setAttribute("aria-label", t("nav"));
  nav.replaceChildren(
    ...VIEWS.map((name) => h("a", { href: `#/${name}`, "aria-current": name === current && "page" }, t(`nav.${name}`))),
  );
  // when the layout is made anyway: asked for here it would be made twice
  requestAnimationFrame(() => nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }));
  const theme = localStorage.getItem("theme") ?? "auto";
  document.getElementById("tools").replaceChildren(
    h("button", { class: "plain", onclick: logOut }, t("key.leave")),
    h("button", { class: "plain", onclick: turnLanguage, lang: language() === "ru" ? "en" : "ru" },
      language() === "ru" ? "English" : "Русский"),
    h("button", { class: "plain", onclick: turnTheme, "aria-label": `${t("theme")}: ${t(`theme.${theme}`)}`, title: t(`theme.${theme}`) },
      { auto: "◐", light: "○", dark: "●" }[theme]),
  );
}

async function logOut() {
  await send("DELETE", "/api/session");
  location.reload();
}

function turnLanguage() {
  setLanguage(language() === "ru" ? "en" : "ru");
  show(false);
}

function turnTheme() {
  const theme = THEMES[(THEMES.indexOf(localStorage.getItem("theme") ?? "auto") + 1) % THEMES.length];
  localStorage.setItem("theme", theme);
  paint();
  frame(UNDER[place().name] ?? place().name);
}

function paint() {
  document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "auto";
  dispatchEvent(new Event("repaint"));
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
addEventListener("hashchange", () => show());
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError") return;
  toast(event.reason?.message ?? String(event.reason), true);
});
// The address that Allo prints at its first start has the key in it: it is given once and taken out of the address.
async function enter() {
  const { name, query } = place();
  const key = query.get("key");
  if (!key) return;
  history.replaceState(null, "", `#/${name}`);
  calls.askAnew();
  await send("POST", "/api/session", { key }).catch((error) => toast(error.message, true));
}

paint();
enter().then(() => show(false));
