// The table of calls: search as you type, filters, order, pages, CSV, deletion. Its state stands in the address.
import { confirm, get, send, toast } from "/logs-ui/api.js";
import { base, empty, h, length, number, status, when } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

const STATUSES = ["completed", "transferred", "failed", "abandoned", "active"];
const PRESETS = ["all", "today", "yesterday", "week"];
const PER_PAGE = 50;
const COUNTED = 1000;
const TYPING_MS = 120;
const REFRESH_MS = 10000;
const ASKED_MS = 3000;

let asked = true;

// What the head of the page asked for was answered before the key was given: it is asked for anew.
export function askAnew() {
  asked = false;
}

export async function show(main, here) {
  const state = { q: "", status: "", days: "", from: "", to: "", sort: "-started", page: "1" };
  for (const name of Object.keys(state)) state[name] = here.query.get(name) ?? state[name];
  const view = new Table(main, state);
  const refresh = setInterval(() => document.hidden || view.load(true), REFRESH_MS);
  await view.load();
  return () => {
    clearInterval(refresh);
    view.asking?.abort();
  };
}

class Table {
  constructor(main, state) {
    this.state = state;
    this.asking = null;
    this.total = 0;
    this.search = h("input", {
      type: "search", class: "search", id: "q", placeholder: t("calls.search"), "aria-label": t("calls.search"),
      value: state.q, maxlength: 200, oninput: () => this.typed(),
    });
    this.filters = h("div", { class: "filters" });
    this.found = h("p", { class: "soft small found", "aria-live": "polite" });
    this.body = h("div", { class: "calls" });
    this.pager = h("nav", { class: "pager" });
    this.remove = h("button", { class: "bad", onclick: () => this.clear() }, t("calls.delete"));
    this.csv = h("a", { class: "button", download: "call_logs.csv" }, t("calls.csv"));
    main.replaceChildren(
      h("div", { class: "head" }, h("h1", {}, t("nav.calls")), h("div", { class: "push" }, this.csv, this.remove)),
      h("div", { class: "filters" }, this.search),
      this.filters, this.found, this.body, this.pager,
    );
    this.drawFilters();
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.turn({ q: this.search.value.trim(), page: "1" }), TYPING_MS);
  }

  turn(changes) {
    Object.assign(this.state, changes);
    const query = new URLSearchParams(Object.entries(this.state).filter(([, value]) => value));
    if (query.get("sort") === "-started") query.delete("sort");
    if (query.get("page") === "1") query.delete("page");
    history.replaceState(null, "", query.size ? `#/calls?${query}` : "#/calls");
    this.drawFilters();
    return this.load();
  }

  drawFilters() {
    const chip = (on, text, press) => h("button", { type: "button", "aria-pressed": String(on), onclick: press }, text);
    const chosen = new Set(this.state.status.split(",").filter(Boolean));
    const flip = (name) => {
      if (!chosen.delete(name)) chosen.add(name);
      this.turn({ status: [...chosen].join(","), page: "1" });
    };
    const day = (name) => h("input", {
      type: "date", "aria-label": t(`dates.${name}`), value: this.state[name],
      onchange: (event) => this.turn({ [name]: event.target.value, days: "", page: "1" }),
    });
    const focus = document.activeElement?.textContent;
    const held = this.filters.contains(document.activeElement);
    this.filters.replaceChildren(
      h("div", { class: "chips", role: "group", "aria-label": t("calls.status") },
        STATUSES.map((name) => chip(chosen.has(name), t(`status.${name}`), () => flip(name)))),
      h("div", { class: "chips", role: "group", "aria-label": t("calls.dates") },
        PRESETS.map((name) => chip((this.state.days || (this.state.from || this.state.to ? "" : "all")) === name, t(`dates.${name}`),
          () => this.turn({ days: name === "all" ? "" : name, from: "", to: "", page: "1" })))),
      h("div", { class: "dates" }, day("from"), "–", day("to")),
    );
    if (held) [...this.filters.querySelectorAll("button")].find((button) => button.textContent === focus)?.focus();
  }

  query() {
    const { q, status: only } = this.state;
    const [from, to] = span(this.state);
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ q, status: only, date_from: from, date_to: to })) if (value) query.set(name, value);
    return query;
  }

  async load(quietly = false) {
    this.asking?.abort();
    const mine = (this.asking = new AbortController());
    const query = this.query();
    this.csv.href = `/logs/csv?${query}`;
    // the head of the page has asked for the newest calls already, under exactly the first of these addresses; an
    // answer of then must not be taken for one of now
    const parts = [["sort", this.state.sort], ["page", this.state.page], ["per_page", PER_PAGE]];
    for (const [name, value] of asked && performance.now() < ASKED_MS ? parts : parts.reverse()) query.set(name, value);
    if (!quietly) this.body.setAttribute("aria-busy", "true");
    try {
      const answer = await get(`/logs?${query}`, { signal: mine.signal });
      const same = JSON.stringify(answer) === this.last;
      this.last = JSON.stringify(answer);
      if (!quietly || !same) this.draw(answer);
    } catch (error) {
      if (error.name !== "AbortError" && !quietly) throw error;
    } finally {
      if (mine === this.asking) this.body.removeAttribute("aria-busy");
    }
  }

  draw({ calls, total }) {
    this.total = total;
    const filtered = this.query().size > 0;
    const many = this.state.q && total > COUNTED;
    const short = this.state.q && !/[\p{L}\d]{3}/u.test(this.state.q) && !/^\d+$/.test(this.state.q);
    this.found.textContent = short ? t("calls.short") : total === 0 ? "" : t("calls.found", { n: many ? t("calls.more", { n: number(COUNTED) }) : number(total) });
    this.remove.disabled = total === 0;
    if (calls.length) this.body.replaceChildren(this.table(calls));
    else if (filtered) {
      this.body.replaceChildren(empty(t("calls.nothing"), t("calls.nothing.text"),
        h("button", { onclick: () => { this.search.value = ""; this.turn({ q: "", status: "", days: "", from: "", to: "", page: "1" }); } }, t("calls.unfilter"))));
    } else this.body.replaceChildren(empty(t("calls.none"), t("calls.none.text"), h("code", {}, "make demo")));
    this.drawPager(calls.length, total);
  }

  table(calls) {
    const head = (name, text, kind) => {
      const down = this.state.sort === `-${name}`;
      const on = down || this.state.sort === name;
      return h("th", { scope: "col", class: kind, "aria-sort": on && (down ? "descending" : "ascending") },
        h("button", { onclick: () => this.turn({ sort: down ? name : `-${name}`, page: "1" }) }, text));
    };
    return h("table", {},
      h("thead", {}, h("tr", {}, head("started", t("calls.when")), head("number", t("calls.who")),
        h("th", { scope: "col" }, t("calls.question")), head("status", t("calls.status")), head("seconds", t("calls.long"), "num"))),
      h("tbody", {}, calls.map(row)));
  }

  drawPager(shown, total) {
    const page = Number(this.state.page);
    const last = total > COUNTED && this.state.q ? shown < PER_PAGE : page * PER_PAGE >= total;
    const go = (to) => () => this.turn({ page: String(to) }).then(() => scrollTo({ top: 0 }));
    this.pager.replaceChildren(...(page === 1 && last ? [] : [
      h("button", { disabled: page === 1, onclick: go(page - 1) }, t("page.before")),
      h("span", { class: "soft" }, t("page.of", { n: number(page) })),
      h("button", { disabled: last, onclick: go(page + 1) }, t("page.after"))]));
    this.pager.setAttribute("aria-label", t("page.of", { n: page }));
  }

  async clear() {
    const many = this.state.q && this.total > COUNTED ? t("calls.more", { n: number(COUNTED) }) : number(this.total);
    if (!(await confirm(t("calls.delete.title"), t("calls.delete.text", { n: many }), t("calls.delete")))) return;
    this.remove.disabled = true;
    try {
      toast(t("calls.deleted", { n: number((await send("DELETE", `/logs?${this.query()}`)).deleted) }));
    } finally {
      await this.turn({ page: "1" });
    }
  }
}

function row(call) {
  const link = `#/call/${encodeURIComponent(call.id)}`;
  const open = (event) => event.target.closest("a") || getSelection().toString() || (location.hash = link);
  return h("tr", { onclick: open },
    h("td", { class: "when" }, h("time", { datetime: call.started_at }, when(call.started_at))),
    h("td", { class: "who" }, h("a", { href: link }, call.number || t(call.line === "page" ? "calls.page" : "calls.withheld"))),
    h("td", { class: "question" },
      call.excerpt ? found(call.excerpt) : call.question || h("span", { class: "soft" }, t("calls.silent")), " ",
      call.sources.map((source) => [base(source), " "])),
    h("td", { class: "state" }, status(call.status)),
    h("td", { class: "long num" }, length(call.seconds)));
}

// What was found stands between two control characters.
function found(text) {
  return text.split("\u0001").flatMap((part, place) => {
    if (place === 0) return [part];
    const [hit, rest = ""] = part.split("\u0002");
    return [h("mark", {}, hit), rest];
  });
}

function span({ days, from, to }) {
  const start = new Date();
  start.setHours(0, 0, 0, 0);
  const end = new Date(start);
  end.setDate(end.getDate() + 1);
  const shift = { today: [0, 0], yesterday: [-1, -1], week: [-6, 0] }[days];
  if (shift) {
    start.setDate(start.getDate() + shift[0]);
    end.setDate(end.getDate() + shift[1]);
    return [start.toISOString(), new Date(end - 1).toISOString()];
  }
  const local = (value, time) => (value ? new Date(`${value}T${time}`).toISOString() : "");
  return [local(from, "00:00:00"), local(to, "23:59:59.999")];
}
