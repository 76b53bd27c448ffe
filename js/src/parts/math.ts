/**
 * A lazy part: TeX to MathML, by Temml. Of the tree that Temml makes only what is known to be inert becomes nodes: no links, no
 * positions, no names that others could refer to.
 */
import temml, { type Options } from "temml";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const TAGS = new Set(
  (
    "math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub " +
    "msubsup msup mtable mtd mtext mtr munder munderover none"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  (
    "accent accentunder columnalign columnlines columnspacing columnspan depth dir display displaystyle fence form height " +
    "largeop linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits rowlines " +
    "rowspacing rowspan rspace scriptlevel separator stretchy symmetric voffset width"
  ).split(" "),
);
const STYLES = new Set(
  (
    "border border-bottom border-left border-right border-top color font-style font-weight height margin-left math-depth " +
    "padding padding-bottom padding-left padding-right padding-top text-align width"
  ).split(" "),
);
const VALUE = /^[\w.#%+ -]{0,60}$/;
/** Longer lengths, in whatever unit, would push a formula, or what is beside it, out of sight. */
const MAX_LENGTH = 60;
const CLASS = /^(?:tml|wbk|ff)-[a-z-]+$|^(?:mathcal|mathscr|upstrike|downstrike)$/;

/** What Temml gives: elements with children, texts without. */
interface MathTree {
  type?: string;
  text?: string;
  children?: MathTree[];
  attributes?: Record<string, unknown>;
  classes?: string[];
  style?: Record<string, unknown>;
}

export function create(): (tex: string, display: boolean) => Node {
  return (tex, display) => make(parse(tex, display));
}

function parse(tex: string, displayMode: boolean): MathTree {
  const wrap = displayMode ? "none" : "tex";
  const options = {
    displayMode,
    throwOnError: true,
    trust: false,
    maxExpand: 300,
    maxSize: [20, 20],
    macros: {},
    wrap,
  } satisfies Options;
  return temml.__renderToMathMLTree(tex, options) as MathTree;
}

function make(tree: MathTree): Node {
  if (tree.text !== undefined) return document.createTextNode(tree.text);
  const tag = tree.type && TAGS.has(tree.type) ? tree.type : "mrow";
  const element = document.createElementNS(MATHML, tag) as MathMLElement;
  for (const [name, value] of Object.entries(tree.attributes ?? {})) setAttribute(element, name, String(value));
  for (const [name, value] of Object.entries(tree.style ?? {})) setStyle(element, name, String(value));
  const classes = (tree.classes ?? []).filter((one) => CLASS.test(one));
  if (classes.length > 0) element.setAttribute("class", classes.join(" "));
  element.append(...(tree.children ?? []).map(make));
  return element;
}

function setAttribute(element: MathMLElement, name: string, value: string): void {
  if (ATTRIBUTES.has(name) && isHarmless(value)) element.setAttribute(name, value);
}

function setStyle(element: MathMLElement, name: string, value: string): void {
  const property = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (STYLES.has(property) && isHarmless(value)) element.style?.setProperty(property, value);
}

function isHarmless(value: string): boolean {
  const lengths = value.match(/[\d.]+(?=[a-z])/g) ?? [];
  return VALUE.test(value) && lengths.every((length) => Number(length) <= MAX_LENGTH);
}
