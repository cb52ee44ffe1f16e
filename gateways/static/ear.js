// Listening in on one call.
import { t } from "/logs-ui/words.js";

export class Ear {
  constructor(id, ended) {
    this.socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/live/${encodeURIComponent(id)}/listen`);
    this.socket.binaryType = "arraybuffer";
    this.context = null;
    this.early = [];
    this.socket.onmessage = ({ data }) => (data instanceof ArrayBuffer ? this.hear(data) : this.open(JSON.parse(data).rate));
    this.socket.onclose = () => {
      this.close();
      ended();
    };
  }

  async open(rate) {
    this.context = new AudioContext({ sampleRate: rate });
    if (this.context.state === "suspended") this.context.resume().catch(() => undefined);
    if (!this.context.audioWorklet) throw new Error(t("talk.insecure"));
    await this.context.audioWorklet.addModule("/logs-ui/listen.js");
    if (!this.context) return;
    this.node = new AudioWorkletNode(this.context, "listen", { numberOfInputs: 0, outputChannelCount: [2] });
    this.node.connect(this.context.destination);
    this.early.splice(0).forEach((piece) => this.hear(piece));
  }

  hear(piece) {
    if (this.node) this.node.port.postMessage(piece, [piece]);
    else this.early.push(piece);
  }

  close() {
    this.socket.onclose = null;
    this.socket.close();
    this.context?.close();
    this.context = null;
  }
}
