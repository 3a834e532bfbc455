/** Saving a figure as it looks on the screen. */

import { h } from "./dom";

/** What of an SVG element's look comes from style sheets, which a saved file doesn't have. */
const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "dominant-baseline",
  "visibility",
  "display",
] as const;

/** A figure: an SVG, or a canvas, which an SVG file then holds as a picture. */
export type Figure = SVGSVGElement | HTMLCanvasElement;

/** Two small buttons that save a figure as PNG and SVG. */
export function saveButtons(name: string, figure: () => Figure): HTMLElement {
  const button = (kind: "PNG" | "SVG", save: () => Promise<Blob>): HTMLElement =>
    h(
      "button",
      {
        type: "button",
        class: "nait-quiet",
        "aria-label": `Save ${name} as ${kind}`,
        on: { click: () => void save().then((blob) => download(blob, `${name}.${kind.toLowerCase()}`)) },
      },
      kind,
    );
  return h(
    "span",
    { class: "nait-save" },
    button("PNG", () => png(figure())),
    button("SVG", () => Promise.resolve(svg(figure()))),
  );
}

/** Hand a file to the person. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A figure as a stand-alone SVG file. */
export function svg(figure: Figure): Blob {
  const { width, height } = figure.getBoundingClientRect();
  const body =
    figure instanceof HTMLCanvasElement
      ? `<image width="${width}" height="${height}" href="${figure.toDataURL("image/png")}"/>`
      : Array.from(styled(figure).childNodes, (node) => new XMLSerializer().serializeToString(node)).join("");
  const background = `<rect width="100%" height="100%" fill="${backgroundOf(figure)}"/>`;
  return new Blob(
    [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" `,
      `viewBox="0 0 ${width} ${height}">${background}${body}</svg>`,
    ],
    { type: "image/svg+xml" },
  );
}

/** A figure as a PNG file, at twice the screen's size. */
export async function png(figure: Figure): Promise<Blob> {
  const { width, height } = figure.getBoundingClientRect();
  const canvas = h("canvas", { width: Math.ceil(2 * width), height: Math.ceil(2 * height) });
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("This browser can't draw the figure.");
  context.fillStyle = backgroundOf(figure);
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(
    figure instanceof HTMLCanvasElement ? figure : await picture(svg(figure)),
    0,
    0,
    canvas.width,
    canvas.height,
  );
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error("This browser can't save the figure.")) : resolve(blob)));
  });
}

function styled(figure: SVGSVGElement): SVGSVGElement {
  const copy = figure.cloneNode(true) as SVGSVGElement;
  const originals = figure.querySelectorAll<SVGElement>("*");
  copy.querySelectorAll<SVGElement>("*").forEach((element, i) => {
    const computed = getComputedStyle(originals[i]!);
    for (const name of STYLES) element.style.setProperty(name, computed.getPropertyValue(name));
  });
  return copy;
}

function backgroundOf(figure: Element): string {
  return getComputedStyle(figure).getPropertyValue("--nait-background").trim() || "white";
}

async function picture(blob: Blob): Promise<HTMLImageElement> {
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}
