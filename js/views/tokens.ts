/** A sample's tokens, coloured by what each adds to the score. */

import { amount, count, signed } from "../core/amounts";
import { strengths } from "../core/strength";
import { display } from "../core/text";
import { fill, h } from "./dom";
import type { Host, View } from "./host";
import { Roving } from "./roving";

export interface TokensProps {
  tokens: readonly string[];
  /** What each adds. */
  contributions: ArrayLike<number>;
  /** Whether the score counts it at all. */
  inPool: ArrayLike<number>;
  /** What is the same for every sample. */
  constant: number;
  score: number;
}

const STRONG = 0.4; // of the full colour: from here on a token is underlined too
const LONGEST = 200;

export class Tokens implements View {
  readonly element: HTMLElement;
  readonly #text = h("div", {
    class: "nait-tokens-text nait-text nait-sample",
    dir: "auto",
    role: "grid",
    "aria-label": "Tokens",
  });
  readonly #sum = h("p", { class: "nait-muted" });
  readonly #legend = h("p", { class: "nait-tokens-legend" });
  readonly #pointed = h("p", { class: "nait-tokens-pointed", "aria-hidden": "true" });
  readonly #roving: Roving;

  constructor(host: Host) {
    this.element = h("div", { class: "nait-tokens" }, this.#legend, this.#text, this.#pointed, this.#sum);
    this.#roving = new Roving(this.#text, host.signal, () => undefined);
    for (const event of ["focusin", "pointerover"] as const) {
      this.#text.addEventListener(event, (at) => this.#point(at.target as Element), { signal: host.signal });
    }
  }

  update(props: TokensProps): void {
    const { shares, full } = strengths(props.contributions);
    const spans = props.tokens.map((_, i) => token(props, i, shares[i]!));
    this.#roving.redraw(() => {
      fill(this.#text, h("div", { role: "row" }, ...spans));
      return [spans];
    });
    fill(this.#legend, ...legend(full));
    this.#pointed.textContent = "Point at a token, or move with the arrow keys.";
    const constant = props.constant === 0 ? "" : `, and ${signed(props.constant)} for every sample alike`;
    this.#sum.textContent = `The tokens add up to ${signed(props.score - props.constant)}${constant}: ${signed(props.score)}.`;
  }

  #point(target: Element): void {
    const label = target.closest("[role=gridcell]")?.getAttribute("aria-label");
    if (label) this.#pointed.textContent = label;
  }
}

function token({ tokens, contributions, inPool }: TokensProps, i: number, share: number): HTMLElement {
  const { text } = display(tokens[i]!, LONGEST);
  const counted = inPool[i] !== 0;
  const label = `${named(text)}: ${counted ? signed(contributions[i]!) : "not counted"} (token ${count(i + 1)} of ${count(tokens.length)})`;
  const kinds = [
    "nait-token",
    !counted && "nait-token-uncounted",
    share > 0 && "nait-token-positive",
    share < 0 && "nait-token-negative",
    Math.abs(share) >= STRONG && "nait-token-strong",
  ];
  return h(
    "span",
    {
      role: "gridcell",
      class: kinds.filter(Boolean).join(" "),
      style: `--share: ${Math.abs(share).toFixed(3)}`,
      title: label,
      "aria-label": label,
    },
    // A line break can't be pointed at, nor can a part of a character.
    text === "" ? "▯" : text.replaceAll("\n", "↵\n"),
  );
}

function named(text: string): string {
  return text.trim() === "" ? `white space or part of a character` : `“${text}”`;
}

function legend(full: number): HTMLElement[] {
  const sample = (kind: string, share: number, text: string): HTMLElement =>
    h("span", { class: `nait-token nait-token-${kind} nait-token-strong`, style: `--share: ${share}` }, text);
  return [
    sample("negative", 1, `${amount(-full)} or less`),
    h("span", { class: "nait-muted" }, "takes off · adds"),
    sample("positive", 1, `${signed(full)} or more`),
  ];
}
