/** The anywidget. Its module gives a function, so that each model has a store of its own wherever modules are shared. */
import { Highlighter } from "./highlighter";
import type { Model } from "./model";
import { Parts } from "./parts";
import type { Services } from "./render/services";
import { Store } from "./store";
import { Typesetter } from "./typesetter";
import { View } from "./view";

interface Output {
  store: Store;
  services: Services;
}

interface Context {
  model: Model;
}

interface Widget {
  initialize(context: Context): () => void;
  render(context: Context & { el: HTMLElement }): () => void;
}

export default function widget(): Widget {
  let output: Output | null = null;
  return {
    initialize({ model }) {
      output ??= open(model);
      output.store.greet();
      return () => output?.store.close();
    },
    render({ model, el }) {
      output ??= open(model);
      const view = new View(output.store, output.services, el, String(model.get("caption") ?? ""));
      output.store.expect();
      return () => view.close();
    },
  };
}

function open(model: Model): Output {
  const store = new Store(model);
  const parts = new Parts(String(model.get("parts") ?? ""), (name) => store.need(name));
  store.onPart = (name, code) => void parts.accept(name, code);
  const highlighter = new Highlighter(parts);
  const typesetter = new Typesetter(parts);
  return {
    store,
    services: {
      highlight: (code, text, language) => highlighter.highlight(code, text, language),
      typeset: (element, tex, display) => typesetter.typeset(element, tex, display),
    },
  };
}
