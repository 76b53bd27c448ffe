/** Inline trees to nodes, one node for each value, so that a text that grows changes only at its end. */
import { h, updateText } from "../dom";
import type { Inline } from "../markdown/inline";
import { makeImage } from "./image";
import type { Services } from "./services";

/** Change the children of an element from the one list to the other. */
export function patch(parent: Element, before: Inline[], after: Inline[], services: Services): void {
  let node = parent.firstChild;
  for (const [index, value] of after.entries()) {
    const next: ChildNode | null = node?.nextSibling ?? null;
    const old = before[index];
    if (!node || !old) parent.append(make(value, services));
    else if (!update(node, old, value, services)) node.replaceWith(make(value, services));
    node = next;
  }
  for (let surplus = before.length - after.length; surplus > 0; surplus--) parent.lastChild?.remove();
}

function make(value: Inline, services: Services): Node {
  switch (value.kind) {
    case "text":
      return document.createTextNode(value.text);
    case "code":
      return h("code", "", value.text);
    case "break":
      return h("br");
    case "formula":
      return makeFormula(value, services);
    case "image":
      return makeImage(value.src, value.alt);
    case "link":
      return fill(makeLink(value.href, value.title), value.children, services);
    default:
      return fill(h(value.kind), value.children, services);
  }
}

function fill(element: HTMLElement, children: Inline[], services: Services): HTMLElement {
  patch(element, [], children, services);
  return element;
}

function makeLink(href: string, title: string): HTMLAnchorElement {
  const link = h("a");
  link.href = href;
  link.rel = "noopener noreferrer";
  link.target = "_blank";
  if (title) link.title = title;
  return link;
}

function makeFormula(value: Extract<Inline, { kind: "formula" }>, services: Services): HTMLElement {
  const element = h("span", value.display ? "formula display" : "formula", value.source);
  if (value.whole) services.typeset(element, value.tex, value.display);
  return element;
}

/** Change a node in place; false where it has to be made anew. */
function update(node: Node, before: Inline, after: Inline, services: Services): boolean {
  if (before.kind !== after.kind) return false;
  if (after.kind === "text") updateText(node as Text, after.text);
  else if (after.kind === "code") updateText(node.firstChild as Text, after.text);
  else if ("children" in after && "children" in before) {
    if (!sameLink(before, after)) return false;
    patch(node as Element, before.children, after.children, services);
  } else return sameLeaf(before, after);
  return true;
}

function sameLink(before: Inline, after: Inline): boolean {
  if (before.kind !== "link" || after.kind !== "link") return true;
  return before.href === after.href && before.title === after.title;
}

function sameLeaf(before: Inline, after: Inline): boolean {
  if (before.kind === "image" && after.kind === "image") return before.src === after.src && before.alt === after.alt;
  if (before.kind !== "formula" || after.kind !== "formula") return true;
  return before.source === after.source && before.display === after.display && before.whole === after.whole;
}
