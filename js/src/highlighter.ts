/** Colours code while it is written, in idle moments and for at most a tenth of the time. */
import type { Parts, Products } from "./parts";

/** Longer code stays plain. */
const MAX_LENGTH = 20_000;
/** After a paint that took a while, rest this many times as long. */
const REST = 9;
const MIN_REST_MS = 80;

interface Job {
  text: string;
  language: string;
}

export class Highlighter {
  private readonly jobs = new Map<HTMLElement, Job>();
  private readonly resting = new WeakMap<HTMLElement, number>();
  private paint: Products["highlight"] | null = null;
  private scheduled = false;

  constructor(private readonly parts: Parts) {}

  /** Colour the code in this element soon. Asked again with more of it, only the last counts. */
  highlight(code: HTMLElement, text: string, language: string): void {
    if (!language || text.length > MAX_LENGTH) return;
    const isNew = !this.jobs.has(code);
    this.jobs.set(code, { text, language });
    if (this.paint) this.schedule();
    else if (isNew) this.parts.want("highlight", (paint) => this.begin(paint));
  }

  private begin(paint: Products["highlight"]): void {
    this.paint = paint;
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.jobs.size === 0) return;
    this.scheduled = true;
    const wait = Math.max(0, Math.min(...this.rests()) - performance.now());
    setTimeout(() => whenIdle(() => this.work()), wait);
  }

  /** When the elements that wait have rested, in the order of the jobs. */
  private rests(): number[] {
    return [...this.jobs.keys()].map((code) => this.resting.get(code) ?? 0);
  }

  /** Paint one element that has rested. */
  private work(): void {
    this.scheduled = false;
    const begin = performance.now();
    const ready = [...this.jobs].find(([code]) => (this.resting.get(code) ?? 0) <= begin);
    if (ready) this.paintNow(...ready);
    this.schedule();
  }

  private paintNow(code: HTMLElement, job: Job): void {
    const begin = performance.now();
    this.jobs.delete(code);
    this.show(code, job);
    this.resting.set(code, begin + Math.max(MIN_REST_MS, REST * (performance.now() - begin)));
  }

  private show(code: HTMLElement, job: Job): void {
    const coloured = this.paint?.(job.text, job.language);
    if (coloured) replaceTail(code, [...coloured.childNodes]);
  }
}

/** Put nodes in the place of an element's children, but leave those that are the same already. */
function replaceTail(element: HTMLElement, nodes: ChildNode[]): void {
  let same = 0;
  while (same < nodes.length && element.childNodes[same]?.isEqualNode(nodes[same] as ChildNode)) same += 1;
  while (element.childNodes.length > same) element.lastChild?.remove();
  element.append(...nodes.slice(same));
}

function whenIdle(work: () => void): void {
  if (typeof requestIdleCallback === "function") requestIdleCallback(work, { timeout: 150 });
  else setTimeout(work, 30);
}
