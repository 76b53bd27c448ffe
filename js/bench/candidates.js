/** Ways to show Markdown that comes piece by piece. Each takes an element, and what it returns takes pieces. */
import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { Lexer, Marked } from "marked";
import * as smd from "streaming-markdown";
import { MarkdownDocument } from "../src/render/document";
import { tokensToNodes } from "./tokens.js";

const services = { highlight() {}, typeset() {} };

/** This package's own parser. */
function ours(element) {
  const page = new MarkdownDocument(services);
  element.append(page.element);
  return { write: (text) => page.write(text), end: () => page.end() };
}

/** streaming-markdown with a renderer that drops the addresses it may not follow. */
function streaming(element) {
  const renderer = smd.default_renderer(element);
  const setAttribute = renderer.set_attr;
  renderer.set_attr = (data, type, value) => {
    if (type === smd.HREF && /^(?:https?:\/\/|mailto:)/i.test(value)) setAttribute(data, type, value);
    else if (type === smd.START || type === smd.CHECKED) setAttribute(data, type, value);
  };
  const parser = smd.parser(renderer);
  return { write: (text) => smd.parser_write(parser, text), end: () => smd.parser_end(parser) };
}

/** The whole text anew for each piece, to HTML, cleaned. */
function rerender(toHtml) {
  return (element) => {
    let text = "";
    const show = () => {
      element.innerHTML = DOMPurify.sanitize(toHtml(text));
    };
    return {
      write: (piece) => {
        text += piece;
        show();
      },
      end: () => {},
    };
  };
}

/** marked's lexer on what may still change: blocks but the last are frozen at the last line break. No HTML is parsed. */
function frozen(element) {
  const options = new Marked({ gfm: true, breaks: true }).defaults;
  let tail = "";
  let shown = [];
  const show = (text) => {
    for (const node of shown) node.remove();
    shown = tokensToNodes(new Lexer(options).lex(text));
    element.append(...shown);
  };
  const freeze = () => {
    const complete = tail.slice(0, tail.lastIndexOf("\n") + 1);
    const tokens = new Lexer(options).lex(complete);
    const last = tokens.findLastIndex((token) => token.type !== "space");
    const done = tokens.slice(0, Math.max(0, last));
    if (done.length === 0) return;
    for (const node of shown) node.remove();
    element.append(...tokensToNodes(done));
    shown = [];
    tail = tail.slice(done.reduce((sum, token) => sum + token.raw.length, 0));
  };
  return {
    write: (piece) => {
      tail += piece;
      if (piece.includes("\n")) freeze();
      show(tail);
    },
    end: () => show(tail),
  };
}

const LINK = /^(?:https?:\/\/|mailto:)/i;
const asText = (text) => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => asText(text),
    link({ href, tokens, raw }) {
      return LINK.test(href) ? `<a href="${encodeURI(href)}">${this.parser.parseInline(tokens)}</a>` : asText(raw);
    },
  },
});
const markdownIt = new MarkdownIt({ html: false, breaks: true });
markdownIt.validateLink = (url) => LINK.test(url);

export const candidates = {
  "our own parser": ours,
  "streaming-markdown": streaming,
  "marked's lexer, blocks frozen": frozen,
  "marked + DOMPurify, whole": rerender((text) => marked.parse(text)),
  "markdown-it + DOMPurify, whole": rerender((text) => markdownIt.render(text)),
};
