// Sums over the calls of a span.
import { get } from "/logs-ui/api.js";
import { empty, h, length, number } from "/logs-ui/dom.js";
import { bars, lines } from "/logs-ui/plot.js";
import { language, t } from "/logs-ui/words.js";

const SPANS = [7, 30, 90, 365];
const STATUSES = [["completed", "a"], ["transferred", "b"], ["failed", "c"], ["abandoned", "d"]];
const LENGTHS = [[0, "0–15"], [15, "15–30"], [30, "30–60"], [60, "1–2′"], [120, "2–5′"], [300, "5′+"]];
const DAY_MS = 86400000;

export async function show(main, here, current) {
  const days = Number(here.query.get("days")) || 30;
  const chips = h("div", { class: "chips", role: "group", "aria-label": t("figures.span") }, SPANS.map((span) =>
    h("button", { "aria-pressed": String(span === days), onclick: () => (location.hash = `#/figures?days=${span}`) },
      span === 365 ? t("figures.year") : t("figures.days", { n: span }))));
  const body = h("div", {});
  const start = new Date();
  start.setHours(0, 0, 0, 0);
  start.setDate(start.getDate() - days + 1);
  const query = new URLSearchParams({ date_from: start.toISOString(), date_to: new Date().toISOString(), offset_min: -new Date().getTimezoneOffset() });
  main.replaceChildren(h("div", { class: "head" }, h("h1", {}, t("nav.figures")), h("div", { class: "push" }, chips)), body);
  body.replaceChildren(h("p", { class: "empty", role: "status" }, t("figures.counting")));
  const sums = await get(`/api/figures?${query}`);
  if (!current()) return;
  if (sums.days.length) draw(body, sums, start, days);
  else body.replaceChildren(empty(t("calls.none"), t("figures.none.text")));
}

function draw(body, sums, start, days) {
  const calls = total(sums.days, "calls");
  const seconds = total(sums.days, "seconds");
  const handed = total(sums.days.filter((row) => row.status === "transferred"), "calls");
  const usual = (name) => (sums.reply[0]?.[name] ? `${number(sums.reply[0][name])} ${t("ms")}` : "–");
  const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  const dates = calendar(start, days);
  body.replaceChildren(
    h("dl", { class: "totals" }, fact(t("figures.calls"), number(calls)), fact(t("figures.hours"), number(Math.round(seconds / 360) / 10)),
      fact(t("figures.mean"), length(seconds / calls)), fact(t("figures.own"), `${Math.round(((calls - handed) / calls) * 100)} %`),
      fact(t("figures.stt"), length(sums.engines[0].stt_s)), fact(t("figures.tts"), length(sums.engines[0].tts_s)),
      fact(t("figures.p50"), usual("p50")), fact(t("figures.p95"), usual("p95"))),
    h("div", { class: "plots" },
      bars(t("figures.perday"), dates.map(({ key, label }) => ({ label, values: STATUSES.map(([status]) =>
        sums.days.find((row) => row.day === key && row.status === status)?.calls ?? 0) })),
      STATUSES.map(([status, kind]) => ({ name: t(`status.${status}`), kind }))),
      lines(t("figures.latency"), dates.map(({ key, label }) => {
        const row = sums.latency.find((each) => each.day === key);
        return { label, values: [row?.p50 ?? null, row?.p95 ?? null] };
      }), [{ name: t("figures.median"), kind: "a" }, { name: t("figures.tail"), kind: "w" }]),
      bars(t("figures.perhour"), Array.from({ length: 24 }, (_, hour) => ({ label: String(hour), values: [sums.hours.find((row) => row.hour === hour)?.calls ?? 0] })),
        [{ name: t("figures.calls"), kind: "a" }]),
      bars(t("figures.lengths"), LENGTHS.map(([from, label]) => ({ label, values: [sums.durations.find((row) => row.from_s === from)?.calls ?? 0] })),
        [{ name: t("figures.calls"), kind: "a" }]),
      asked(t("figures.asked"), sums.asked, t("figures.noquestions")),
      asked(t("figures.unanswered"), sums.unanswered, t("figures.allanswered"))));
}

// Every day of the span, also those without a call.
function calendar(start, days) {
  return Array.from({ length: days }, (_, place) => {
    const day = new Date(start.getTime() + place * DAY_MS + DAY_MS / 2);
    const pad = (value) => String(value).padStart(2, "0");
    return {
      key: `${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}`,
      label: day.toLocaleDateString(language(), { day: "numeric", month: "short" }),
    };
  });
}

function asked(title, rows, none) {
  return h("section", {}, h("h2", {}, title), rows.length
    ? h("ol", { class: "asked" }, rows.map((row) => h("li", {},
        h("a", { href: `#/calls?${new URLSearchParams({ q: row.question.slice(0, 200) })}` }, row.question), h("span", { class: "soft" }, number(row.times)))))
    : h("p", { class: "soft" }, none));
}

const total = (rows, name) => rows.reduce((sum, row) => sum + row[name], 0);
