/** A kernel that is none: an anywidget model that streams a text, for the demo, the screenshots and the measurements. */

const part = (name) => fetch(`/static/${name}.js`).then((response) => response.text());

export class FakeModel {
  constructor() {
    this.callbacks = new Set();
    this.seq = 0;
    this.text = "";
    this.status = null;
    this.end = null;
    this.sent = [];
    this.stopped = false;
  }

  get(name) {
    return { version: 1, parts: "demo" }[name];
  }

  on(_name, callback) {
    this.callbacks.add(callback);
  }

  off(_name, callback) {
    this.callbacks.delete(callback);
  }

  send(content) {
    this.sent.push(content);
    if (content.type === "stop") this.stopped = true;
    if (content.type === "need") this.answer(content);
    if (content.type === "replay") this.replay(content);
  }

  async answer({ view, name }) {
    this.tell({ type: "part", to: view, name, code: await part(name) });
  }

  replay({ view }) {
    const { seq, text, status, end } = this;
    setTimeout(() => this.tell({ type: "replay", to: view, seq, text, status, end }), 5);
  }

  tell(message) {
    for (const callback of this.callbacks) callback(message, []);
  }

  number(message) {
    this.seq += 1;
    const numbered = { ...message, seq: this.seq };
    this.tell(numbered);
    return numbered;
  }

  say(phase, label, fraction = null) {
    this.status = this.number({ type: "status", phase, label, fraction });
  }

  write(text) {
    this.number({ type: "delta", at: this.text.length, text });
    this.text += text;
  }

  finish(outcome, footer) {
    this.end = this.number({ type: "end", outcome, footer });
  }

  /** Stream a text at a rate of tokens a second, taking four characters for a token, 30 messages a second. */
  async stream(text, rate = 60) {
    const begin = performance.now();
    let at = 0;
    while (at < text.length && !this.stopped) {
      await new Promise((resolve) => setTimeout(resolve, 33));
      const due = Math.min(text.length, Math.floor(((performance.now() - begin) / 1000) * rate * 4));
      if (due > at) this.write(text.slice(at, due));
      at = due;
      const tokens = Math.round(at / 4);
      this.say("decode", `writing · ${tokens.toLocaleString("en")} tokens · ${rate} tokens/s`);
    }
    const tokens = Math.round(at / 4);
    if (this.stopped) this.finish("stopped", `stopped after ${tokens.toLocaleString("en")} tokens`);
    else
      this.finish("done", `${tokens.toLocaleString("en")} tokens · ${rate} tokens/s · ${(tokens / rate).toFixed(1)} s`);
  }
}
