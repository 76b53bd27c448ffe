/** What is kept once a page. Every model carries this code anew, as a module of its own. */

const PAGE = Symbol.for("cyllama_jupyter.page");

type Kept = Map<string, unknown>;

/** Return what is kept under this key, making it where nothing is. */
export function once<T>(key: string, make: () => T): T {
  const page = globalThis as { [PAGE]?: Kept };
  page[PAGE] ??= new Map();
  if (!page[PAGE].has(key)) page[PAGE].set(key, make());
  return page[PAGE].get(key) as T;
}
