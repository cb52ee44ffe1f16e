// What would be found for a question, and why.
import { get } from "/logs-ui/api.js";
import { base as mark, empty, h, number } from "/logs-ui/dom.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "search.field": ["Вопрос, как его задал бы звонящий", "A question as a caller would say it"],
  "search.go": ["Найти", "Search"],
  "search.first": ["Спросите то, что спрашивают звонящие", "Ask what callers ask"],
  "search.first.text": ["Здесь видно, какие разделы нашлись бы, насколько уверенно и по каким словам.", "You see which sections would be found, how surely, and by which words."],
  "search.known": ["Агент ответит: уверенность {n}, нужно не меньше {m}.", "The agent answers: confidence {n}, at least {m} is needed."],
  "search.unknown": ["Агент скажет, что не знает: лучшая уверенность {n}, нужно не меньше {m}. Впишите слова звонящего в заголовок или в предложение нужного раздела.",
    "The agent says that it does not know: best confidence {n}, at least {m} is needed. Put the caller's words into the heading or a sentence of the right section."],
  "search.nothing": ["Ничего не нашлось: этих слов в базах нет.", "Nothing was found: the bases don't have these words."],
  "search.as": ["Ищется как «{q}».", "Searched as “{q}”."],
  "search.route": ["По ключевым словам выбрана база: {b}.", "Keywords chose the base: {b}."],
  "search.fell": ["Она знает слишком мало, поэтому искали в обеих.", "It knows too little, so both were searched."],
  "search.score": ["уверенность {n}", "confidence {n}"],
  "search.by": ["по словам: {w}", "by the words: {w}"],
  "search.parts": ["слова {w}, векторы {v}", "words {w}, vectors {v}"],
});

export async function show(body, which, here) {
  const field = h("input", { type: "search", id: "asked", class: "search", "aria-label": t("search.field"), placeholder: t("search.field"), maxlength: 500, value: here.query.get("q") ?? "" });
  const found = h("div", { "aria-live": "polite" }, empty(t("search.first"), t("search.first.text")));
  const ask = async (event) => {
    event?.preventDefault();
    const q = field.value.trim();
    if (!q) return;
    history.replaceState(null, "", `#/knowledge/${which}/search?${new URLSearchParams({ q })}`);
    found.replaceChildren(...draw(await get(`/api/kb/search?${new URLSearchParams({ q })}`)));
  };
  body.replaceChildren(h("form", { class: "ask", role: "search", onsubmit: ask }, field, h("button", { class: "main" }, t("search.go"))), found);
  if (field.value) await ask();
}

const part = (value) => number(Math.round(value * 100) / 100);

function draw(answer) {
  const best = Math.max(0, ...answer.found.map((one) => one.score));
  const verdict = { n: part(best), m: part(answer.threshold) };
  return [
    h("p", { class: answer.known ? undefined : "alarm" }, answer.found.length ? t(answer.known ? "search.known" : "search.unknown", verdict) : t("search.nothing")),
    h("p", { class: "soft small" }, t("search.as", { q: answer.question }), " ", answer.route && t("search.route", { b: t(`kb.${answer.route}`).toLowerCase() }), " ", answer.fell_back && t("search.fell")),
    h("ol", { class: "finds" }, answer.found.map((one) => item(one, answer.threshold))),
  ];
}

function item(one, threshold) {
  const words = Object.entries(one.matched).sort((a, b) => b[1] - a[1]).map(([word, value]) => `${word.replace("~", " ≈ ")} ${part(value)}`);
  return h("li", {},
    h("h2", {}, h("a", { href: `#/knowledge/${one.base}/edit` }, one.heading || "—"), " ", mark(one.base)),
    h("div", { class: "row small" },
      h("meter", { min: 0, max: 1, low: threshold, value: one.score, "aria-label": t("search.score", { n: part(one.score) }) }),
      h("span", {}, t("search.score", { n: part(one.score) })),
      h("span", { class: "soft" }, t("search.parts", { w: part(one.words), v: part(one.vectors) }))),
    words.length ? h("p", { class: "soft small" }, t("search.by", { w: words.join(", ") })) : null,
    h("p", { class: "passage" }, one.text));
}
