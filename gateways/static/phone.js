// Runs beside the page on the audio thread: the microphone out in pieces of 20 ms, the agent's speech in.
// What was played is told with every piece of it, counted anew from each "clear".
class Phone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.waiting = [];
    this.place = 0;
    this.played = 0;
    this.told = 0;
    this.stretch = 0;
    this.paused = false;
    this.step = Math.round(sampleRate / 50);
    this.mic = new Int16Array(this.step);
    this.full = 0;
    this.port.onmessage = ({ data }) => (data instanceof ArrayBuffer ? this.waiting.push(new Int16Array(data)) : this.obey(data));
  }

  obey(news) {
    this.paused = news.do === "pause";
    if (news.do !== "clear") return;
    this.waiting = [];
    this.place = this.played = this.told = 0;
    this.stretch = news.stretch;
  }

  process(inputs, outputs) {
    const length = outputs[0]?.[0]?.length ?? 128;
    this.listen(inputs[0]?.[0], length);
    if (outputs[0]?.[0]) this.speak(outputs[0][0]);
    return true;
  }

  // A microphone that gives nothing still gives silence: the call's time goes on.
  listen(sound, length) {
    for (let at = 0; at < length; at += 1) {
      const sample = sound ? Math.max(-1, Math.min(1, sound[at])) : 0;
      this.mic[this.full] = Math.round(sample * 32767);
      this.full += 1;
      if (this.full === this.step) {
        this.port.postMessage(this.mic.buffer, [this.mic.buffer]);
        this.mic = new Int16Array(this.step);
        this.full = 0;
      }
    }
  }

  speak(sound) {
    for (let at = 0; at < sound.length && !this.paused && this.waiting.length; at += 1) {
      const piece = this.waiting[0];
      sound[at] = piece[this.place] / 32768;
      this.place += 1;
      this.played += 1;
      if (this.place === piece.length) {
        this.waiting.shift();
        this.place = 0;
      }
    }
    if (this.played > this.told && (this.played - this.told >= this.step || !this.waiting.length)) {
      this.told = this.played;
      this.port.postMessage({ played: this.played, stretch: this.stretch });
    }
  }
}

registerProcessor("phone", Phone);
