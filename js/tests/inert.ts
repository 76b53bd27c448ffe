/** What may stand in the tree of a text that a model wrote: a short list, checked node by node. */

const MATHML = "http://www.w3.org/1998/Math/MathML";
const HTML = "http://www.w3.org/1999/xhtml";

const TAGS = new Set(
  (
    "a blockquote br button code del details div em h1 h2 h3 h4 h5 h6 hr li ol p pre span strong summary table tbody td th thead " +
    "tr ul"
  ).split(" "),
);
const MATH_TAGS = new Set(
  (
    "math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup " +
    "msup mtable mtd mtext mtr munder munderover none"
  ).split(" "),
);
const CLASSES = new Set(
  "image copy code code-head formula display typeset failed table left center right tight task open done markdown thinking busy".split(
    " ",
  ),
);
const ATTRIBUTES: Record<string, RegExp> = {
  "aria-busy": /^true$/,
  "aria-label": /^(?:Copy code|Table|Code(?:, [a-z0-9+#_.-]+)?|Load image: [\s\S]*)$/,
  href: /^(?:https?:\/\/|mailto:)/,
  rel: /^noopener noreferrer$/,
  role: /^group$/,
  scope: /^col$/,
  start: /^\d{1,9}$/,
  tabindex: /^0$/,
  target: /^_blank$/,
  title: /^[\s\S]*$/,
  type: /^button$/,
};
const MATH_ATTRIBUTE = /^(?!on|href|src|id$|name$|action|xlink|xmlns|data|encoding|class$|style$)[a-z]+$/;
const MATH_VALUE = /^[\w.#%+ -]{0,60}$/;
const ONLY_ON: Record<string, string> = {
  href: "a",
  target: "a",
  rel: "a",
  title: "a",
  type: "button",
  start: "ol",
  scope: "th",
};

/** What should not be there; nothing where the tree is inert. */
export function complaints(root: Element): string[] {
  return [...root.querySelectorAll("*")].flatMap((element) => {
    const isMath = element.namespaceURI === MATHML;
    const known = isMath
      ? MATH_TAGS.has(element.localName)
      : element.namespaceURI === HTML && TAGS.has(element.localName);
    const wrong = [...element.attributes].filter(
      (attribute) => !(isMath ? inertInMath(attribute) : inert(element, attribute)),
    );
    return [
      ...(known ? [] : [`<${element.localName}>`]),
      ...wrong.map(({ name, value }) => `${element.localName}[${name}=${value}]`),
    ];
  });
}

function inert(element: Element, { name, value }: Attr): boolean {
  if (name === "class") return value === "" || value.split(" ").every((one) => classIsOurs(element, one));
  if (ONLY_ON[name] && ONLY_ON[name] !== element.localName) return false;
  return Object.hasOwn(ATTRIBUTES, name) && (ATTRIBUTES[name] as RegExp).test(value);
}

function classIsOurs(element: Element, name: string): boolean {
  if (element.localName === "code" && /^language-[a-z0-9+#_.-]{1,24}$/.test(name)) return true;
  return CLASSES.has(name) || (element.localName === "span" && /^hljs-[a-z][a-z_-]*$/.test(name));
}

function inertInMath({ name, value }: Attr): boolean {
  if (name === "class")
    return value
      .split(" ")
      .every((one) => /^(?:(?:tml|wbk|ff)-[a-z-]+|mathcal|mathscr|upstrike|downstrike)$/.test(one));
  if (name === "style") return !/url|position|expression|var\(/i.test(value);
  return MATH_ATTRIBUTE.test(name) && MATH_VALUE.test(value);
}
