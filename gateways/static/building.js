// How far the index of changed texts is.
import { get, toast } from "/logs-ui/api.js";
import { h, number } from "/logs-ui/dom.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "build.": ["Начинаю", "Beginning"],
  "build.read": ["Читаю тексты", "Reading the texts"],
  "build.embed": ["Считаю векторы", "Making vectors"],
  "build.encode": ["Читаю строки", "Reading the lines"],
  "build.index": ["Собираю указатель", "Making the index"],
  "build.store": ["Записываю", "Storing"],
  "build.done": ["Агент отвечает по новому тексту. Разделов: {n}.", "The agent answers from the new text. Sections: {n}."],
  "build.fault": ["Указатель не собран, агент отвечает по прежнему: {t}", "The index was not made, the agent answers from the old one: {t}"],
});

const EVERY_MS = 250;

// Draws into `place` until build `number` is over; true when it went well.
export async function watch(place, build) {
  const bar = h("progress", { max: 1, "aria-label": t("build.index") });
  const stage = h("span", { class: "small soft" });
  place.replaceChildren(bar, stage);
  for (;;) {
    const now = await get("/api/kb/progress");
    if (now.built >= build) return over(place, now);
    if (now.of) bar.value = now.done / now.of;
    stage.textContent = `${t(`build.${now.stage}`)}${now.of > 1 ? ` ${number(now.done)} / ${number(now.of)}` : ""}`;
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

function over(place, now) {
  place.replaceChildren();
  if (now.fault) {
    place.replaceChildren(h("p", { class: "alarm", role: "alert" }, t("build.fault", { t: now.fault })));
    return false;
  }
  toast(t("build.done", { n: number(now.sections) }));
  return true;
}
