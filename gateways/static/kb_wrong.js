// Questions that were answered wrongly, and one more.
import { get, send, toast } from "/logs-ui/api.js";
import { base as mark, empty, h } from "/logs-ui/dom.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "wrong.none": ["Неверных ответов пока не отмечено", "No wrong answers are reported yet"],
  "wrong.none.text": ["Отметьте реплику в разговоре или запишите вопрос здесь. Список читает и команда:", "Mark a turn of a call, or write the question here. The list is read by the command:"],
  "wrong.question": ["Вопрос", "Question"],
  "wrong.expected": ["Слова верного ответа", "Words of the right answer"],
  "wrong.expected.hint": ["варианты через |", "alternatives between |"],
  "wrong.kb": ["Где ответ", "Where it stands"],
  "wrong.refuse": ["нигде, надо отказать", "nowhere, to be refused"],
  "wrong.add": ["Записать", "Report"],
  "wrong.added": ["Записано.", "Reported."],
  "wrong.try": ["Проверить", "Try it"],
  "wrong.done": ["Исправлено", "Mended"],
  "wrong.removed": ["Убрано из списка.", "Removed from the list."],
  "wrong.hint": ["Исправьте текст базы, проверьте вопрос и нажмите «Исправлено».", "Mend the base's text, try the question, then press “Mended”."],
  "wrong.no": ["—", "—"],
});

export async function show(body, which) {
  const list = h("div", {});
  const question = h("input", { type: "search", id: "wrong-question", required: true, maxlength: 1000 });
  const expected = h("input", { type: "search", id: "wrong-expected", maxlength: 1000 });
  const kb = h("select", { id: "wrong-kb" }, ["general", "tech", "none"].map((name) => h("option", { value: name, selected: name === which }, name === "none" ? t("wrong.refuse") : t(`kb.${name}`))));
  const load = async () => {
    const { wrong, file } = await get("/api/wrong-answers");
    list.replaceChildren(...(wrong.length
      ? [h("p", { class: "soft small" }, t("wrong.hint"), " ", h("code", {}, `allo kb eval ${file}`)), h("ul", { class: "rows" }, [...wrong].reverse().map(row))]
      : [empty(t("wrong.none"), t("wrong.none.text"), h("code", {}, `allo kb eval ${file}`))]));
  };
  const row = (one) => h("li", { class: "row" },
    h("div", { class: "grow" }, h("strong", {}, one.question), " ", one.kb === "none" ? h("span", { class: "soft small" }, t("wrong.refuse")) : mark(one.kb),
      one.expected && h("div", { class: "soft small" }, one.expected)),
    h("a", { class: "button", href: `#/knowledge/${which}/search?${new URLSearchParams({ q: one.question })}` }, t("wrong.try")),
    h("button", { onclick: () => forget(one) }, t("wrong.done")));
  const report = async (event) => {
    event.preventDefault();
    await send("POST", "/api/wrong-answers", { question: question.value, expected: expected.value, kb: kb.value });
    question.value = expected.value = "";
    toast(t("wrong.added"));
    await load();
    question.focus();
  };
  const forget = async (one) => {
    await send("DELETE", `/api/wrong-answers/${encodeURIComponent(one.id)}`);
    const again = async () => {
      const [, call_id = "", turn = 0] = one.id.match(/^call-(.+)-(\d+)$/) ?? [];
      await send("POST", "/api/wrong-answers", { question: one.question, expected: one.expected, kb: one.kb, call_id, turn: Number(turn) });
      await load();
    };
    toast(t("wrong.removed"), false, [t("undo"), again]);
    await load();
  };
  await load();
  body.replaceChildren(
    h("form", { class: "fields", onsubmit: report },
      h("div", {}, h("label", { for: "wrong-question" }, t("wrong.question")), question),
      h("div", {}, h("label", { for: "wrong-expected" }, `${t("wrong.expected")} (${t("wrong.expected.hint")})`), expected),
      h("div", {}, h("label", { for: "wrong-kb" }, t("wrong.kb")), kb),
      h("button", { class: "main" }, t("wrong.add"))),
    list);
}
