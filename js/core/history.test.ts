import fc from "fast-check";
import { expect, test } from "vitest";
import { History } from "./history";

test("undo and redo walk along what was done", () => {
  const move = fc.oneof(
    fc.nat().map((value) => ({ push: value })),
    fc.constantFrom("undo" as const, "redo" as const),
  );
  fc.assert(
    fc.property(fc.array(move), (moves) => {
      const history = new History(-1);
      let line = [-1];
      let at = 0;
      for (const one of moves) {
        if (one === "undo") at = Math.max(0, at - 1);
        else if (one === "redo") at = Math.min(line.length - 1, at + 1);
        else {
          line = [...line.slice(0, at + 1), one.push];
          at += 1;
        }
        if (typeof one === "string") history[one]();
        else history.push(one.push);
        expect(history.present).toBe(line[at]);
        expect(history.canUndo).toBe(at > 0);
        expect(history.canRedo).toBe(at < line.length - 1);
      }
    }),
  );
});
