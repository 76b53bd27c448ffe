/** One view of a model: bar, text, footer, in a shadow tree of its own, so that neither styles nor scripts of the page reach in. */
import { copyCodeOnClick, copyOnClick } from "./copy";
import { button, h } from "./dom";
import { Follow } from "./follow";
import { Footer } from "./footer";
import { keepPlainKeys } from "./keys";
import type { Services } from "./render/services";
import type { Store } from "./store";
import { applyStyles } from "./styles";
import { followTheme } from "./theme";
import { Toolbar } from "./toolbar";
import { Transcript } from "./transcript";

export class View {
  private readonly toolbar: Toolbar;
  private readonly footer = new Footer();
  private readonly transcript: Transcript;
  private readonly log = h("div", "log");
  private readonly latest = button("latest", "Jump to the newest text", "↓ newest");
  private readonly box = h("div", "box");
  private readonly follow: Follow;
  private readonly cleanups: (() => void)[] = [];
  private frame = 0;
  private done = false;

  constructor(
    private readonly store: Store,
    services: Services,
    place: HTMLElement,
    private readonly caption = "",
  ) {
    this.toolbar = new Toolbar(store, caption);
    this.transcript = new Transcript(services);
    const end = h("div", "end");
    this.follow = new Follow(this.log, end, (following) => this.showFollowing(following));
    this.build(end, place);
    this.listen();
    this.render();
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    for (const cleanup of this.cleanups) cleanup();
    this.toolbar.close();
    this.follow.close();
  }

  private build(end: HTMLElement, place: HTMLElement): void {
    const host = h("div", "cyllama-output");
    const root = host.attachShadow({ mode: "open" });
    applyStyles(root);
    for (const [name, value] of [
      ["role", "log"],
      ["aria-live", "polite"],
      ["aria-label", this.caption ? `Answer ${this.caption}` : "Answer"],
      ["tabindex", "0"],
    ] as const) {
      this.log.setAttribute(name, value);
    }
    this.latest.hidden = true;
    this.box.classList.toggle("column", this.caption !== "");
    this.log.append(this.transcript.element);
    this.box.append(this.toolbar.element, h("div", "pane", this.log, this.latest), this.footer.element, end);
    root.append(this.box);
    place.append(host);
    this.cleanups.push(
      followTheme(host),
      keepPlainKeys(host, () => !this.store.end),
      () => host.remove(),
    );
  }

  private listen(): void {
    this.cleanups.push(this.store.listen(() => this.schedule()));
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.store.end) this.store.stop();
    });
    this.latest.addEventListener("click", () => this.follow.resume());
    copyCodeOnClick(this.box);
    for (const copy of [this.toolbar.copy, this.footer.copy]) copyOnClick(copy, () => this.transcript.answer);
  }

  private schedule(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.render());
  }

  private render(): void {
    this.frame = 0;
    const { text, end, status } = this.store;
    this.toolbar.update();
    const more = this.transcript.advance(text, end !== null, status?.language);
    if (more) this.schedule();
    if (!this.done) this.follow.grown();
    if (end && !more && !this.done) this.finish();
  }

  /** The bar gives way to the footer, and the text to its full height. */
  private finish(): void {
    this.done = true;
    const { end, text } = this.store;
    const focused = this.toolbar.element.matches(":focus-within");
    this.follow.unfold(() => {
      if (end) this.footer.show(end, text !== "");
      this.box.dataset.outcome = end?.outcome;
      this.box.classList.add("finished");
    });
    if (focused) this.log.focus({ preventScroll: true });
  }

  private showFollowing(following: boolean): void {
    this.latest.hidden = following;
  }
}
