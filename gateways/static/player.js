// The recording as a waveform: the caller above the line, the agent below. Click, drag or arrow keys seek.
import { h, length } from "/logs-ui/dom.js";
import { t } from "/logs-ui/words.js";

const STEP_MS = 5000;

export class Player {
  constructor(url, peaks) {
    this.peaks = { ...peaks, length_ms: Math.max(1, peaks.length_ms) };
    this.watchers = [];
    this.audio = h("audio", { src: url, preload: "metadata" });
    this.canvas = h("canvas", {
      role: "slider", tabindex: 0, "aria-label": t("call.seek"), "aria-valuemin": 0, "aria-valuemax": Math.round(peaks.length_ms / 1000),
    });
    this.button = h("button", { class: "main", onclick: () => (this.audio.paused ? this.start() : this.audio.pause()) }, t("call.play"));
    this.clock = h("span", { class: "soft" });
    this.element = h("div", { class: "player" }, this.canvas, this.audio,
      h("div", { class: "row" }, this.button, this.clock,
        h("span", { class: "sides small" }, h("span", { class: "side" }, t("call.caller")), h("span", { class: "side agent" }, t("call.agent")))));
    this.listen();
  }

  listen() {
    const at = (event) => this.seek(((event.clientX - this.canvas.getBoundingClientRect().left) / this.canvas.clientWidth) * this.peaks.length_ms);
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      at(event);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && at(event));
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -STEP_MS, ArrowRight: STEP_MS, ArrowDown: -STEP_MS, ArrowUp: STEP_MS }[event.key];
      if (step) this.seek(this.ms + step);
      else if (event.key === "Home") this.seek(0);
      else if (event.key === "End") this.seek(this.peaks.length_ms);
      else if (event.key === " ") this.button.click();
      else return;
      event.preventDefault();
    });
    const turned = () => {
      this.button.textContent = t(this.audio.paused ? "call.play" : "call.pause");
      this.tick();
    };
    for (const name of ["play", "pause", "ended"]) this.audio.addEventListener(name, turned);
    this.audio.addEventListener("seeked", () => this.draw());
    this.redraw = () => this.draw();
    addEventListener("resize", this.redraw);
    addEventListener("repaint", this.redraw);
  }

  get ms() {
    return this.audio.currentTime * 1000;
  }

  follow(watcher) {
    this.watchers.push(watcher);
  }

  seek(ms) {
    this.audio.currentTime = Math.min(Math.max(0, ms), this.peaks.length_ms) / 1000;
    this.draw();
  }

  play(ms) {
    this.seek(ms);
    this.start();
  }

  start() {
    this.audio.play().catch((error) => {
      if (error.name !== "AbortError") throw error; // a pause that came first is no fault
    });
  }

  stop() {
    this.audio.pause();
    cancelAnimationFrame(this.frame);
    removeEventListener("resize", this.redraw);
    removeEventListener("repaint", this.redraw);
  }

  tick() {
    cancelAnimationFrame(this.frame);
    this.draw();
    if (!this.audio.paused) this.frame = requestAnimationFrame(() => this.tick());
  }

  draw() {
    const { canvas, peaks } = this;
    const scale = devicePixelRatio || 1;
    const wide = canvas.clientWidth;
    const high = canvas.clientHeight;
    if (!wide) return;
    if (canvas.width !== Math.round(wide * scale)) canvas.width = Math.round(wide * scale);
    if (canvas.height !== Math.round(high * scale)) canvas.height = Math.round(high * scale);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, wide, high);
    const [caller, agent, rest] = colours(this.element);
    const played = (this.ms / peaks.length_ms) * wide;
    const middle = high / 2;
    const columns = Math.floor(wide / 3);
    for (let column = 0; column < columns; column += 1) {
      const x = (column / columns) * wide;
      pen.globalAlpha = x <= played ? 1 : 0.45;
      pen.fillStyle = caller;
      const up = (loudest(peaks.caller, column, columns) / 255) * (middle - 3);
      pen.fillRect(x, middle - 1 - up, 2, up);
      pen.fillStyle = agent;
      pen.fillRect(x, middle + 1, 2, (loudest(peaks.agent, column, columns) / 255) * (middle - 3));
    }
    pen.globalAlpha = 1;
    pen.fillStyle = rest;
    pen.fillRect(0, middle - 0.5, wide, 1);
    pen.fillRect(Math.min(played, wide - 1), 0, 1.5, high);
    this.tell();
  }

  tell() {
    this.clock.textContent = `${length(this.ms / 1000)} / ${length(this.peaks.length_ms / 1000)}`;
    this.canvas.setAttribute("aria-valuenow", Math.round(this.ms / 1000));
    this.canvas.setAttribute("aria-valuetext", this.clock.textContent);
    for (const watcher of this.watchers) watcher(this.audio.paused && this.ms === 0 ? -1 : this.ms);
  }
}

function loudest(side, column, columns) {
  const from = Math.floor((column * side.length) / columns);
  const to = Math.max(from + 1, Math.floor(((column + 1) * side.length) / columns));
  return Math.max(...side.slice(from, to));
}

// The theme's colours as the canvas needs them.
function colours(element) {
  return ["--warm", "--accent", "--soft"].map((name) => {
    const probe = h("i", {});
    probe.style.color = `var(${name})`;
    element.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  });
}
