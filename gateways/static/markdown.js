// Enough Markdown for the knowledge bases and the instruction; everything becomes text nodes, never HTML.
import { h } from "/logs-ui/dom.js";

export function markdown(text) {
  const out = [];
  const lines = text.split("\n");
  // the text's highest heading stands below the page's own, whatever its level
  const top = Math.min(...[...text.matchAll(/^(#{1,6})\s/gm)].map((found) => found[1].length), 6);
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    const heading = line.match(/^(#{1,6})\s+(.+?)\s*#*$/);
    if (line.startsWith("```")) {
      const end = lines.findIndex((other, place) => place > at && other.startsWith("```"));
      const until = end < 0 ? lines.length : end;
      out.push(h("pre", {}, h("code", {}, lines.slice(at + 1, until).join("\n"))));
      at = until + 1;
    } else if (heading) {
      out.push(h(`h${Math.min(6, heading[1].length - top + 2)}`, {}, inline(heading[2])));
      at += 1;
    } else if (/^\s*(<<->>|---+)\s*$/.test(line)) {
      out.push(h("hr"));
      at += 1;
    } else if (!line.trim()) at += 1;
    else {
      const kind = kindOf(line);
      let end = at + 1;
      while (end < lines.length && lines[end].trim() && kindOf(lines[end]) === kind && !/^(#{1,6}\s|```|<<->>)/.test(lines[end])) end += 1;
      out.push(block(kind, lines.slice(at, end)));
      at = end;
    }
  }
  return out;
}

function kindOf(line) {
  if (/^\s*[-*]\s/.test(line)) return "ul";
  if (/^\s*\d+[.)]\s/.test(line)) return "ol";
  return /^\s*\|/.test(line) ? "table" : "p";
}

function block(kind, lines) {
  if (kind === "ul" || kind === "ol") return h(kind, {}, lines.map((line) => h("li", {}, inline(line.replace(/^\s*([-*]|\d+[.)])\s+/, "")))));
  if (kind === "p") return h("p", {}, inline(lines.join("\n")));
  const rows = lines.filter((line) => !/^\s*\|[\s:|-]+\|\s*$/.test(line)).map((line) => line.trim().replace(/^\||\|$/g, "").split("|"));
  return h("table", {}, h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, inline(cell.trim())))))));
}

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 2) return h("code", {}, part.slice(1, -1));
    if (part.startsWith("**") && part.length > 4) return h("strong", {}, part.slice(2, -2));
    return part;
  });
}
