import { button, h, say } from "./dom";
import type { End } from "./protocol";

/** The line below a finished text. */
export class Footer {
  readonly copy = button("copy", "Copy the answer", "Copy");
  private readonly text = h("span", "footer-text");
  readonly element = h("div", "footer", this.text, this.copy);

  constructor() {
    this.element.hidden = true;
  }

  show(end: End, hasText: boolean): void {
    say(this.text, end.footer || end.outcome);
    this.copy.hidden = !hasText;
    this.element.hidden = false;
  }
}
