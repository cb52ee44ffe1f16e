// The keys of a telephone, and how loud the agent is.
import { h } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

const KEYS = "123456789*0#";
const LOUDEST = 2;

export class Keypad {
  constructor(press) {
    this.buttons = [...KEYS].map((key) => h("button", { type: "button", disabled: true, "aria-label": t("talk.key", { n: key }), onclick: () => press(key) }, key));
    this.element = h("div", { class: "keypad", role: "group", "aria-label": t("talk.keys") }, this.buttons);
  }

  // Always in its place, so that nothing moves when the call begins.
  show(on) {
    for (const button of this.buttons) button.disabled = !on;
  }
}

export const loudness = () => Number(localStorage.getItem("loudness") ?? 1);

export function volume(changed) {
  const slider = h("input", { type: "range", id: "loudness", min: 0, max: LOUDEST, step: 0.05, value: loudness(), oninput: () => {
    localStorage.setItem("loudness", slider.value);
    changed(Number(slider.value));
  } });
  return h("div", { class: "loudness" }, h("label", { for: "loudness" }, t("talk.loudness")), slider, h("p", { class: "soft small" }, t("talk.language")));
}
