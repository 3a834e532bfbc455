import { expect, it } from "vitest";
import { CHARACTER, clipped, widest } from "./labels";

it("keeps a text that fits, and cuts another in its middle", () => {
  expect(clipped("arithmetic", 10 * CHARACTER)).toBe("arithmetic");
  expect(clipped("capability-math", 9 * CHARACTER)).toBe("capa…math");
  expect(clipped("capability-math", 8 * CHARACTER)).toBe("capa…ath");
  expect(clipped("capability-math", 0)).toBe("c…h");
});

it("counts characters, not units", () => {
  expect(widest(["😀😀", "abc"])).toBe(3 * CHARACTER);
  expect(clipped("😀😀😀😀", 3 * CHARACTER)).toBe("😀…😀");
});
