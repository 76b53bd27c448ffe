/** What a page knows of one model: the text so far, the status, the end. Views read it; it never touches the page. */
import type { Model } from "./model";
import {
  type Delta,
  type End,
  type FromKernel,
  type PartName,
  read,
  type Status,
  type ToKernel,
  VERSION,
} from "./protocol";

/** How long to wait for a first message before asking what was missed: the page may have been reloaded. */
const PATIENCE_MS = 400;
/** How often a replay is asked for that does not come, each time after twice as long. */
const MAX_ASKS = 6;

export class Store {
  text = "";
  status: Status | null = null;
  end: End | null = null;
  /** Stop was pressed in this page. */
  stopping = false;
  /** Messages were missed, and a replay is on its way. */
  behind = false;
  /** The page's name for itself, so that it finds its answers. */
  readonly id: string = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  onPart: (name: PartName, code: string) => void = () => {};

  private seq = 0;
  private asks = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly onMessage = (content: unknown): void => this.receive(read(content));

  constructor(private readonly model: Model) {
    model.on("msg:custom", this.onMessage);
  }

  /** Call back at every change. Returns what ends that. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tell the kernel that this page can show the model. */
  greet(): void {
    this.send({ type: "hello", version: VERSION });
  }

  /** There is a view to fill: where nothing comes soon, ask for what came before. */
  expect(): void {
    if (this.seq > 0 || this.timer !== undefined) return;
    this.timer = setTimeout(() => this.catchUp(), PATIENCE_MS);
  }

  stop(): void {
    if (this.end || this.stopping) return;
    this.stopping = true;
    this.send({ type: "stop" });
    this.tell();
  }

  need(name: PartName): void {
    this.send({ type: "need", view: this.id, name });
  }

  close(): void {
    clearTimeout(this.timer);
    this.model.off("msg:custom", this.onMessage);
    this.listeners.clear();
  }

  private send(message: ToKernel): void {
    this.model.send(message);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private receive(message: FromKernel | null): void {
    if (message?.type === "part" && message.to === this.id) this.onPart(message.name, message.code);
    else if (message?.type === "replay") this.restore(message);
    else if (message && message.type !== "part") this.apply(message);
  }

  private apply(message: Status | Delta | End): void {
    if (this.behind || message.seq <= this.seq) return;
    const gap = message.seq !== this.seq + 1;
    const elsewhere = message.type === "delta" && message.at !== this.text.length;
    if (gap || elsewhere) this.catchUp();
    else this.take(message);
  }

  private take(message: Status | Delta | End): void {
    this.settle();
    this.seq = message.seq;
    if (message.type === "delta") this.text += message.text;
    else if (message.type === "status") this.status = message;
    else this.end = message;
    this.tell();
  }

  private restore(replay: Extract<FromKernel, { type: "replay" }>): void {
    if (replay.to !== this.id || replay.seq < this.seq) return;
    this.settle();
    const { seq, text, status, end } = replay;
    Object.assign(this, { seq, text, status, end, behind: false });
    this.tell();
  }

  /** Ask for a replay, and again should none come. */
  private catchUp(): void {
    clearTimeout(this.timer);
    this.behind = true;
    this.send({ type: "replay", view: this.id });
    this.asks += 1;
    if (this.asks < MAX_ASKS) this.timer = setTimeout(() => this.catchUp(), 1000 * 2 ** this.asks);
    this.tell();
  }

  /** Nothing is missing. */
  private settle(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asks = 0;
  }
}
