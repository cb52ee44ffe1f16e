// What a base's texts were before.
import { ask, get } from "/logs-ui/api.js";
import { backups } from "/logs-ui/backups.js";
import { watch } from "/logs-ui/building.js";
import { keep } from "/logs-ui/drafts.js";
import { h } from "/logs-ui/dom.js";
import { BASES } from "/logs-ui/knowledge.js";

export async function show(body, base) {
  const { language } = await get("/api/kb");
  const building = h("div", { class: "building" });
  const list = h("div", {});
  const present = async (name) => {
    const document = name.split("/").slice(3).join("/");
    const reply = await ask(`${BASES[base]}?${new URLSearchParams(document ? { document } : {})}`, { any: true });
    return reply.ok ? reply.text() : ""; // a document that was removed
  };
  const load = async () => list.replaceChildren(await backups(`kb/${language}/${base}`, present, restored, true));
  const restored = async (answer) => {
    keep(base, {});
    await load();
    await watch(building, answer.build);
  };
  await load();
  body.replaceChildren(building, list);
}
