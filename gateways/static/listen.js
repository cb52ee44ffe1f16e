// Runs on the audio thread: plays a call in progress, the caller on the left and the agent on the right.
// A fifth of a second is gathered first; what is late by more than a second is passed over.
class Listen extends AudioWorkletProcessor {
  constructor() {
    super();
    this.pieces = [];
    this.place = 0;
    this.samples = 0;
    this.begun = false;
    this.port.onmessage = ({ data }) => this.take(new Int16Array(data));
  }

  take(piece) {
    this.pieces.push(piece);
    this.samples += piece.length / 2;
    while (this.samples > sampleRate && this.pieces.length > 1) {
      this.samples -= this.pieces.shift().length / 2 - this.place / 2;
      this.place = 0;
    }
    this.begun ||= this.samples > sampleRate / 5;
  }

  process(_inputs, outputs) {
    const [left, right] = outputs[0];
    for (let at = 0; at < left.length && this.begun && this.pieces.length; at += 1) {
      const piece = this.pieces[0];
      left[at] = piece[this.place] / 32768;
      right[at] = piece[this.place + 1] / 32768;
      this.place += 2;
      this.samples -= 1;
      if (this.place === piece.length) {
        this.pieces.shift();
        this.place = 0;
      }
    }
    if (!this.pieces.length) this.begun = false;
    return true;
  }
}

registerProcessor("listen", Listen);
