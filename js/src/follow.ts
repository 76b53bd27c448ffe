/**
 * Keeps the end of a growing text in view, until the reader scrolls up; scrolling to the end resumes it. The page around the
 * output moves only as far as it must for an end that was in view to stay there.
 */

/** How near to the end counts as there, in pixels. */
const NEAR = 4;

export class Follow {
  private following = true;
  private top = 0;
  private height = 0;
  private endInView = false;
  private readonly observer: IntersectionObserver | null;

  constructor(
    private readonly box: HTMLElement,
    private readonly end: HTMLElement,
    private readonly onChange: (following: boolean) => void,
  ) {
    box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.observer =
      typeof IntersectionObserver === "function" ? new IntersectionObserver((all) => this.seen(all)) : null;
    this.observer?.observe(end);
  }

  /** The text has grown. */
  grown(): void {
    if (!this.following) return;
    this.jump();
    if (this.endInView) this.end.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Go to the end, and stay there. */
  resume(): void {
    this.set(true);
    this.jump();
  }

  /** Show all of the text at once, and leave what is being read where it is on the screen. */
  unfold(show: () => void): void {
    const { top, bottom } = this.box.getBoundingClientRect();
    const inView = bottom > 0 && top < window.innerHeight;
    const before = top - this.box.scrollTop;
    show();
    const moved = this.box.getBoundingClientRect().top - this.box.scrollTop - before;
    const page = inView && Math.abs(moved) > 1 ? scroller(this.box) : null;
    if (page) page.scrollTop += moved;
    this.close();
  }

  close(): void {
    this.observer?.disconnect();
  }

  private jump(): void {
    this.box.scrollTop = this.box.scrollHeight;
    this.top = this.box.scrollTop;
    this.height = this.box.scrollHeight;
  }

  private scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.box;
    const up = scrollTop < this.top - 0.5 && scrollHeight >= this.height;
    const atEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
    if (atEnd) this.set(true);
    else if (up) this.set(false);
    this.top = scrollTop;
    this.height = scrollHeight;
  }

  private seen(entries: IntersectionObserverEntry[]): void {
    this.endInView = entries.at(-1)?.isIntersecting ?? false;
  }

  private set(following: boolean): void {
    if (following === this.following) return;
    this.following = following;
    this.onChange(following);
  }
}

/** What scrolls when the page around an element does, also from inside a shadow tree. */
function scroller(element: Element): Element | null {
  let node: Node | null = element;
  while (node) {
    node = node.parentNode instanceof ShadowRoot ? node.parentNode.host : node.parentNode;
    if (node instanceof Element && node.scrollHeight > node.clientHeight && scrolls(node)) return node;
  }
  return document.scrollingElement;
}

function scrolls(element: Element): boolean {
  return /auto|scroll/.test(getComputedStyle(element).overflowY);
}
