/** Scrolling through a list that is too long to be elements: the box, its scroll bar, and what of the list is in view. */

import { type Extent, inView, lastTop, type Range, revealed, scrolled, scrollFor, trackHeight } from "../core/window";
import { h } from "./dom";

/** Milliseconds of stillness after which the scroll bar goes to where the rows are. */
const SETTLE = 150;

export class Scroller {
  /** What fills the view and stays in it; the rows in view are placed inside. */
  readonly body = h("div", { role: "rowgroup", class: "nait-table-body" });
  readonly track = h("div", { role: "presentation", class: "nait-table-track" }, this.body);
  /** Pixels from the list's beginning to the view's upper edge. */
  top = 0;

  #extent: Extent;
  #scroll = 0;
  #settling = 0;

  /**
   * @param box the element that scrolls; it holds a head, as high as a row, and the track
   * @param moved called when the person scrolled
   * @param resized called when the view has another height
   */
  constructor(
    private readonly box: HTMLElement,
    rowHeight: number,
    signal: AbortSignal,
    moved: () => void,
    resized: () => void,
  ) {
    this.#extent = { rows: 0, rowHeight, view: 0 };
    const scrolledTo = (to: number): void => {
      if (to === this.#scroll) return; // our own doing
      this.top = scrolled(this.#extent, this.top, this.#scroll, to);
      this.#scroll = to;
      clearTimeout(this.#settling);
      this.#settling = window.setTimeout(() => this.goTo(this.top), SETTLE);
      moved();
    };
    box.addEventListener("scroll", () => scrolledTo(box.scrollTop), { signal, passive: true });
    const observer = new ResizeObserver(() => {
      this.#scroll = box.scrollTop; // it is lost while the box is out of the page
      this.#resize({ view: Math.max(0, box.clientHeight - rowHeight) });
      resized();
    });
    observer.observe(box);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      clearTimeout(this.#settling);
    });
  }

  get extent(): Extent {
    return this.#extent;
  }

  get inView(): Range {
    return inView(this.#extent, this.top);
  }

  /** The most rows that can be in view at once, in part at least. */
  get most(): number {
    const { view, rowHeight } = this.#extent;
    return view === 0 ? 0 : Math.ceil(view / rowHeight) + 1;
  }

  set rows(rows: number) {
    this.#resize({ rows });
  }

  /** Put the list somewhere, and the scroll bar with it. */
  goTo(top: number): void {
    this.top = Math.min(Math.max(0, top), lastTop(this.#extent));
    const scroll = scrollFor(this.#extent, this.top);
    if (Math.abs(scroll - this.#scroll) < 1) return;
    this.box.scrollTop = scroll;
    this.#scroll = this.box.scrollTop;
  }

  /** Bring a position into view with the least movement. */
  reveal(position: number): void {
    this.goTo(revealed(this.#extent, this.top, position));
  }

  #resize(change: Partial<Extent>): void {
    this.#extent = { ...this.#extent, ...change };
    const { rows, rowHeight, view } = this.#extent;
    this.track.style.height = `${trackHeight(this.#extent)}px`;
    this.body.style.height = `${Math.min(view, rows * rowHeight)}px`;
    this.goTo(this.top);
  }
}
