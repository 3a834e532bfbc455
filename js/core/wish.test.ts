import { expect, test } from "vitest";
import { asJson, asked, letThrough, tokenBound, weightOf } from "./wish";

const HOSTILE = ["constructor", "__proto__", "toString", "hasOwnProperty"];

test("a wish comes back from its JSON", () => {
  const json = {
    k: 9,
    merge: "max",
    weights: { a: 0.5 },
    end: "bottom",
    adjust: "length-strata",
    filters: { text: "x", tokens: [3, null] },
  };
  expect(asJson(asked(json))).toEqual(json);
});

test("names that every object has stand for nothing until they are given", () => {
  for (const name of HOSTILE) {
    const { wish, filters } = asked({ k: 1 });
    expect(weightOf(wish, name)).toBe(1);
    expect(letThrough(filters, name)).toBeUndefined();
    const given = asked({ k: 1, weights: { [name]: 0.5 }, filters: { labels: { [name]: ["x"] } } });
    expect(weightOf(given.wish, name)).toBe(0.5);
    expect(letThrough(given.filters, name)).toEqual(["x"]);
    expect(JSON.stringify(asJson(given))).toContain(`{"${name}":0.5}`);
  }
});

test("what is typed as a bound on tokens is a whole number that lets the same rows through", () => {
  expect([NaN, -3, 40, 40.5, 1e21].map((typed) => tokenBound(typed, "fewest"))).toEqual([null, 0, 40, 41, 2 ** 53 - 1]);
  expect([NaN, -3, 40, 40.5, 1e21].map((typed) => tokenBound(typed, "most"))).toEqual([null, 0, 40, 40, 2 ** 53 - 1]);
});
