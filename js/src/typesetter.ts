import type { Parts } from "./parts";

/** Longer formulas stay source. */
const MAX_LENGTH = 4_000;

/** Puts formulas in the place of their source. What cannot be typeset stays as it was written. */
export class Typesetter {
  constructor(private readonly parts: Parts) {}

  typeset(element: HTMLElement, tex: string, display: boolean): void {
    if (tex.length > MAX_LENGTH) return;
    const source = element.textContent;
    this.parts.want("math", (typeset) => {
      if (element.textContent === source) show(element, () => typeset(tex, display));
    });
  }
}

function show(element: HTMLElement, typeset: () => Node): void {
  try {
    element.replaceChildren(typeset());
    element.classList.add("typeset");
  } catch {
    element.classList.add("failed"); // TeX that a model got wrong is no news
  }
}
