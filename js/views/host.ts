/** What a view gets from where it is shown, be it a notebook or a panel of JupyterLab. */

import type { Palette } from "../core/palette";
import { h } from "./dom";

/** What a person may set of how views look. */
export interface Look {
  /** Colours of scores on the map. */
  readonly palette: Palette;
  /** Pixels; the map is lower where there is little room. */
  readonly histogramHeight: number;
  readonly mapHeight: number;
  /** Rows of the table in view. */
  readonly tableRows: number;
}

const LOOK: Look = { palette: "cividis", histogramHeight: 150, mapHeight: 420, tableRows: 12 };

/** Surroundings of a view. */
export interface Host {
  /** Fires when the view goes: every listener, observer and timer of a view ends with it. */
  readonly signal: AbortSignal;
  readonly look: Look;
  /** Say something to people who don't see the change (a polite live region). */
  announce(text: string): void;
}

/** A part of the page. */
export interface View {
  readonly element: HTMLElement;
}

/** A host around a root element, with its own live region. */
export function createHost(root: HTMLElement, signal: AbortSignal, look: Look = LOOK): Host {
  const region = h("div", { class: "nait-announce", role: "status", "aria-live": "polite" });
  root.append(region);
  return {
    signal,
    look,
    announce(text) {
      region.textContent = text;
    },
  };
}

/** Call back at once and whenever JupyterLab's theme, or the system's, changes. */
export function onTheme(signal: AbortSignal, changed: () => void): void {
  const observer = new MutationObserver(changed);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  signal.addEventListener("abort", () => observer.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal });
  changed();
}

/** Call back with the width whenever it changes, once a frame. */
export function onWidth(element: HTMLElement, signal: AbortSignal, changed: (width: number) => void): void {
  let width = 0;
  const observer = new ResizeObserver((entries) => {
    const now = Math.floor(entries[0]?.contentRect.width ?? 0);
    if (now > 0 && now !== width) {
      width = now;
      changed(now);
    }
  });
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect());
}

/** At most one call a frame, with the latest arguments. */
export function framed<A extends unknown[]>(signal: AbortSignal, draw: (...args: A) => void): (...args: A) => void {
  let pending: A | null = null;
  return (...args) => {
    const first = pending === null;
    pending = args;
    if (!first) return;
    requestAnimationFrame(() => {
      const latest = pending;
      pending = null;
      if (latest !== null && !signal.aborted) draw(...latest);
    });
  };
}
