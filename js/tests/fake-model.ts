import type { Model } from "../src/model";
import type { ToKernel } from "../src/protocol";

type Callback = (content: unknown) => void;

/** An anywidget model whose kernel is the test. */
export class FakeModel implements Model {
  readonly sent: ToKernel[] = [];
  readonly callbacks = new Set<Callback>();

  constructor(
    private readonly parts = "test",
    private readonly caption = "",
  ) {}

  get(name: string): unknown {
    return { version: 1, parts: this.parts, caption: this.caption }[name];
  }

  send(content: unknown): void {
    this.sent.push(content as ToKernel);
  }

  on(_name: "msg:custom", callback: Callback): void {
    this.callbacks.add(callback);
  }

  off(_name: "msg:custom", callback: Callback): void {
    this.callbacks.delete(callback);
  }

  /** A message comes from the kernel. */
  tell(content: unknown): void {
    for (const callback of this.callbacks) callback(content);
  }

  /** Numbered deltas of these texts come, from this number and place on. */
  write(texts: string[], seq = 1, at = 0): void {
    let place = at;
    for (const [index, text] of texts.entries()) {
      this.tell({ type: "delta", seq: seq + index, at: place, text });
      place += text.length;
    }
  }

  sentTypes(): string[] {
    return this.sent.map((message) => message.type);
  }
}
