// The API for people, from its own description.
import { get } from "/logs-ui/api.js";
import { h } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

export async function show(main) {
  const described = await get("/api/openapi.json");
  main.replaceChildren(
    h("h1", {}, t("nav.paths")),
    h("p", { class: "soft" }, t("paths.text"), " ", h("a", { href: "/api/openapi.json" }, "openapi.json")),
    h("div", { class: "paths" }, Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => entry(path, method.toUpperCase(), operation)))));
}

function entry(path, method, operation) {
  const fields = [
    ...(operation.parameters ?? []).map((one) => [one.name, one.description ?? "", shape(one.schema)]),
    ...Object.entries(operation.requestBody?.content ?? {}).flatMap(([type, body]) =>
      Object.entries(body.schema.properties ?? { [type]: {} }).map(([name, schema]) => [name, type, shape(schema)])),
  ];
  return h("section", {}, h("h2", {}, h("code", {}, `${method} ${path}`)),
    h("p", {}, operation.summary, operation.security.length ? h("span", { class: "soft" }, ` · ${t("paths.key")}`) : null),
    fields.length ? h("dl", { class: "list small" }, fields.map(([name, text, kind]) => [h("dt", {}, name), h("dd", {}, [text, kind].filter(Boolean).join(" · "))])) : null);
}

function shape(schema) {
  const one = schema.items ?? schema;
  return (one.enum ?? [one.type ?? ""]).join(", ");
}
