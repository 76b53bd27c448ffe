/**
 * To JupyterLab and Notebook plain keys are commands: x cuts the cell, Enter edits it. While the focus is in an output they are
 * not. Keys with Ctrl and the like, and Shift+Enter, stay theirs. Notebook listens before anything in the page hears a key, so
 * the mark that Lumino looks for is set even earlier.
 */

const MARK = "data-lm-suppress-shortcuts";

/** Keep plain keys in an element; Esc too, as long as it means something here. Returns what ends that. */
export function keepPlainKeys(host: HTMLElement, isEscapeOurs: () => boolean): () => void {
  const mark = (event: KeyboardEvent) => {
    if (!event.composedPath().includes(host)) return;
    if (isPlain(event) && (event.key !== "Escape" || isEscapeOurs())) host.setAttribute(MARK, "true");
    else host.removeAttribute(MARK);
  };
  window.addEventListener("keydown", mark, { capture: true });
  return () => window.removeEventListener("keydown", mark, { capture: true });
}

function isPlain({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
  return !(ctrlKey || metaKey || altKey || (shiftKey && key === "Enter"));
}
