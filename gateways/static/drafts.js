// What was typed and not saved outlives a look at another page, until the browser's tab is closed.
import { learn } from "/logs-ui/words.js";

learn({
  "edit.draft": ["Это ваши правки с прошлого раза, они ещё не сохранены.", "These are your changes from before; they are not saved yet."],
});

// field -> value; empty when there are none.
export function draft(name) {
  return JSON.parse(sessionStorage.getItem(`draft ${name}`) ?? "{}");
}

export function keep(name, changes) {
  if (Object.keys(changes).length) sessionStorage.setItem(`draft ${name}`, JSON.stringify(changes));
  else sessionStorage.removeItem(`draft ${name}`);
}

// Ctrl+S, where a hand looks for it.
export function saveKey(element, save) {
  element.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.code !== "KeyS") return;
    event.preventDefault();
    save();
  });
}
