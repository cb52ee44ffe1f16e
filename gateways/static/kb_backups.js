// What a base's texts were before.
import { ask } from "/logs-ui/api.js";
import { backups } from "/logs-ui/backups.js";
import { watch } from "/logs-ui/building.js";
import { keep } from "/logs-ui/drafts.js";
import { h } from "/logs-ui/dom.js";
import { overview, path, tongue } from "/logs-ui/knowledge.js";

export async function show(body, base) {
  const language = tongue() || (await overview()).language;
  const building = h("div", { class: "building" });
  const list = h("div", {});
  const present = async (name) => {
    const document = name.split("/").slice(3).join("/");
    const reply = await ask(path(base, document ? { document } : {}), { any: true });
    return reply.ok ? reply.text() : ""; // a document that was removed
  };
  const load = async () => list.replaceChildren(await backups(`kb/${language}/${base}`, present, restored, true));
  const restored = async (answer) => {
    keep(`${base}${tongue()}`, {});
    await load();
    await watch(building, answer.build);
  };
  await load();
  body.replaceChildren(building, list);
}
