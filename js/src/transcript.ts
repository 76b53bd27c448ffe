/** The text of one view: thinking folded, the answer below it. */
import { h, say } from "./dom";
import type { Language } from "./protocol";
import { MarkdownDocument } from "./render/document";
import type { Services } from "./render/services";
import { VerbatimDocument } from "./render/verbatim";
import { type Segment, Segmenter, Whole } from "./thinking";

/** Characters that are read in one frame at most: a replay of a long answer comes in steps that do not block the page. */
const FRAME = 6_000;

interface Pane {
  document: MarkdownDocument | VerbatimDocument;
  kind: Segment["kind"];
  read: number;
  ended: boolean;
}

export class Transcript {
  readonly element = h("div", "transcript");
  private segmenter: Segmenter | Whole = new Segmenter();
  private panes: Pane[] = [];
  private text = "";
  private ended = false;
  private language: Language = "markdown";

  constructor(private readonly services: Services) {}

  /** Show more of a text, at most a frame's worth. Returns whether there is more to show. */
  advance(text: string, ended: boolean, language: Language = "markdown"): boolean {
    if (!text.startsWith(this.text) || language !== this.language) this.reset(language);
    const more = text.slice(this.text.length, this.text.length + FRAME);
    this.text += more;
    if (more !== "") this.segmenter.write(more);
    const all = this.text.length === text.length;
    if (all && ended && !this.ended) this.finish();
    this.show();
    return !all;
  }

  /** The answer without the thinking; where there is no answer, everything. */
  get answer(): string {
    const answers = this.segmenter.segments.filter((segment) => segment.kind === "answer");
    const text = answers.map((segment) => segment.text).join("");
    return text.trim() === "" ? this.text : text;
  }

  private finish(): void {
    this.ended = true;
    this.segmenter.end();
  }

  private reset(language: Language): void {
    this.language = language;
    this.segmenter = language === "markdown" ? new Segmenter() : new Whole();
    this.panes = [];
    this.text = "";
    this.ended = false;
    this.element.replaceChildren();
  }

  private show(): void {
    for (const [index, segment] of this.segmenter.segments.entries()) {
      const pane = this.panes[index] ?? this.addPane(segment);
      if (pane.kind !== segment.kind) this.fold(pane, segment);
      this.feed(pane, segment);
    }
  }

  private addPane(segment: Segment): Pane {
    const { language, services } = this;
    const document =
      language === "markdown" ? new MarkdownDocument(services) : new VerbatimDocument(language, services);
    const pane: Pane = { document, kind: segment.kind, read: 0, ended: false };
    this.panes.push(pane);
    this.element.append(segment.kind === "thinking" ? foldable(document.element) : document.element);
    return pane;
  }

  /** What looked like the answer was thinking. */
  private fold(pane: Pane, segment: Segment): void {
    const place = document.createComment("");
    pane.document.element.replaceWith(place);
    place.replaceWith(foldable(pane.document.element));
    pane.kind = segment.kind;
  }

  private feed(pane: Pane, segment: Segment): void {
    if (pane.ended) return;
    if (pane.read < segment.text.length) pane.document.write(segment.text.slice(pane.read));
    pane.read = segment.text.length;
    if (!segment.open) {
      pane.document.end();
      pane.ended = true;
    }
    if (segment.kind === "thinking") this.label(pane, segment.open);
  }

  private label(pane: Pane, open: boolean): void {
    const fold = pane.document.element.parentElement;
    const summary = fold?.querySelector("summary");
    fold?.classList.toggle("busy", open);
    if (summary) say(summary, open ? "Thinking…" : "Thought for a while");
  }
}

function foldable(content: HTMLElement): HTMLElement {
  return h("details", "thinking", h("summary"), content);
}
