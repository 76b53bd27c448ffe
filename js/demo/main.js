import { FakeModel } from "./model.js";
import { answer, long, thinking } from "./samples.js";

const place = document.querySelector("#output");

/** Show a fresh widget, and return its model. */
export async function open() {
  const { default: widget } = await import("/static/widget.js");
  const model = new FakeModel();
  const { initialize, render } = widget();
  initialize({ model });
  place.replaceChildren();
  render({ model, el: place });
  return model;
}

async function run(text, rate) {
  const model = await open();
  model.say("loading", "loading smollm2-135m.gguf · 42 %", 0.42);
  await new Promise((resolve) => setTimeout(resolve, 600));
  model.say("prefill", "reading the prompt · 1,536 of 4,000 tokens · about 3 s left", 0.38);
  await new Promise((resolve) => setTimeout(resolve, 800));
  await model.stream(text, rate);
}

const on = (id, act) => document.getElementById(id).addEventListener("click", act);
on("run", () => run(answer, 60));
on("think", () => run(thinking + answer, 60));
on("long", () => run(long(), 400));
on("theme", () => {
  document.body.dataset.jpThemeLight = String(document.body.dataset.jpThemeLight === "false");
});

Object.assign(globalThis, { demo: { open, answer, long, thinking } });
