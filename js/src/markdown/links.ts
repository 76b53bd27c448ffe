/** Where a link may lead: out of the notebook, by one of three schemes. Everything else stays text. */

const SCHEME = /^(?:https?:\/\/|mailto:)/i;

/** The address as the browser understands it, or null where it may not be followed. */
export function safeHref(address: string): string | null {
  if (!SCHEME.test(address)) return null;
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Where an image may come from, once the reader asks for it. */
export function safeImage(address: string): string | null {
  const href = safeHref(address);
  return href?.startsWith("http") ? href : null;
}
