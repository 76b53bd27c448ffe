/** The bar above the text while a cell runs: what it is doing, how far it is, and Stop. */
import { button, h, say } from "./dom";
import type { Store } from "./store";

/** A screen reader hears a new phase at once, and progress within one no oftener than this. */
const ANNOUNCE_MS = 5_000;
/** When a stop takes longer, there is another way. */
const HINT_MS = 4_000;

export class Toolbar {
  readonly stop: HTMLButtonElement;
  readonly copy = button("copy", "Copy the answer", "Copy");
  readonly element: HTMLElement;
  private readonly label = h("span", "label");
  private readonly announcer = h("span", "offscreen");
  private readonly fill = h("div", "fill");
  private readonly progress = h("div", "progress", this.fill);
  private announced = { key: "", at: Number.NEGATIVE_INFINITY };
  private hinted = false;
  private hint: ReturnType<typeof setTimeout> | undefined;

  /** @param caption Which of several answers it is, or nothing where it is the only one. */
  constructor(
    private readonly store: Store,
    caption: string,
  ) {
    this.stop = button("stop", caption ? `Stop ${caption}` : "Stop", h("span", "square"), "Stop");
    this.label.setAttribute("aria-hidden", "true");
    this.announcer.setAttribute("role", "status");
    this.progress.setAttribute("role", "progressbar");
    this.progress.setAttribute("aria-label", "Progress");
    this.stop.addEventListener("click", () => this.store.stop());
    const title = h("span", "caption", caption);
    title.hidden = caption === "";
    const line = h("div", "bar-line", title, h("span", "dot"), this.label, this.announcer, this.stop, this.copy);
    this.element = h("div", "bar", line, this.progress);
  }

  update(): void {
    const { end } = this.store;
    const label = end ? `${end.outcome}${end.footer ? `. ${end.footer}` : ""}` : this.labelNow();
    const key = end ? end.outcome : this.stopping ? "stopping" : (this.store.status?.phase ?? "starting");
    say(this.label, label);
    this.announce(key, label);
    this.copy.hidden = this.store.text === "";
    this.showProgress(end ? 1 : this.stopping ? null : (this.store.status?.fraction ?? null));
    this.showStopping(end !== null);
  }

  close(): void {
    clearTimeout(this.hint);
  }

  private get stopping(): boolean {
    return this.store.stopping || this.store.status?.phase === "stopping";
  }

  private labelNow(): string {
    if (this.hinted) return "stopping… the kernel's interrupt button (■) works too";
    if (this.store.stopping) return "stopping…";
    if (this.store.behind) return "catching up…";
    return this.store.status?.label ?? "starting…";
  }

  private announce(key: string, label: string): void {
    const now = performance.now();
    if (key === this.announced.key && now - this.announced.at < ANNOUNCE_MS) return;
    this.announced = { key, at: now };
    say(this.announcer, label);
  }

  private showProgress(fraction: number | null): void {
    this.progress.classList.toggle("unknown", fraction === null);
    this.fill.style.transform = fraction === null ? "" : `scaleX(${fraction})`;
    if (fraction === null) this.progress.removeAttribute("aria-valuenow");
    else this.progress.setAttribute("aria-valuenow", String(Math.round(fraction * 100)));
  }

  /** The button stays focusable: who pressed it by keyboard is not thrown out of the output. */
  private showStopping(ended: boolean): void {
    this.stop.setAttribute("aria-disabled", String(this.stopping || ended));
    if (ended) this.close();
    else if (this.store.stopping && this.hint === undefined) this.hint = setTimeout(() => this.showHint(), HINT_MS);
  }

  private showHint(): void {
    this.hinted = true;
    this.update();
  }
}
