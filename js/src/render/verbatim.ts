/** Text that is no Markdown, as it comes: JSON in a box of code, anything else as it is. */
import { h } from "../dom";
import type { Language } from "../protocol";
import { printable } from "./controls";
import { codePane, GrowingCode } from "./growing-code";
import type { Services } from "./services";

export class VerbatimDocument {
  readonly element: HTMLElement;
  private readonly code: GrowingCode;
  private text = "";

  constructor(language: Language, services: Services) {
    const name = language === "text" ? "" : "json";
    this.code = new GrowingCode(name, services);
    this.element = h(
      "div",
      name ? "verbatim code" : "verbatim",
      codePane(name ? "Code, json" : "Text", this.code.element),
    );
  }

  write(text: string): void {
    this.text += printable(text);
    this.code.show(this.text);
    this.element.setAttribute("aria-busy", "true");
  }

  end(): void {
    this.element.removeAttribute("aria-busy");
  }
}
