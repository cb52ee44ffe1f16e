// What texts were before they were changed: looked at, compared with what stands there now, restored.
import { get, send, toast } from "/logs-ui/api.js";
import { drawn } from "/logs-ui/diff.js";
import { h, number, whenFull } from "/logs-ui/dom.js";
import { learn, t } from "/logs-ui/words.js";

learn({
  "backups": ["Прежние версии", "Earlier versions"],
  "backups.none": ["Прежних версий пока нет: они появятся, когда вы что-нибудь измените.", "There are no earlier versions yet: they appear when you change something."],
  "backups.compare": ["Сравнить", "Compare"],
  "backups.hide": ["Скрыть", "Hide"],
  "backups.restore": ["Вернуть", "Restore"],
  "backups.restored": ["Прежняя версия возвращена.", "The earlier version is back."],
  "backups.size": ["{n} знаков", "{n} characters"],
  "edit.revert": ["Отменить правки", "Discard changes"],
  undo: ["Вернуть как было", "Undo"],
});

// Undo: the ids that a change has kept, newest first.
export async function undo(ids, after) {
  for (const id of [...ids].reverse()) await send("POST", `/api/backups/${id}/restore`);
  toast(t("backups.restored"));
  await after();
}

// `present(name, text)`: what stands there now; `restored(answer)`: called after a version was put back.
export async function backups(of, present, restored, titled = false) {
  const list = (await get(`/api/backups?${new URLSearchParams({ of })}`)).backups;
  if (!list.length) return h("p", { class: "soft" }, t("backups.none"));
  return h("ul", { class: "rows" }, list.map((version) => row(version, present, restored, titled)));
}

function row(version, present, restored, titled) {
  const shown = h("div", {});
  const compare = h("button", { "aria-expanded": "false", onclick: () => turn() }, t("backups.compare"));
  const turn = async () => {
    const open = compare.getAttribute("aria-expanded") === "true";
    if (open) shown.replaceChildren();
    else {
      const { text } = await get(`/api/backups/${version.id}`);
      shown.replaceChildren(drawn(text, await present(version.name, text)));
    }
    compare.setAttribute("aria-expanded", String(!open));
    compare.textContent = t(open ? "backups.compare" : "backups.hide");
  };
  const restore = async () => {
    const answer = await send("POST", `/api/backups/${version.id}/restore`);
    toast(t("backups.restored"));
    await restored(answer);
  };
  return h("li", {},
    h("div", { class: "row" },
      h("div", { class: "grow" }, titled && h("code", {}, version.name.replace(/^\w+\//, "")), titled && " ",
        h("time", { datetime: version.at }, whenFull(version.at)), " ", h("span", { class: "soft small" }, t("backups.size", { n: number(version.characters) }))),
      compare, h("button", { onclick: restore }, t("backups.restore"))),
    shown);
}
