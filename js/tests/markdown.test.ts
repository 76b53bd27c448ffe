import { describe, expect, it } from "vitest";
import { MarkdownDocument } from "../src/render/document";
import { noServices, render } from "./render";

const html = (text: string) => render(text).innerHTML;

describe("blocks", () => {
  it.each([
    ["headings", "# One\n\nTwo\n===\n\n###### Six ##", "<h1>One</h1><h1>Two</h1><h6>Six</h6>"],
    ["a tight list", "- a\n- b", '<ul class="tight"><li><p>a</p></li><li><p>b</p></li></ul>'],
    ["a loose list", "- a\n\n- b", '<ul class=""><li><p>a</p></li><li><p>b</p></li></ul>'],
    [
      "a list that does not begin with one",
      "3. c\n4. d",
      '<ol start="3" class="tight"><li><p>c</p></li><li><p>d</p></li></ol>',
    ],
    [
      "tasks",
      "- [ ] to do\n- [x] done\n- [y] neither",
      '<ul class="tight"><li class="task open"><p>to do</p></li><li class="task done"><p>done</p></li><li><p>[y] neither</p></li></ul>',
    ],
    ["quotes", "> a\n> > b\n\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"],
    ["a rule", "a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"],
    ["line breaks where the model breaks lines", "a\nb", "<p>a<br>b</p>"],
  ])("%s", (_, markdown, expected) => {
    expect(html(markdown)).toBe(expected);
  });

  it("nests lists as they are indented", () => {
    const list = render("1. one\n   - two\n     1. three\n2. four");
    expect([...list.querySelectorAll("ol ul ol li")].map((item) => item.textContent)).toEqual(["three"]);
    expect(list.querySelectorAll(":scope > ol > li").length).toBe(2);
  });

  it("makes tables with aligned cells", () => {
    const table = render("| a | b |\n|:-:|--:|\n| 1 |").querySelector("table");
    expect(table?.outerHTML).toBe(
      '<table><thead><tr><th class="center" scope="col">a</th><th class="right" scope="col">b</th></tr></thead>' +
        '<tbody><tr><td class="center">1</td><td class="right"></td></tr></tbody></table>',
    );
  });

  it("keeps code as it is, tabs and blank lines too", () => {
    const code = render("```make\nall:\n\t@echo *hi*\n\n  <b>\n```").querySelector("code");
    expect(code?.textContent).toBe("all:\n\t@echo *hi*\n\n  <b>");
    expect(code?.className).toBe("language-make");
  });

  it("takes of a fence's info only what can be a language", () => {
    const classOf = (info: string) => render(`\`\`\`${info}\nx\n\`\`\``).querySelector("code")?.className;
    expect(classOf("C++")).toBe("language-c++");
    expect(classOf("{python} title=x")).toBe("language-python");
    expect(classOf('"><img src=x>')).toBe("language-img");
    expect(classOf("«»")).toBe("");
  });

  it("shows boxes for control characters", () => {
    expect(html("a\u001b[31mb\u0007\r\nc")).toBe("<p>a\ufffd[31mb\ufffd<br>c</p>");
  });
});

describe("text", () => {
  it.each([
    [
      "_ within words is no emphasis",
      "snake_case_name and __init__.py x",
      "<p>snake_case_name and <strong>init</strong>.py x</p>",
    ],
    ["* between spaces is a star", "2 * 3 * 4", "<p>2 * 3 * 4</p>"],
    ["styles nest", "***a** b* ~~c~~ `d*e*`", "<p><em><strong>a</strong> b</em> <del>c</del> <code>d*e*</code></p>"],
    ["what never closes is text", "**a `b [c](", "<p>**a `b [c](</p>"],
    ["references are read", "&lt;b&gt; &amp; &#65; &nosuch;", "<p>&lt;b&gt; &amp; A &amp;nosuch;</p>"],
    ["HTML is text", "<b onclick='x'>hi</b>", "<p>&lt;b onclick='x'&gt;hi&lt;/b&gt;</p>"],
  ])("%s", (_, markdown, expected) => {
    expect(html(markdown)).toBe(expected);
  });

  it.each([
    ["[a](https://x.org/?a=1&b=2 'the title')", "https://x.org/?a=1&b=2", "a"],
    ["<https://x.org>", "https://x.org/", "https://x.org"],
    ["see https://x.org/a_(b). Then", "https://x.org/a_(b)", "https://x.org/a_(b)"],
    ["(https://x.org/a)", "https://x.org/a", "https://x.org/a"],
    ["[https://x.org](https://x.org)", "https://x.org/", "https://x.org"],
    ["**https://x.org**", "https://x.org/", "https://x.org"],
    ["<me@x.org>", "mailto:me@x.org", "me@x.org"],
  ])("links: %s", (markdown, href, label) => {
    const links = render(markdown).querySelectorAll("a");
    expect(links.length).toBe(1);
    expect([links[0]?.href, links[0]?.textContent]).toEqual([href, label]);
    expect([links[0]?.rel, links[0]?.target]).toEqual(["noopener noreferrer", "_blank"]);
  });

  it.each([
    "[a](/local)",
    "[a](x.html)",
    "[a](javascript:alert(1))",
    "[a](data:text/html,x)",
    "[a](file:///etc/passwd)",
    "[a](http:x)",
  ])("stays text where a link leads elsewhere: %s", (markdown) => {
    const element = render(markdown);
    expect(element.querySelector("a")).toBeNull();
    expect(element.textContent).toBe(markdown);
  });
});

describe("formulas", () => {
  const formulas = (text: string) => [...render(text).querySelectorAll(".formula")].map((one) => one.textContent);

  it.each([
    ["$x$ and $$y$$", ["$x$", "$$y$$"]],
    ["\\(a_1\\) and \\[b^*c^*\\]", ["\\(a_1\\)", "\\[b^*c^*\\]"]],
    ["$$\nx = 1\n$$", ["x = 1"]],
    ["\\[\nx = 1\n\\]", ["x = 1"]],
    ["$$x = 1$$", ["x = 1"]],
    ["$$\nx\n$$.", ["x\n."]],
    ["- item\n\n  $$\n  x\n  $$", ["x"]],
  ])("%j", (text, expected) => {
    expect(formulas(text)).toEqual(expected);
  });

  it.each([
    "It costs $5 and saves $6.",
    "between $5-$10, or 20$ and 30$",
    "US$5 and CA$6",
    "`$x$`",
    "\\$x\\$",
    "$ x $",
    "\\[citation needed\\]",
    "$$ is the process id",
  ])("is none: %s", (text) => {
    expect(formulas(text)).toEqual([]);
  });

  it("keeps the lines of a formula that never closes, as text", () => {
    expect(html("$$\nx = _1_\n\nafter")).toBe("<p>$$<br>x = <em>1</em></p><p>after</p>");
  });
});

describe("images", () => {
  it("are not loaded before a click, and then without a referrer", () => {
    const element = render("![a cat](https://pics.example.org/cat.png)");
    const load = element.querySelector<HTMLButtonElement>("button.image");
    expect(element.querySelector("img")).toBeNull();
    expect(load?.textContent).toBe("Load image: a cat — pics.example.org");
    load?.click();
    const image = element.querySelector("img");
    expect([image?.src, image?.alt, image?.referrerPolicy]).toEqual([
      "https://pics.example.org/cat.png",
      "a cat",
      "no-referrer",
    ]);
  });

  it("are text in a link, and where they come from anywhere but the web", () => {
    expect(render("[![alt](https://x.org/i.png)](https://x.org)").querySelector("a")?.textContent).toBe("alt");
    expect(html("![x](data:image/png;base64,AAAA)")).toBe("<p>![x](data:image/png;base64,AAAA)</p>");
  });
});

describe("while it is written", () => {
  const shown = (text: string) => {
    const page = new MarkdownDocument(noServices);
    page.write(text);
    page.element.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
    return page.element.innerHTML;
  };

  it.each([
    ["a style that is open is shown", "a **bold te", "<p>a <strong>bold te</strong></p>"],
    ["half of its end is held back", "a **bold text*", "<p>a <strong>bold text</strong></p>"],
    ["so is code", "run `make te", "<p>run <code>make te</code></p>"],
    ["a link is its label", "see [the docs](https://exam", "<p>see the docs</p>"],
    ["a picture is nothing yet", "see ![the plot](https://exam", "<p>see</p>"],
    ["a formula is its source", "so \\(x^2", '<p>so <span class="formula">\\(x^2</span></p>'],
    ["what may become anything waits", "text\n-", "<p>text</p>"],
    ["so does a number", "text\n\n12", "<p>text</p>"],
    ["and a fence, until its language is known", "text\n\n```pyth", "<p>text</p>"],
    ["and a task", "- [", ""],
  ])("%s", (_, text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it("keeps the nodes of what is there", () => {
    const page = new MarkdownDocument(noServices);
    page.write("# Title\n\nSome **bold** text that");
    const [title, text] = page.element.children;
    const bold = text?.querySelector("strong");
    page.write(" goes on *and on");
    page.write("*.\n\n- item");
    expect([...page.element.children].slice(0, 2)).toEqual([title, text]);
    expect(text?.querySelector("strong")).toBe(bold);
  });

  it("marks the block that grows as busy, and no other", () => {
    const page = new MarkdownDocument(noServices);
    page.write("one\n\ntwo");
    expect([...page.element.children].map((block) => block.getAttribute("aria-busy"))).toEqual([null, "true"]);
    page.end();
    expect(page.element.querySelector("[aria-busy]")).toBeNull();
  });
});
