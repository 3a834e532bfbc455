/** What a store, a direction, a scorer or a recipe is, read from the little at its beginning that says so. */

import { Fields } from "../../store/fields";
import type { Files } from "../../store/files";
import type { Part, Span } from "../../store/http";
import type { Layout } from "../../store/layout";
import { parsed } from "../../store/metadata";
import { openStore } from "../../store/store";
import { StoreTrouble } from "../../store/trouble";
import { nameOf } from "../kinds";
import { counted, sized } from "../sizes";
import type { Found } from "./finding";

export interface Description {
  /** Short, in the order of what tells most. */
  readonly facts: readonly string[];
  /** How much of a capture that goes on is done, from 0 to 1; null where none does. */
  readonly progress: number | null;
}

/** What files are read through. */
export interface Reading {
  store(path: string, signal: AbortSignal): Promise<Files>;
  part(path: string, span: Span, signal: AbortSignal): Promise<Part>;
  /** The names in a folder. */
  names(path: string): Promise<readonly string[]>;
}

const FIRST = 256 * 1024;
const MOST_HEADER = 8 * 2 ** 20;
const FORMATS = { direction: "nait-direction-1", scorer: "nait-scorer-1", recipe: "nait-recipe-1" };

/** @throws StoreTrouble It can't be read, or isn't what its name says. */
export async function describe(found: Found, reading: Reading, signal: AbortSignal): Promise<Description> {
  const { kind, path } = found;
  if (kind === "direction") return { facts: await aboutDirection(path, reading, signal), progress: null };
  if (kind === "scorer") return { facts: await aboutScorer(path, reading, signal), progress: null };
  if (kind === "recipe") return { facts: await aboutRecipe(path, reading, signal), progress: null };
  return aboutStore(found, reading, signal);
}

async function aboutStore({ path, bytes }: Found, reading: Reading, signal: AbortSignal): Promise<Description> {
  const { about, scoreSets } = await openStore(await reading.store(path, signal), nameOf(path), signal);
  const { layout } = about;
  return {
    facts: [
      about.model,
      counted(layout.nSamples, "row"),
      ...(bytes !== null ? [sized(bytes)] : layout.scoresOnly ? [] : [`≈ ${sized(sizeOf(layout))}`]),
      ...(layout.scoresOnly ? ["scores only"] : []),
      layout.site,
      ...(scoreSets.length > 0 ? [counted(scoreSets.length, "score set")] : []),
    ],
    progress: about.complete ? null : await captured(path, Math.ceil(layout.nSamples / layout.blockRows), reading),
  };
}

/** The share of a store's blocks that are whole: their status is what is written last. */
async function captured(path: string, blocks: number, reading: Reading): Promise<number> {
  const folder = `${path}/status`;
  // Chunks have a folder once there is one.
  const chunks = (await reading.names(folder)).includes("c") ? await reading.names(`${folder}/c`) : [];
  const done = chunks.filter((name) => /^\d+$/.test(name)).length;
  return blocks === 0 ? 0 : Math.min(1, done / blocks);
}

async function aboutDirection(path: string, reading: Reading, signal: AbortSignal): Promise<string[]> {
  const direction = await headerOf("direction", path, reading, signal);
  return [
    direction.text("name"),
    direction.fields("model").text("name"),
    direction.text("site"),
    `preset ${direction.text("preset")}`,
  ];
}

async function aboutScorer(path: string, reading: Reading, signal: AbortSignal): Promise<string[]> {
  const scorer = await headerOf("scorer", path, reading, signal);
  const options = scorer.fields("options");
  const origin = scorer.has("origin") ? scorer.fields("origin") : null;
  return [
    scorer.text("name"),
    scorer.text("kind"),
    ...options.names.map((name) => `${name} ${String(options.any(name))}`),
    ...(origin === null ? [] : [`${counted(origin.count("samples"), "target")}`, origin.fields("model").text("name")]),
  ];
}

/** What a safetensors file says of the direction or scorer in it. */
async function headerOf(
  kind: "direction" | "scorer",
  path: string,
  reading: Reading,
  signal: AbortSignal,
): Promise<Fields> {
  const file = nameOf(path);
  let { bytes } = await reading.part(path, { offset: 0, length: FIRST }, signal);
  const length = headerLength(bytes, file, kind);
  if (bytes.length < length && bytes.length === FIRST)
    ({ bytes } = await reading.part(path, { offset: 0, length }, signal));
  if (bytes.length < length) throw notOne(file, `a ${kind}: it is cut off`);
  const header = new Fields(await parsed(bytes.subarray(8, length), file), file);
  const metadata = header.has("__metadata__") ? header.fields("__metadata__") : null;
  if (metadata?.any("format") !== FORMATS[kind]) throw notOne(file, `a ${kind} of format ${FORMATS[kind]}`);
  return new Fields(await parsed(new TextEncoder().encode(metadata.text(kind)), file), file);
}

/** Where the header of a safetensors file ends, by its first eight bytes. */
function headerLength(bytes: Uint8Array, file: string, kind: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? NaN : 8 + Number(view.getBigUint64(0, true));
  if (length > 8 && length <= MOST_HEADER) return length;
  throw notOne(file, `a ${kind}: it doesn't begin as a safetensors file does`);
}

async function aboutRecipe(path: string, reading: Reading, signal: AbortSignal): Promise<string[]> {
  const file = nameOf(path);
  const { bytes } = await reading.part(path, { whole: MOST_HEADER }, signal);
  const recipe = new Fields(await parsed(bytes, file), file);
  if (recipe.any("format") !== FORMATS.recipe) throw notOne(file, `a recipe of format ${FORMATS.recipe}`);
  const directions = recipe.objects("directions").map((direction) => direction.text("name"));
  return [
    counted(recipe.fields("result").count("rows"), "row"),
    ...(directions.length > 0 ? [directions.join(", ")] : []),
    `of ${nameOf(recipe.fields("store").text("path"))}`,
  ];
}

function notOne(file: string, what: string): StoreTrouble {
  return new StoreTrouble("foreign", `${file} isn't ${what}.`, { mend: "Get it again from where it came." });
}

/** Bytes of the activations, which are the bulk of a store that has any. */
function sizeOf({ nSamples, layers, nNeurons, pools, dtype }: Layout): number {
  return nSamples * layers.length * nNeurons * pools.length * (dtype === "float16" ? 2 : 4);
}
