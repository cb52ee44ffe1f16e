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

// Making a formatter costs as much as a row of the table: each is made once.
const formatters = new Map();

function formatted(kind, options, value, Format = Intl.DateTimeFormat) {
  const key = `${kind} ${language()}`;
  if (!formatters.has(key)) formatters.set(key, new Format(language(), options));
  return formatters.get(key).format(value);
}

export const when = (iso) =>
  formatted("when", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }, new Date(iso));

export const whenFull = (iso) => formatted("full", { dateStyle: "long", timeStyle: "medium" }, new Date(iso));

export const clock = (iso) => formatted("clock", { timeStyle: "medium" }, new Date(iso));

export function length(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.round(seconds);
  const minutes = String(Math.floor(whole / 60) % 60);
  const hours = Math.floor(whole / 3600);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${minutes.padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export const number = (value) => formatted("number", {}, Number(value), Intl.NumberFormat);

export const status = (name) => h("span", { class: `status ${name}` }, t(`status.${name}`));

export const base = (source) => source && h("span", { class: "base" }, `[${source}]`);

export const empty = (title, ...text) => h("div", { class: "empty" }, h("h2", {}, title), ...text.map((part) => h("p", {}, part)));

// What was heard, and struck through what was said and not heard.
export function spoken(said, heard) {
  if (heard === null || heard === undefined || said === heard) return [said];
  if (!said.startsWith(heard)) return [heard || h("del", {}, said)];
  return [heard, h("del", {}, said.slice(heard.length), h("span", { class: "quiet" }, ` (${t("call.unheard")})`))];
}
