// Two texts compared line by line, and drawn.
import { h } from "/logs-ui/dom.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "diff.same": ["Тексты одинаковы.", "The texts are the same."],
  "diff.gone": ["убрано", "removed"],
  "diff.new": ["добавлено", "added"],
  "diff.count": ["Строк добавлено: {a}, убрано: {b}", "Lines added: {a}, removed: {b}"],
  "diff.label": ["Что изменилось", "What has changed"],
});

const AROUND = 2;
const MOST = 9_000_000; // cells of the table; beyond it the middle is shown as wholly replaced

// [[" " | "-" | "+", line] ...]
export function compare(before, after) {
  const a = before.split("\n");
  const b = after.split("\n");
  let top = 0;
  while (top < a.length && top < b.length && a[top] === b[top]) top += 1;
  let end = 0;
  while (end < a.length - top && end < b.length - top && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const same = (lines) => lines.map((line) => [" ", line]);
  return [...same(a.slice(0, top)), ...middle(a.slice(top, a.length - end), b.slice(top, b.length - end)), ...same(a.slice(a.length - end))];
}

// The longest common subsequence of lines, by its table.
function middle(a, b) {
  if (!a.length || !b.length || a.length * b.length > MOST) return [...a.map((line) => ["-", line]), ...b.map((line) => ["+", line])];
  const wide = b.length + 1;
  const best = new Uint32Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      best[i * wide + j] = a[i] === b[j] ? best[(i + 1) * wide + j + 1] + 1 : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    }
  }
  const out = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push([" ", a[i]]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && best[(i + 1) * wide + j] >= best[i * wide + j + 1])) out.push(["-", a[i++]]);
    else out.push(["+", b[j++]]);
  }
  return out;
}

export function drawn(before, after) {
  const rows = compare(before, after);
  const count = (mark) => rows.filter(([kind]) => kind === mark).length;
  if (!count("-") && !count("+")) return h("p", { class: "soft" }, t("diff.same"));
  const near = rows.map((_, at) => rows.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(([kind]) => kind !== " "));
  const lines = [];
  rows.forEach(([kind, line], at) => {
    if (!near[at]) {
      if (near[at - 1] || at === 0) lines.push(h("li", { class: "gap" }, "⋯"));
      return;
    }
    const name = { "-": "gone", "+": "new" }[kind];
    lines.push(h("li", { class: name }, name && h("span", { class: "quiet" }, `${t(`diff.${name}`)}: `), line || "\u00a0"));
  });
  return h("figure", { class: "diff" },
    h("figcaption", { class: "soft small" }, t("diff.count", { a: count("+"), b: count("-") })),
    h("ol", { "aria-label": t("diff.label"), tabindex: 0 }, lines));
}
