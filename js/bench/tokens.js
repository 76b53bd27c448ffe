/** marked's tokens to nodes, without HTML. */

const INLINE = { strong: "strong", em: "em", del: "del" };
const make = (tag, ...children) => {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
};
const decode = (text) =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" })[name]);

export const tokensToNodes = (tokens) => tokens.filter(({ type }) => type !== "space" && type !== "def").map(block);

const inline = (tokens = []) => tokens.map(one);

function one(token) {
  if (INLINE[token.type]) return make(INLINE[token.type], ...inline(token.tokens));
  switch (token.type) {
    case "codespan":
      return make("code", token.text);
    case "br":
      return make("br");
    case "link":
      return link(token);
    case "image":
      return make("button", token.text);
    case "text":
      return token.tokens ? make("span", ...inline(token.tokens)) : decode(token.text);
    case "escape":
      return token.text;
    default:
      return token.raw;
  }
}

function link(token) {
  if (!/^(?:https?:\/\/|mailto:)/i.test(token.href)) return token.raw;
  const element = make("a", ...inline(token.tokens));
  element.href = token.href;
  return element;
}

function block(token) {
  switch (token.type) {
    case "heading":
      return make(`h${token.depth}`, ...inline(token.tokens));
    case "paragraph":
      return make("p", ...inline(token.tokens));
    case "text":
      return make("p", ...(token.tokens ? inline(token.tokens) : [token.text]));
    case "code":
      return make("pre", make("code", token.text));
    case "blockquote":
      return make("blockquote", ...tokensToNodes(token.tokens));
    case "list":
      return list(token);
    case "table":
      return table(token);
    case "hr":
      return make("hr");
    default:
      return make("p", token.raw);
  }
}

function list(token) {
  const element = make(
    token.ordered ? "ol" : "ul",
    ...token.items.map((item) => make("li", ...tokensToNodes(item.tokens))),
  );
  if (!token.loose) element.className = "tight";
  if (token.ordered && token.start !== 1) element.start = token.start;
  return element;
}

function table(token) {
  const row = (tag, cells) => make("tr", ...cells.map((cell) => make(tag, ...inline(cell.tokens))));
  return make(
    "table",
    make("thead", row("th", token.header)),
    make("tbody", ...token.rows.map((cells) => row("td", cells))),
  );
}
