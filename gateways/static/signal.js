// The strength of a modem's signal over the last day, as a line between the weakest and the strongest that occur.
import { clock, h, number, s } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

const WIDE = 320;
const HIGH = 56;
const WEAKEST = -113;
const STRONGEST = -51;
const POOR = -100;

export function signal(samples, now) {
  if (now === null || now === undefined) return h("p", { class: "soft small" }, t("signal.none"));
  const words = h("p", { class: now < POOR ? "alarm small" : "small" }, t(now < POOR ? "signal.poor" : "signal.now", { n: number(now) }));
  if (samples.length < 3) return h("div", { class: "signal" }, words);
  const [first, last] = [samples[0][0], samples.at(-1)[0]];
  const x = (at) => ((at - first) / (last - first || 1)) * WIDE;
  const y = (dbm) => HIGH - ((Math.min(STRONGEST, Math.max(WEAKEST, dbm)) - WEAKEST) / (STRONGEST - WEAKEST)) * HIGH;
  const from = clock(new Date(first * 1000).toISOString());
  return h("div", { class: "signal" }, words,
    s("svg", { class: "plot", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": t("signal.plot", { f: from }) },
      s("line", { class: "grid", x1: 0, x2: WIDE, y1: y(POOR), y2: y(POOR) }),
      s("polyline", { class: "line", points: samples.map(([at, dbm]) => `${x(at).toFixed(1)},${y(dbm).toFixed(1)}`).join(" ") })),
    h("p", { class: "soft small" }, t("signal.plot", { f: from })));
}
