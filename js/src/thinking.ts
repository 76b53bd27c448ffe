/**
 * A reasoning model's thinking, told from its answer by the tags that models use. Thinking stands before the answer, so tags in
 * the middle of an answer are text; but a model whose prompt ended with the opening tag writes the closing one alone.
 */

export interface Segment {
  kind: "thinking" | "answer";
  text: string;
  open: boolean;
}

const PAIRS: [opens: string, closes: string][] = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<thought>", "</thought>"],
  ["<reasoning>", "</reasoning>"],
  ["[THINK]", "[/THINK]"],
  ["<seed:think>", "</seed:think>"],
  ["◁think▷", "◁/think▷"],
  ["<|channel|>analysis<|message|>", "<|end|>"],
];
/** What stands between thinking and answer in some formats, and is neither. */
const SEPARATORS = ["<|start|>assistant<|channel|>final<|message|>", "<|channel|>final<|message|>"];
const LONE_CLOSERS = ["</think>", "</thinking>"];
const FENCE = /^ {0,3}(?:```|~~~)/gm;

export class Segmenter {
  readonly segments: Segment[] = [];
  /** What may become a tag. */
  private pending = "";
  private closer = "";
  private state: "edge" | "thinking" | "watching" | "answer" = "edge";

  write(text: string): void {
    this.pending += text;
    while (this.pending !== "" && this.step()) {
      // each step reads a piece
    }
  }

  /** Nothing follows: what might have become a tag is none. */
  end(): void {
    const rest = this.pending;
    this.pending = "";
    if (this.state === "watching" && this.closesAlone(rest)) this.reclassify();
    else if (rest.trim() !== "") this.add(rest);
    const last = this.segments.at(-1);
    if (last) last.open = false;
  }

  /** Read a piece of what is pending; false where it takes more text to go on. */
  private step(): boolean {
    if (this.state === "edge") return this.readEdge();
    if (this.state === "thinking") return this.readThinking();
    if (this.state === "watching") return this.readWatching();
    this.add(this.take(this.pending.length));
    return false;
  }

  /** Before the answer, or behind thinking: a tag, or else the answer. */
  private readEdge(): boolean {
    const start = this.pending.trimStart();
    const pair = PAIRS.find(([opens]) => start.startsWith(opens));
    const separator = SEPARATORS.find((one) => start.startsWith(one));
    if (pair) this.begin("thinking", start.slice(pair[0].length), pair[1]);
    else if (separator) this.pending = start.slice(separator.length);
    else if ([...SEPARATORS, ...PAIRS.map(([opens]) => opens)].some((tag) => tag.startsWith(start))) return false;
    else this.begin("answer", this.pending.replace(/^\s*\n/, ""), "");
    return true;
  }

  private begin(kind: Segment["kind"], rest: string, closer: string): void {
    this.state = kind === "thinking" ? "thinking" : this.segments.length === 0 ? "watching" : "answer";
    this.segments.push({ kind, text: "", open: true });
    this.pending = rest;
    this.closer = closer;
  }

  private readThinking(): boolean {
    const end = this.pending.indexOf(this.closer);
    if (end < 0) {
      this.add(this.take(this.pending.length - overlap(this.pending, this.closer)));
      return false;
    }
    this.add(this.take(end));
    this.take(this.closer.length);
    this.closeThinking();
    return true;
  }

  /** The first answer, a line at a time: is there a closing tag alone on one? */
  private readWatching(): boolean {
    const end = this.pending.indexOf("\n");
    const atLineStart = /(?:^|\n)$/.test(this.segments[0]?.text ?? "");
    if (end < 0) {
      const held = atLineStart && LONE_CLOSERS.some((tag) => tag.startsWith(this.pending.trim()));
      if (!held) this.add(this.take(this.pending.length));
      return false;
    }
    const line = this.take(end + 1);
    if (atLineStart && this.closesAlone(line)) this.reclassify();
    else this.add(line);
    return true;
  }

  private closesAlone(line: string): boolean {
    const fences = this.segments[0]?.text.match(FENCE)?.length ?? 0;
    return LONE_CLOSERS.includes(line.trim()) && fences % 2 === 0;
  }

  /** What looked like the answer was thinking. */
  private reclassify(): void {
    (this.segments[0] as Segment).kind = "thinking";
    this.closeThinking();
  }

  private closeThinking(): void {
    (this.segments.at(-1) as Segment).open = false;
    this.state = "edge";
  }

  private take(length: number): string {
    const taken = this.pending.slice(0, length);
    this.pending = this.pending.slice(length);
    return taken;
  }

  private add(text: string): void {
    const last = this.segments.at(-1);
    if (last?.open) last.text += text;
    else this.segments.push({ kind: "answer", text, open: true });
  }
}

/** A text without thinking in it: one answer. */
export class Whole {
  readonly segments: Segment[] = [];

  write(text: string): void {
    const [whole] = this.segments;
    if (whole) whole.text += text;
    else this.segments.push({ kind: "answer", text, open: true });
  }

  end(): void {
    for (const whole of this.segments) whole.open = false;
  }
}

/** How much of the end of a text is the beginning of a tag. */
function overlap(text: string, tag: string): number {
  let size = Math.min(tag.length - 1, text.length);
  while (size > 0 && !text.endsWith(tag.slice(0, size))) size -= 1;
  return size;
}
