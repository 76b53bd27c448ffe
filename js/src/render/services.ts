/** What the renderer asks for and does not wait for: the text stands as it is until it is done. */
export interface Services {
  /** Colour the code in this element. */
  highlight(code: HTMLElement, text: string, language: string): void;
  /** Replace the source in this element by the formula. */
  typeset(element: HTMLElement, tex: string, display: boolean): void;
}
