/** Light or dark, as the front end around the output is. */

const ATTRIBUTES = ["class", "style", "theme", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"];
/** Front ends load the theme's colours some time after they name it. */
const SETTLED_MS = 600;

/** Keep an element's colour scheme that of its surroundings. Returns what ends that. */
export function followTheme(element: HTMLElement): () => void {
  const apply = () => {
    element.style.colorScheme = isDark(element) ? "dark" : "light";
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const observer = new MutationObserver(() => {
    apply();
    clearTimeout(timer);
    timer = setTimeout(apply, SETTLED_MS);
  });
  for (const target of [document.documentElement, document.body]) {
    observer.observe(target, { attributeFilter: ATTRIBUTES });
  }
  const preference = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  preference?.addEventListener("change", apply);
  apply();
  return () => {
    observer.disconnect();
    clearTimeout(timer);
    preference?.removeEventListener("change", apply);
  };
}

/** What the front end says, else what is behind the element, else what the reader prefers. */
export function isDark(element: HTMLElement): boolean {
  return (
    named(document.body) ?? behind(element) ?? globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ?? false
  );
}

function named(body: HTMLElement): boolean | null {
  const { jpThemeLight, vscodeThemeKind } = body.dataset;
  if (jpThemeLight) return jpThemeLight === "false";
  if (vscodeThemeKind) return !vscodeThemeKind.includes("light");
  return null;
}

/** The lightness of the first background that one cannot see through. */
function behind(element: HTMLElement): boolean | null {
  for (let node: Element | null = element; node; node = node.parentElement) {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (
      getComputedStyle(node).backgroundColor.match(/[\d.]+/g) ?? []
    ).map(Number);
    const transparent = alpha < 0.5 || getComputedStyle(node).backgroundColor === "";
    if (!transparent) return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  }
  return null;
}
