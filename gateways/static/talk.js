// A call from the page: the browser is the telephone. What is said is shown from the live feed, as for every call.
import { loudness } from "/logs-ui/keypad.js";
import { t } from "/logs-ui/words.js";

const RATE = 8000;
const WANTED = { audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };

const WHY = { NotFoundError: "talk.nomic", NotReadableError: "talk.busymic", AbortError: "talk.busymic", SecurityError: "talk.insecure" };

export class Talk {
  // `told` gets {call}, {level}, {ended} and {news}: what the live feed says of this call.
  constructor(told) {
    this.told = told;
    this.contexts = [];
    this.id = null;
    this.over = false;
  }

  async start() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(t("talk.insecure"));
    this.speaker = this.context({ sampleRate: RATE }); // made within the click: else the browser keeps it silent
    try {
      this.stream = await navigator.mediaDevices.getUserMedia(WANTED);
    } catch (error) {
      this.close();
      throw new Error(t(WHY[error.name] ?? "talk.refused"));
    }
    this.speaker.resume().catch(() => undefined); // Firefox may have let it sleep until the microphone was allowed
    await this.wire();
    if (this.over) return this.close();
    this.live = new EventSource("/api/live");
    this.live.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/talk?rate=${this.rate}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => (data instanceof ArrayBuffer ? this.voice.port.postMessage(data, [data]) : this.obey(JSON.parse(data)));
    this.socket.onclose = () => this.end("lost");
    return undefined;
  }

  context(options) {
    const context = new AudioContext(options);
    this.contexts.push(context);
    return context;
  }

  async node(context) {
    await context.audioWorklet.addModule("/logs-ui/phone.js");
    return new AudioWorkletNode(context, "phone", { numberOfInputs: 1, numberOfOutputs: 1, outputChannelCount: [1] });
  }

  // One context for both ways; where a browser can't change the microphone's rate, a second one has it as it comes.
  async wire() {
    this.voice = await this.node(this.speaker);
    this.gain = new GainNode(this.speaker, { gain: loudness() });
    this.voice.connect(this.gain).connect(this.speaker.destination);
    this.rate = RATE;
    let ear = this.voice;
    try {
      this.speaker.createMediaStreamSource(this.stream).connect(ear);
    } catch {
      const own = this.context();
      ear = await this.node(own);
      this.rate = own.sampleRate;
      ear.connect(own.destination);
      own.createMediaStreamSource(this.stream).connect(ear);
    }
    for (const node of new Set([this.voice, ear])) {
      node.port.onmessage = ({ data }) => (data instanceof ArrayBuffer ? node === ear && this.heard(data) : this.played(data));
    }
  }

  heard(pcm) {
    if (this.socket?.readyState !== WebSocket.OPEN || this.id === null) return;
    this.told({ level: new Int16Array(pcm).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) / 32768 });
    this.socket.send(pcm);
  }

  // What left the loudspeaker, not what was handed to it.
  played(news) {
    setTimeout(() => this.socket?.readyState === WebSocket.OPEN && this.socket.send(JSON.stringify(news)),
      (this.speaker.outputLatency || 0) * 1000);
  }

  press(key) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ key }));
  }

  loud(gain) {
    if (this.gain) this.gain.gain.value = gain;
  }

  obey(news) {
    if (news.do) this.voice.port.postMessage(news);
    if (news.call) {
      this.id = news.call;
      this.told({ call: news.call });
      for (const one of this.early ?? []) this.take(one);
      this.early = [];
    }
    if (news.ended) this.end(news.ended);
  }

  // The feed may tell of the call before the call tells its name.
  take(news) {
    if (this.id === null) (this.early ??= []).push(news);
    else if (news.calls) news.calls.filter((call) => call.id === this.id).forEach((call) => this.told({ news: { call } }));
    else if (news.id === this.id) this.told({ news });
  }

  end(cause) {
    if (this.over) return;
    this.over = true;
    this.told({ ended: cause });
    this.close();
  }

  hangUp() {
    this.end("caller");
  }

  close() {
    this.over = true;
    this.socket?.close();
    this.stream?.getTracks().forEach((track) => track.stop());
    for (const context of this.contexts.splice(0)) context.close();
    setTimeout(() => this.live?.close(), 1500); // the last words are still on their way
  }
}
