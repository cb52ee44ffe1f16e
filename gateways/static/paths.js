// The API for people, from its own description.
import { get } from "/logs-ui/api.js";
import { h } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

export async function show(main) {
  const described = await get("/api/openapi.json");
  const schemas = described.components.schemas;
  const field = h("input", { type: "search", class: "search", "aria-label": t("paths.find"), placeholder: t("paths.find"), oninput: () => sift() });
  const entries = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => entry(path, method.toUpperCase(), operation, schemas)));
  const sift = () => entries.forEach((one) => {
    one.hidden = !one.textContent.toLowerCase().includes(field.value.trim().toLowerCase());
  });
  main.replaceChildren(
    h("h1", {}, t("nav.paths")),
    h("p", { class: "soft" }, t("paths.text"), " ", h("a", { href: "/api/openapi.json" }, "openapi.json")),
    field, h("div", { class: "paths" }, entries));
}

function entry(path, method, operation, schemas) {
  const asked = [
    ...(operation.parameters ?? []).map((one) => [one.name, one.description ?? "", shape(one.schema)]),
    ...Object.entries(operation.requestBody?.content ?? {}).flatMap(([type, body]) =>
      Object.entries(body.schema.properties ?? { [type]: {} }).map(([name, schema]) => [name, schema.description ?? type, shape(schema)])),
  ];
  const { default: _, ...replies } = operation.responses;
  return h("section", {}, h("h2", {}, h("code", {}, `${method} ${path}`)),
    h("p", {}, operation.summary, operation.security.length ? h("span", { class: "soft" }, ` · ${t("paths.key")}`) : null),
    asked.length ? fields(asked) : null,
    h("details", {}, h("summary", { class: "soft small" }, t("paths.answers")),
      Object.entries(replies).map(([status, reply]) => answer(status, reply, schemas))));
}

const fields = (rows) => h("dl", { class: "list small" }, rows.map(([name, text, kind]) => [h("dt", {}, name), h("dd", {}, [text, kind].filter(Boolean).join(" · "))]));

function answer(status, reply, schemas) {
  const [type, { schema } = {}] = Object.entries(reply.content)[0] ?? [""];
  const held = schemas[schema?.$ref?.split("/").at(-1)];
  const rows = Object.entries(held?.properties ?? {}).map(([name, one]) => [name, one.description ?? "", shape(one)]);
  return h("div", {}, h("p", { class: "small" }, h("b", {}, status), ` ${reply.description} `, h("span", { class: "soft" }, type)),
    Number(status) < 300 && rows.length ? fields(rows) : null);
}

function shape(schema) {
  if (schema.anyOf) return schema.anyOf.map(shape).join(" | ");
  const one = schema.items ?? schema;
  const name = one.$ref?.split("/").at(-1);
  return `${(one.enum ?? [name ?? one.const ?? one.type ?? ""]).join(", ")}${schema.items ? "[]" : ""}`;
}
