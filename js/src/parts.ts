/** The heavy parts: asked for over the comm when they are first needed, once a page, and then kept there. */
import { once } from "./page";
import type { PartName } from "./protocol";

export interface Products {
  highlight: (code: string, language: string) => Node | null;
  math: (tex: string, display: boolean) => Node;
}

type Use<N extends PartName> = (product: Products[N]) => void;
type Load = (code: string) => Promise<{ create: () => unknown }>;

/** A part that was asked for and did not come may be asked for again after this; its page may have been closed. */
const PATIENCE_MS = 10_000;

interface Entry {
  product: unknown;
  asked: number;
  waiting: ((product: unknown) => void)[];
}

export class Parts {
  constructor(
    /** Tells one version of the parts from another. */
    private readonly hash: string,
    private readonly ask: (name: PartName) => void,
    private readonly load: Load = importCode,
  ) {}

  /** Use a part: now where it is there, else as soon as it is. */
  want<N extends PartName>(name: N, use: Use<N>): void {
    const entry = this.entry(name);
    if (entry.product) use(entry.product as Products[N]);
    else this.wait(entry, name, use as (product: unknown) => void);
  }

  private wait(entry: Entry, name: PartName, use: (product: unknown) => void): void {
    entry.waiting.push(use);
    if (Date.now() - entry.asked < PATIENCE_MS) return;
    entry.asked = Date.now();
    this.ask(name);
  }

  /** A part has come. */
  async accept(name: PartName, code: string): Promise<void> {
    const entry = this.entry(name);
    if (entry.product) return;
    try {
      entry.product = (await this.load(code)).create();
    } catch (error) {
      console.warn(`cyllama_jupyter: the part "${name}" could not be loaded; the text stays as it is`, error);
      return;
    }
    for (const use of entry.waiting.splice(0)) use(entry.product);
  }

  private entry(name: PartName): Entry {
    return once(`part ${name} ${this.hash}`, () => ({ product: null, asked: Number.NEGATIVE_INFINITY, waiting: [] }));
  }
}

/** The way that anywidget itself takes to import its modules, so it works wherever a widget does. */
async function importCode(code: string): Promise<{ create: () => unknown }> {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return await import(/* @vite-ignore */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
