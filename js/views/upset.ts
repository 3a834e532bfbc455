/** An UpSet plot: how large the sets are, how many rows each combination of them has, and the core that most share. */

import { scaleLinear } from "d3-scale";
import { count } from "../core/amounts";
import { arrange, coreSize, type Intersection } from "../core/upset";
import { fill, h, s, uniqueId } from "./dom";
import { onWidth, type Host, type View } from "./host";
import { CHARACTER, clipped, widest } from "../core/labels";
import { Roving } from "./roving";

export interface UpsetProps {
  sets: readonly { name: string; size: number }[];
  intersections: readonly Intersection[];
  /** In how many sets a row of the core is. */
  atLeast: number;
  chosen?: Intersection | null;
}

export interface UpsetHandlers {
  choose(intersection: Intersection): void;
  step(atLeast: number): void;
}

const MOST = 30;
const ROW = 20;
const BARS = 120;
const TOP = 40;
const COLUMN = { narrowest: 26, widest: 40 };
const COMPACT = new Intl.NumberFormat("en", {
  notation: "compact",
  maximumSignificantDigits: 3,
  minimumSignificantDigits: 3,
});

export class Upset implements View {
  readonly element: HTMLElement;
  readonly figure = s("svg", { role: "group", "aria-label": "Rows by the sets that they are in" });
  readonly #columns = s("g", { role: "listbox", "aria-label": "Intersections", "aria-orientation": "horizontal" });
  readonly #more = h("div", { class: "nait-muted nait-upset-more" });
  readonly #stepper = h("input", { type: "number", min: 1, step: 1, id: uniqueId("at-least") });
  readonly #of = h("span");
  readonly #roving: Roving;
  #shown: readonly Intersection[] = [];
  #props: UpsetProps | null = null;
  #width = 0;

  constructor(host: Host, handlers: UpsetHandlers) {
    const label = h("label", { for: this.#stepper.id }, "Core: rows in at least");
    const controls = h("div", { class: "nait-upset-core" }, label, this.#stepper, this.#of);
    const plot = h("div", {}, this.figure);
    this.element = h("div", { class: "nait-upset" }, controls, plot, this.#more);
    this.#roving = new Roving(this.#columns, host.signal, ({ column }) => handlers.choose(this.#shown[column]!));
    this.#stepper.addEventListener("input", () => this.#stepped(handlers), { signal: host.signal });
    onWidth(plot, host.signal, (width) => {
      this.#width = width;
      this.#draw();
    });
  }

  update(props: UpsetProps): void {
    this.#props = props;
    this.#stepper.max = String(props.sets.length);
    this.#stepper.valueAsNumber = props.atLeast;
    this.#of.textContent = `of ${props.sets.length} sets`;
    this.#draw();
  }

  #stepped(handlers: UpsetHandlers): void {
    const wanted = this.#stepper.valueAsNumber;
    if (Number.isNaN(wanted)) return; // another number is being typed
    handlers.step(Math.min(this.#props?.sets.length ?? 1, Math.max(1, Math.round(wanted))));
  }

  #draw(): void {
    const props = this.#props;
    if (props === null || this.#width === 0) return;
    const place = new Place(props, this.#width);
    const { shown, hidden } = arrange(props.intersections, place.room);
    this.#shown = shown;
    this.#more.textContent =
      hidden.intersections > 0 ? `and ${hidden.intersections} more intersections, ${rows(hidden.rows)}` : "";
    this.#roving.redraw(() => {
      const columns = shown.map((intersection, i) => column(props, place, shown, intersection, i));
      fill(this.#columns, ...columns);
      fill(this.figure, sizes(props, place), bracket(props, place, shown), this.#columns);
      return [columns];
    });
    this.figure.setAttribute("width", String(this.#width));
    this.figure.setAttribute("height", String(place.bottom));
  }
}

/** Where things lie, from the props and the width. */
class Place {
  readonly names: number;
  readonly left: number;
  readonly step: number;
  /** How many intersections there is room for. */
  readonly room: number;

  constructor(
    readonly props: UpsetProps,
    width: number,
  ) {
    this.names = Math.min(0.25 * width, widest(props.sets.map(({ name }) => name)) + 8);
    this.left = this.names + Math.min(150, 0.2 * width) + 8;
    const within = width - this.left - 4;
    this.room = Math.max(1, Math.min(MOST, Math.floor(within / COLUMN.narrowest)));
    this.step = Math.min(COLUMN.widest, within / Math.min(this.room, Math.max(1, props.intersections.length)));
  }

  get matrix(): number {
    return TOP + BARS + 8;
  }

  get bottom(): number {
    return this.matrix + this.props.sets.length * ROW + 4;
  }

  x(column: number): number {
    return this.left + (column + 0.5) * this.step;
  }

  y(set: number): number {
    return this.matrix + (set + 0.5) * ROW;
  }
}

/** The sets' names and sizes at the left. */
function sizes(props: UpsetProps, place: Place): SVGElement {
  const largest = Math.max(...props.sets.map(({ size }) => size));
  const most = place.left - place.names - 8 - widest([count(largest)]) - 6;
  const length = scaleLinear([0, largest], [0, most]);
  return s(
    "g",
    { role: "list", "aria-label": "Sets" },
    ...props.sets.map(({ name, size }, i) =>
      s(
        "g",
        { role: "listitem", "aria-label": `${name}: ${rows(size)}` },
        s("title", {}, `${name}: ${rows(size)}`),
        i % 2 === 0 &&
          s("rect", { x: 0, y: place.y(i) - ROW / 2, width: "100%", height: ROW, class: "nait-upset-stripe" }),
        s("text", { x: 0, y: place.y(i), "dominant-baseline": "central" }, clipped(name, place.names - 6)),
        s("rect", { x: place.names, y: place.y(i) - 6, width: length(size), height: 12, class: "nait-upset-size" }),
        s("text", { x: place.names + length(size) + 4, y: place.y(i), "dominant-baseline": "central" }, count(size)),
      ),
    ),
  );
}

/** The core is a beginning of the columns: a bracket over it tells how many rows it has. */
function bracket(props: UpsetProps, place: Place, shown: readonly Intersection[]): SVGElement {
  const last = shown.filter(({ members }) => members.length >= props.atLeast).length - 1;
  const [from, to, y] = [place.x(0) - place.step / 2 + 2, place.x(last) + place.step / 2 - 2, 18];
  const label = `core: ${rows(coreSize(props.intersections, props.atLeast))} in at least ${props.atLeast}`;
  return s(
    "g",
    { class: "nait-upset-bracket" },
    last >= 0 && s("path", { d: `M${from},${y + 6}V${y}H${to}V${y + 6}` }),
    s("text", { x: from, y: y - 5 }, label),
  );
}

function column(
  props: UpsetProps,
  place: Place,
  shown: readonly Intersection[],
  intersection: Intersection,
  i: number,
): SVGElement {
  const { members, count: size } = intersection;
  const largest = Math.max(...shown.map((each) => each.count));
  const height = scaleLinear([0, largest], [0, BARS - 14])(size);
  const [x, base] = [place.x(i), TOP + BARS];
  const text = size < 10_000 ? count(size) : COMPACT.format(size);
  const name = `${rows(size)} only in ${members.map((set) => props.sets[set]!.name).join(" and ")}`;
  const width = Math.min(24, place.step - 6);
  return s(
    "g",
    {
      role: "option",
      "aria-label": name,
      "aria-selected": String(props.chosen?.members.join() === members.join()),
      class: members.length >= props.atLeast ? "nait-upset-in-core" : "nait-upset-outside",
    },
    s("title", {}, name),
    s("rect", {
      x: x - place.step / 2 + 1,
      y: TOP - 12,
      width: place.step - 2,
      height: place.bottom - TOP + 10,
      class: "nait-upset-hit",
    }),
    s("rect", { x: x - width / 2, y: base - height, width, height, class: "nait-upset-bar" }),
    s(
      "text",
      {
        x,
        y: base - height - 4,
        "text-anchor": "middle",
        style: text.length * CHARACTER > place.step && "font-size: 9px",
      },
      text,
    ),
    members.length > 1 &&
      s("line", { x1: x, x2: x, y1: place.y(members[0]!), y2: place.y(members.at(-1)!), class: "nait-upset-link" }),
    ...props.sets.map((_, set) =>
      s("circle", {
        cx: x,
        cy: place.y(set),
        r: members.includes(set) ? 5 : 2,
        class: members.includes(set) ? "nait-upset-member" : "nait-upset-absent",
      }),
    ),
  );
}

function rows(size: number): string {
  return `${count(size)} ${size === 1 ? "row" : "rows"}`;
}
