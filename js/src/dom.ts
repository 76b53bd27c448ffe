/** The only place that makes elements. The tags are a closed list, and text goes in as text. */

type Tag =
  | "a"
  | "blockquote"
  | "br"
  | "button"
  | "code"
  | "del"
  | "details"
  | "div"
  | "em"
  | "h1"
  | "h2"
  | "h3"
  | "h4"
  | "h5"
  | "h6"
  | "hr"
  | "img"
  | "li"
  | "ol"
  | "p"
  | "pre"
  | "span"
  | "strong"
  | "style"
  | "summary"
  | "table"
  | "tbody"
  | "td"
  | "textarea"
  | "th"
  | "thead"
  | "tr"
  | "ul";

/** Make an element with a class of ours and children. */
export function h<T extends Tag>(tag: T, className = "", ...children: (Node | string)[]): HTMLElementTagNameMap[T] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Make a button that says what it does. */
export function button(className: string, label: string, ...children: (Node | string)[]): HTMLButtonElement {
  const element = h("button", className, ...children);
  element.type = "button";
  element.setAttribute("aria-label", label);
  return element;
}

/** Show text in an element, touching nothing where it is shown already. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Change a text node in place: what is only longer grows at its end, so that a selection in it stays. */
export function updateText(node: Text, text: string): void {
  if (text === node.data) return;
  if (text.startsWith(node.data)) node.appendData(text.slice(node.data.length));
  else node.data = text;
}
