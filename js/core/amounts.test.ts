import { expect, test } from "vitest";
import { amount, count, duration, percent, scored, signed, typed } from "./amounts";

test("whole numbers have their thousands apart", () => {
  expect([0, 999, 1000, 1234567].map(count)).toEqual(["0", "999", "1,000", "1,234,567"]);
});

test("amounts keep three digits, and every digit before the point", () => {
  expect([0, 0.01234, 1.5, 12.345, 1234.5, 99999].map((x) => amount(x))).toEqual([
    "0",
    "0.0123",
    "1.50",
    "12.3",
    "1,235",
    "99,999",
  ]);
});

test("the very small and the very large have an exponent", () => {
  expect(amount(1.234e-7)).toBe("1.23e−7");
  expect(amount(-1.234e9)).toBe("−1.23e9");
});

test("a score is read with a minus, and typed without", () => {
  expect([0, -0.5, 12.34567, -1e-5, 2.5e7].map(scored)).toEqual(["0", "−0.5", "12.35", "−1.00e−5", "2.50e7"]);
  expect([0, -0.5, 12.34567, -1e-5, 2.5e7].map(typed).map(Number)).toEqual([0, -0.5, 12.35, -1e-5, 2.5e7]);
  expect(scored(NaN)).toBe("–");
});

test("a sign is a minus, or a plus where it is asked for", () => {
  expect(amount(-0.5)).toBe("−0.500");
  expect([-2, 0, 2].map((x) => signed(x))).toEqual(["−2.00", "0", "+2.00"]);
});

test("what is no number is said", () => {
  expect([NaN, Infinity, -Infinity].map((x) => amount(x))).toEqual(["–", "∞", "−∞"]);
  expect(percent(NaN)).toBe("–");
});

test("shares and time spans", () => {
  expect(percent(0.1234)).toBe("12.3 %");
  expect([0.4, 59.4, 59.6, 185, 7799, 7801, -3].map(duration)).toEqual([
    "0 s",
    "59 s",
    "1 min 00 s",
    "3 min 05 s",
    "2 h 09 min",
    "2 h 10 min",
    "0 s",
  ]);
});
