/** Icons, drawn for light and dark: their colours are classes of JupyterLab. */

import { LabIcon } from "@jupyterlab/ui-components";
import type { Kind } from "./kinds";

/** Three rows of neurons, of which some are active: the larger the dot, the more so. */
const NEURONS = [
  [1.1, 2.3, 1.1],
  [2.3, 1.1, 1.7],
  [1.1, 1.7, 2.3],
];

function neurons(left: number, top: number, step: number, size: number): string {
  return NEURONS.flatMap((row, y) =>
    row.map(
      (radius, x) => `<circle cx="${left + x * step}" cy="${top + y * step}" r="${(radius * size).toFixed(2)}"/>`,
    ),
  ).join("");
}

function icon(name: string, content: string): LabIcon {
  const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">${content}</svg>`;
  return new LabIcon({ name: `nait-widgets:${name}`, svgstr });
}

const GREY = `class="jp-icon3" fill="#616161"`;
const BRAND = `class="jp-icon-brand0" fill="#1976d2"`;

/** Lines: their class is on a group without a fill, since JupyterLab's classes colour the fill that an element has. */
function lines(path: string, colour: "grey" | "brand" = "grey"): string {
  const [of, stroke, width] = colour === "grey" ? ["jp-icon3", "#616161", 1.8] : ["jp-icon-brand0", "#1976d2", 2.2];
  return (
    `<g class="${of}" stroke="${stroke}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round">` +
    `<path fill="none" d="${path}"/></g>`
  );
}

/** The extension itself: its sidebar and its settings. */
export const storesIcon = icon(
  "stores",
  `<g class="jp-icon3 jp-icon-selectable" fill="#616161">${neurons(4.6, 4.6, 7.4, 1.32)}</g>`,
);

const storeIcon = icon(
  "store",
  `${lines("M5.5 2.9h13a2.6 2.6 0 0 1 2.6 2.6v13a2.6 2.6 0 0 1-2.6 2.6h-13a2.6 2.6 0 0 1-2.6-2.6v-13a2.6 2.6 0 0 1 2.6-2.6Z")}` +
    `<g ${BRAND}>${neurons(7, 7, 5, 0.8)}</g>`,
);

const packedIcon = icon(
  "packed",
  lines("M3 7.5 6 3h12l3 4.5V19a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2ZM3 7.5h18") +
    `<g ${BRAND}>${neurons(8.2, 10.8, 3.8, 0.62)}</g>`,
);

const directionIcon = icon(
  "direction",
  `<g ${GREY}><circle cx="4" cy="14" r="1.4"/><circle cx="8.5" cy="20" r="1.9"/><circle cx="10" cy="13.6" r="1.2"/>` +
    `<circle cx="4.6" cy="19.4" r="1"/></g>${lines("M11 17 20 5M13.4 5.4 20.4 4.4 21.4 11.4", "brand")}`,
);

/** A ruler. */
const scorerIcon = icon("scorer", lines("M3 8h18v8H3Z") + lines("M7 8v3.4M11 8v4.6M15 8v3.4M19 8v4.6", "brand"));

const selectionIcon = icon(
  "selection",
  lines("M12.5 6H21M12.5 12H21M12.5 18H21") +
    lines("m3 6 2 2 4-4M3 18l2 2 4-4", "brand") +
    `<circle cx="6" cy="12" r="1.3" ${GREY}/>`,
);

/** A new curation, in the launcher. */
export const curationIcon = icon(
  "curation",
  `<g ${GREY}><circle cx="6" cy="4" r="1.4"/><circle cx="11.4" cy="3.4" r="1.1"/><circle cx="17.4" cy="4" r="1.8"/></g>` +
    lines("M3 8.5h18l-6.8 6.6v4.4L9.8 17v-1.9Z") +
    `<circle cx="12" cy="11.6" r="1.6" ${BRAND}/><circle cx="17.5" cy="20.5" r="1.9" ${BRAND}/>`,
);

/** What each kind of file looks like in a list. */
export const KIND_ICONS: Record<Kind, LabIcon> = {
  store: storeIcon,
  packed: packedIcon,
  direction: directionIcon,
  scorer: scorerIcon,
  recipe: selectionIcon,
};
