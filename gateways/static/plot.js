// Bars and lines in SVG, and the same numbers as a table for those who can't see them.
import { h, number, s } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

const WIDE = 560;
const HIGH = 180;
const LEFT = 48;
const BOTTOM = 26;
const LABELS = () => (innerWidth < 740 ? 4 : 8);

// A round number at or above the largest value, and its steps.
export function scale(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  const top = [1, 2, 3, 4, 6, 8, 10].map((step) => step * power).find((value) => value >= most) ?? 10 * power;
  return { top, steps: [0, top / 2, top] };
}

// rows: [{label, values: [n, ...]}]; series: [{name, kind}], one for each value, piled on one another.
export function bars(title, rows, series) {
  const { top, steps } = scale(Math.max(1, ...rows.map((row) => row.values.reduce((sum, value) => sum + value, 0))));
  const y = (value) => HIGH - (value / top) * (HIGH - 8);
  const slot = (WIDE - LEFT) / rows.length;
  const every = Math.ceil(rows.length / LABELS());
  const shapes = rows.flatMap((row, place) => {
    let under = 0;
    const wide = Math.max(1, Math.min(slot - Math.min(4, slot * 0.25), 42));
    const x = LEFT + place * slot + (slot - wide) / 2;
    return [
      ...row.values.map((value, kind) => {
        under += value;
        return value ? s("rect", { class: series[kind].kind, x, y: y(under), width: wide, height: y(under - value) - y(under) },
          s("title", {}, `${row.label}: ${series[kind].name} ${number(value)}`)) : null;
      }),
      place % every === 0 ? s("text", { x: LEFT + place * slot + slot / 2, y: HIGH + 18, "text-anchor": "middle" }, row.label) : null,
    ];
  });
  return figure(title, [axis(steps, y), shapes], series, rows);
}

// Lines over the same labels; a value may be missing.
export function lines(title, rows, series) {
  const { top, steps } = scale(Math.max(1, ...rows.flatMap((row) => row.values.map((value) => value ?? 0))));
  const y = (value) => HIGH - (value / top) * (HIGH - 8);
  const x = (place) => LEFT + (rows.length === 1 ? (WIDE - LEFT) / 2 : 8 + (place / (rows.length - 1)) * (WIDE - LEFT - 16));
  const every = Math.ceil(rows.length / LABELS());
  const shapes = series.map((one, kind) => {
    const points = rows.map((row, place) => [x(place), row.values[kind]]).filter(([, value]) => value !== null && value !== undefined);
    return [
      s("polyline", { class: `line ${kind ? "two" : ""}`, points: points.map(([at, value]) => `${at},${y(value)}`).join(" ") }),
      rows.length < 2 && points.map(([at, value]) => s("circle", { class: one.kind, cx: at, cy: y(value), r: 4 })),
    ];
  });
  const labels = rows.map((row, place) => place % every === 0 && s("text", { x: x(place), y: HIGH + 18, "text-anchor": "middle" }, row.label));
  return figure(title, [axis(steps, y), shapes, labels], series, rows);
}

function axis(steps, y) {
  return steps.flatMap((value) => [
    s("line", { class: "grid", x1: LEFT, x2: WIDE, y1: y(value), y2: y(value) }),
    s("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)),
  ]);
}

function figure(title, shapes, series, rows) {
  return h("section", {}, h("h2", {}, title),
    s("svg", { class: "plot", viewBox: `0 0 ${WIDE} ${HIGH + BOTTOM}`, role: "img", "aria-label": title }, ...shapes),
    series.length > 1 && h("div", { class: "legend" }, series.map((one) => h("span", {}, h("i", { class: one.kind }), one.name))),
    h("details", { class: "data" }, h("summary", {}, t("figures.data")),
      h("table", {},
        h("thead", {}, h("tr", {}, h("th", {}, ""), series.map((one) => h("th", { class: "num" }, one.name)))),
        h("tbody", {}, rows.map((row) => h("tr", {}, h("td", {}, row.label), row.values.map((value) => h("td", { class: "num" }, value === null ? "" : number(value)))))))));
}
