import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "../src/index";
import { FakeModel } from "./fake-model";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Show a model, and return it with what finds something in its output. */
function show(caption: string) {
  const model = new FakeModel("test", caption);
  const place = document.createElement("div");
  document.body.replaceChildren(place);
  const output = widget();
  output.initialize({ model });
  output.render({ model, el: place });
  const root = place.querySelector(".cyllama-output")?.shadowRoot as ShadowRoot;
  return { model, find: (selector: string) => root.querySelector<HTMLElement>(selector) as HTMLElement };
}

describe("one of several answers", () => {
  it("says which it is, also to those who do not see it", () => {
    const { find } = show("2 of 4");
    expect(find(".caption").textContent).toBe("2 of 4");
    expect(find(".caption").hidden).toBe(false);
    expect(find("button.stop").textContent).toBe("Stop");
    expect(find("button.stop").getAttribute("aria-label")).toBe("Stop 2 of 4");
    expect(find("[role=log]").getAttribute("aria-label")).toBe("Answer 2 of 4");
    expect(find(".box").classList.contains("column")).toBe(true);
  });

  it("shows a caption as text", () => {
    const { find } = show("<b>2</b> of 4");
    expect(find(".caption").textContent).toBe("<b>2</b> of 4");
    expect(find(".caption").children.length).toBe(0);
  });

  it("stops itself", () => {
    const { find, model } = show("2 of 4");
    find("button.stop").click();
    expect(model.sentTypes()).toEqual(["hello", "stop"]);
  });

  it("still says which it is when it has ended", () => {
    const { find, model } = show("2 of 4");
    model.tell({ type: "end", seq: 1, outcome: "done", footer: "5 tokens" });
    vi.advanceTimersByTime(20);
    expect(find(".box").classList.contains("finished")).toBe(true);
    expect(find(".caption").textContent).toBe("2 of 4");
  });
});

describe("a lone answer", () => {
  it("has no caption and is no column", () => {
    const { find } = show("");
    expect(find(".caption").hidden).toBe(true);
    expect(find("button.stop").getAttribute("aria-label")).toBe("Stop");
    expect(find("[role=log]").getAttribute("aria-label")).toBe("Answer");
    expect(find(".box").classList.contains("column")).toBe(false);
  });
});
