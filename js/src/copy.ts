/** Copying, also where the page came over plain http and the clipboard's own interface is closed. */
import { h, say } from "./dom";

const SHOWN_MS = 2_000;

/** Make a button copy a text, and say so for a while. */
export function copyOnClick(button: HTMLButtonElement, text: () => string): void {
  button.addEventListener("click", () => void copy(text(), button));
}

/** Make every copy button of a code block in an element work, those to come included. */
export function copyCodeOnClick(root: HTMLElement): void {
  root.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>(".code-head > .copy");
    const code = button?.closest(".code")?.querySelector("code");
    if (button && code) void copy(code.textContent ?? "", button);
  });
}

async function copy(text: string, button: HTMLButtonElement): Promise<void> {
  const copied = (await viaClipboard(text)) || viaSelection(text, button);
  confirm(button, copied ? "Copied" : "Failed");
}

async function viaClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function viaSelection(text: string, near: HTMLElement): boolean {
  const field = h("textarea", "offscreen");
  field.value = text;
  near.after(field);
  field.select();
  const copied = document.execCommand?.("copy") ?? false;
  field.remove();
  near.focus({ preventScroll: true });
  return copied;
}

function confirm(button: HTMLButtonElement, word: string): void {
  if (button.dataset.label) return;
  const label = button.getAttribute("aria-label") ?? "";
  const text = button.textContent ?? "";
  button.dataset.label = label;
  show(button, word, word);
  setTimeout(() => {
    show(button, label, text);
    delete button.dataset.label;
  }, SHOWN_MS);
}

function show(button: HTMLButtonElement, label: string, text: string): void {
  button.setAttribute("aria-label", label);
  say(button, text);
}
