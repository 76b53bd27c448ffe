import { button, h } from "../dom";

/** A picture that the model points to. It is asked for only when the reader wants it: asking tells its host who reads. */
export function makeImage(src: string, alt: string): HTMLElement {
  const host = new URL(src).host;
  const label = `Load image: ${alt ? `${alt} — ` : ""}${host}`;
  const load = button("image", label, label);
  const place = h("span", "", load);
  load.addEventListener("click", () => place.replaceChildren(makePicture(src, alt)));
  return place;
}

function makePicture(src: string, alt: string): HTMLImageElement {
  const picture = h("img");
  picture.referrerPolicy = "no-referrer";
  picture.decoding = "async";
  picture.alt = alt;
  picture.src = src;
  return picture;
}
