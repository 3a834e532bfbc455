/** What is known of one file: what a dialog about it says. */

import type { Contents, ServerConnection } from "@jupyterlab/services";
import { oneLine } from "../../core/text";
import { StoreTrouble } from "../../store/trouble";
import { h } from "../../views/dom";
import { kindOfPath, nameOf } from "../kinds";
import { describe } from "../sidebar/describing";
import { readingFrom } from "../sidebar/reading";

/** Milliseconds to read it in; a dialog doesn't wait longer. */
const PATIENCE = 5000;

/** Paragraphs: its path, and what it is or why that isn't known. */
export async function facts(
  contents: Contents.IManager,
  server: ServerConnection.ISettings,
  path: string,
): Promise<HTMLElement[]> {
  const place = h("p", {}, h("bdi", {}, oneLine(path, 1000)));
  try {
    const { size, last_modified } = await contents.get(path, { content: false });
    const kind = kindOfPath(path) ?? "store";
    const found = { kind, path, modified: last_modified, bytes: kind === "store" ? null : (size ?? null) };
    const signal = AbortSignal.timeout(PATIENCE);
    const { facts, progress } = await describe(found, readingFrom(contents, server), signal);
    const going = progress === null ? "" : `Its capture goes on, or was stopped, at ${Math.floor(progress * 100)} %.`;
    return [place, paragraph(facts.join(" · ")), ...(going === "" ? [] : [paragraph(going)])];
  } catch (error) {
    if (error instanceof StoreTrouble) return [place, paragraph(error.what), paragraph(error.mend)];
    const why = error instanceof Error ? error.message : String(error);
    return [place, paragraph(`${nameOf(path)} can't be read: ${why}`)];
  }
}

function paragraph(text: string): HTMLElement {
  return h("p", {}, h("bdi", {}, oneLine(text, 1000)));
}
