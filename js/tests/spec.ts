/** Brings our elements and another renderer's HTML into one form, so that they can be compared. */

/** Our elements without what only we have: copy buttons, wrappers, the paragraphs of tight lists. */
export function ours(element: HTMLElement): string {
  const copy = element.cloneNode(true) as HTMLElement;
  for (const head of copy.querySelectorAll(".code-head")) head.remove();
  for (const wrapper of copy.querySelectorAll("div.code, div.table")) wrapper.replaceWith(...wrapper.childNodes);
  for (const paragraph of copy.querySelectorAll(".tight > li > p")) paragraph.replaceWith(...paragraph.childNodes);
  for (const image of copy.querySelectorAll("button.image")) {
    const label = (image.textContent ?? "").replace("Load image: ", "").replace(/(?:^| — )[^ ]*$/, "");
    image.parentElement?.replaceWith(`[image ${label}]`);
  }
  return serialise(copy);
}

/** HTML that a renderer made of Markdown. */
export function theirs(html: string): string {
  const copy = document.createElement("div");
  copy.innerHTML = html;
  for (const image of copy.querySelectorAll("img")) {
    image.replaceWith(image.closest("a") ? image.alt || "image" : `[image ${image.alt}]`);
  }
  for (const code of copy.querySelectorAll("pre > code"))
    code.textContent = (code.textContent ?? "").replace(/\n$/, "");
  for (const strike of copy.querySelectorAll("s")) {
    const del = document.createElement("del");
    del.append(...strike.childNodes);
    strike.replaceWith(del);
  }
  return serialise(copy);
}

function serialise(element: HTMLElement): string {
  element.normalize();
  return [...element.childNodes].map(one).join("");
}

const BLOCKS = new Set("blockquote div h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody td th thead tr ul".split(" "));

function one(node: Node): string {
  if (node instanceof Text) return text(node);
  const element = node as HTMLElement;
  const tag = element.localName;
  const inner = [...element.childNodes].map(one).join("");
  if (tag === "tbody" && inner === "") return "";
  const edge = BLOCKS.has(tag) ? "\n" : "";
  return `${edge}<${tag}${attributes(element)}>${inner.replace(/\n$/, "")}</${tag}>${edge}`.replaceAll("\n\n", "\n");
}

function attributes(element: HTMLElement): string {
  const shown: string[] = [];
  const href = element.getAttribute("href");
  if (href !== null) shown.push(` href=${address(href)}`);
  if (element.title) shown.push(` title=${element.title}`);
  const start = element.getAttribute("start");
  if (start && start !== "1") shown.push(` start=${start}`);
  return shown.join("");
}

function address(href: string): string {
  return decodeURI(URL.canParse(href) ? new URL(href).href : href);
}

/** White space between blocks, and around line breaks, does not show. */
function text(node: Text): string {
  if (node.parentElement?.closest("pre")) return node.data.replace(/\n$/, "");
  let data = node.data.replace(/[ \t\n]+/g, " ");
  const edge = (sibling: Node | null) =>
    !sibling || (sibling instanceof Element && (sibling.localName === "br" || BLOCKS.has(sibling.localName)));
  if (edge(node.previousSibling)) data = data.trimStart();
  if (edge(node.nextSibling)) data = data.trimEnd();
  return data;
}
