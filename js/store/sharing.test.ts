import { describe, expect, it, vi } from "vitest";
import { Cache, Gate, Shared, together } from "./sharing";

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function deferred<T = void>(): Deferred<T> {
  let made!: Omit<Deferred<T>, "promise">;
  const promise = new Promise<T>((resolve, reject) => (made = { resolve, reject }));
  return { promise, ...made };
}

const aborted = { name: "AbortError" };
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("a gate", () => {
  it("lets so many through at once, in their order, and the next when one fails too", async () => {
    const gate = new Gate(2);
    const works = Array.from({ length: 4 }, () => deferred());
    const begun: number[] = [];
    const done = works.map(({ promise }, i) =>
      gate.run(() => {
        begun.push(i);
        return promise;
      }),
    );
    await settled();
    expect(begun).toEqual([0, 1]);
    works[1]!.reject(new Error("no"));
    await expect(done[1]).rejects.toThrow("no");
    await settled();
    expect(begun).toEqual([0, 1, 2]);
    for (const { resolve } of works) resolve();
    await Promise.all([done[0], done[2], done[3]]);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it("doesn't begin what was given up while it waited", async () => {
    const gate = new Gate(1);
    const first = deferred();
    const running = gate.run(() => first.promise);
    const giving = new AbortController();
    const work = vi.fn(async () => undefined);
    const waiting = gate.run(work, giving.signal);
    giving.abort();
    first.resolve();
    await running;
    await expect(waiting).rejects.toMatchObject(aborted);
    expect(work).not.toHaveBeenCalled();
    await gate.run(work);
    expect(work).toHaveBeenCalledOnce();
  });
});

describe("a shared load", () => {
  it("is aborted once all who wait have given it up, and not before", async () => {
    let signal!: AbortSignal;
    const shared = new Shared((given) => {
      signal = given;
      return deferred<number>().promise;
    });
    const waiting = [new AbortController(), new AbortController()];
    const waits = waiting.map((each) => shared.wait(each.signal));
    waiting[0]!.abort();
    await expect(waits[0]).rejects.toMatchObject(aborted);
    expect(signal.aborted).toBe(false);
    waiting[1]!.abort();
    await expect(waits[1]).rejects.toMatchObject(aborted);
    expect(signal.aborted).toBe(true);
  });

  it("that somebody waits for whatever happens is never aborted", async () => {
    const work = deferred<number>();
    const shared = new Shared(() => work.promise);
    const giving = new AbortController();
    const [given, kept] = [shared.wait(giving.signal), shared.wait()];
    giving.abort();
    work.resolve(7);
    await expect(given).rejects.toMatchObject(aborted);
    expect(await kept).toBe(7);
    expect(shared.aborted).toBe(false);
  });
});

describe("a cache", () => {
  const sized = (byteLength: number): { byteLength: number } => ({ byteLength });

  it("loads once for all who ask meanwhile, and once more after a failure", async () => {
    const cache = new Cache<{ byteLength: number }>(100);
    const load = vi.fn(async () => sized(1));
    load.mockRejectedValueOnce(new Error("no"));
    await expect(cache.get("a", load)).rejects.toThrow("no");
    const [one, other] = await Promise.all([cache.get("a", load), cache.get("a", load)]);
    expect(one).toBe(other);
    expect(await cache.get("a", load)).toBe(one);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it("keeps what fits, the latest asked for longest", async () => {
    const cache = new Cache<{ byteLength: number }>(10);
    const loads: string[] = [];
    const ask = (key: string, size: number): Promise<unknown> =>
      cache.get(key, async () => {
        loads.push(key);
        return sized(size);
      });
    for (const key of ["a", "b"]) await ask(key, 4);
    await ask("a", 4);
    await ask("c", 4); // b goes
    await ask("a", 4);
    await ask("b", 4); // c goes
    await ask("giant", 11); // all go, itself too
    await ask("giant", 11);
    expect(loads).toEqual(["a", "b", "c", "b", "giant", "giant"]);
  });

  it("loads anew for those who ask after all others have given up", async () => {
    const cache = new Cache<{ byteLength: number }>(10);
    const giving = new AbortController();
    const never = cache.get("a", () => deferred<{ byteLength: number }>().promise, giving.signal);
    giving.abort();
    await expect(never).rejects.toMatchObject(aborted);
    expect(await cache.get("a", async () => sized(3))).toEqual(sized(3));
    await expect(cache.get("a", async () => sized(3), giving.signal)).rejects.toMatchObject(aborted);
  });
});

it("where one of several works fails, the others are aborted", async () => {
  const signals: AbortSignal[] = [];
  const work = async (i: number, signal: AbortSignal): Promise<number> => {
    signals.push(signal);
    if (i === 1) throw new Error("no");
    return deferred<number>().promise;
  };
  await expect(together(3, work)).rejects.toThrow("no");
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  expect(await together(3, async (i) => i * i)).toEqual([0, 1, 4]);
});
