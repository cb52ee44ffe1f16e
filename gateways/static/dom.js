// Elements, dates and numbers; text always goes in as text, never as HTML.
import { language, t } from "/logs-ui/words.js";

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const when = (iso) =>
  new Date(iso).toLocaleString(language(), { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export const whenFull = (iso) => new Date(iso).toLocaleString(language(), { dateStyle: "long", timeStyle: "medium" });

export const clock = (iso) => new Date(iso).toLocaleTimeString(language());

export function length(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.round(seconds);
  const minutes = String(Math.floor(whole / 60) % 60);
  const hours = Math.floor(whole / 3600);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${minutes.padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export const number = (value) => Number(value).toLocaleString(language());

export const status = (name) => h("span", { class: `status ${name}` }, t(`status.${name}`));

export const base = (source) => source && h("span", { class: "base" }, `[${source}]`);

export const empty = (title, ...text) => h("div", { class: "empty" }, h("h2", {}, title), ...text.map((part) => h("p", {}, part)));

// What was heard, and struck through what was said and not heard.
export function spoken(said, heard) {
  if (heard === null || heard === undefined || said === heard) return [said];
  if (!said.startsWith(heard)) return [heard || h("del", {}, said)];
  return [heard, h("del", {}, said.slice(heard.length), h("span", { class: "quiet" }, ` (${t("call.unheard")})`))];
}
