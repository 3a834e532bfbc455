// Measures a page from inside it; installed before any of the page's own scripts.
(() => {
  const request = window.requestAnimationFrame.bind(window);
  const PATIENCE = 10_000;
  const redraws = []; // milliseconds of each animation callback that drew on a canvas
  let inCallback = false;
  let canvas = null; // what the callback that is running has drawn on
  let waiting = null; // resolves at the next drawing
  let latest = 0; // when something was last drawn

  window.requestAnimationFrame = (callback) =>
    request((time) => {
      const start = performance.now();
      inCallback = true;
      canvas = null;
      try {
        callback(time);
      } finally {
        inCallback = false;
        if (canvas !== null) {
          // Ends once all drawing has, that of WebGL in its own process, too.
          if (window.bench.toTheEnd) canvas.getContext("2d").getImageData(0, 0, 1, 1);
          redraws.push(performance.now() - start);
        }
      }
    });

  const context = CanvasRenderingContext2D.prototype;
  for (const name of ["drawImage", "putImageData", "fillRect", "clearRect"]) {
    const draw = context[name];
    context[name] = function (...values) {
      const result = draw.apply(this, values);
      if (this.canvas.isConnected) {
        latest = performance.now();
        if (inCallback) canvas = this.canvas;
        waiting?.();
      }
      return result;
    };
  }

  // A task that is posted during a frame runs after its style, layout and paint.
  const task = () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
  const frame = () => new Promise((resolve) => request(resolve));
  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  /** Milliseconds of work in the frame that shows what `act` does; waiting for the frame is not counted. */
  async function work(act) {
    let began = 0;
    let scripted = 0;
    request(() => (began = performance.now()));
    const start = performance.now();
    act();
    const acted = performance.now() - start;
    await new Promise((resolve) => {
      request(() => {
        scripted = performance.now();
        void task().then(resolve);
      });
    });
    const script = acted + scripted - began;
    return { began, script, all: script + performance.now() - scripted };
  }

  /** Milliseconds from `act` until what it changes on a canvas has been painted; every wait is counted. */
  async function latency(act) {
    while (!window.bench.rests()) await sleep(50);
    const start = performance.now();
    const drawn = new Promise((resolve) => (waiting = () => resolve(inCallback)));
    act();
    const ended = await Promise.race([drawn, sleep(20_000).then(() => null)]);
    waiting = null;
    if (ended === null) throw new Error("nothing was drawn in 20 s");
    if (!ended) await frame();
    await task();
    return performance.now() - start;
  }

  const element = (selector) => {
    const all = document.querySelectorAll(selector);
    if (all.length !== 1) throw new Error(`${all.length} elements are ${selector}`);
    return all[0];
  };

  /** Set a slider: a range of ours, or one of ipywidgets, which goes a step with each key. */
  function set(slider, value) {
    if (slider instanceof HTMLInputElement) {
      slider.value = String(value);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    } else {
      const key = value > Number(slider.getAttribute("aria-valuenow")) ? "ArrowRight" : "ArrowLeft";
      slider.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    }
  }

  window.bench = {
    redraws,
    toTheEnd: false,
    rests: () => latest > 0 && performance.now() - latest > 500,

    /** A slider is set anew in every frame, then let go. */
    async drag(selector, values) {
      const slider = element(selector);
      const frames = [];
      for (const value of values) frames.push(await work(() => set(slider, value)));
      slider.dispatchEvent(new Event("change", { bubbles: true }));
      return frames;
    },

    /** A slider is set once the view rests, again and again, but not for long. */
    async moves(selector, values) {
      const slider = element(selector);
      const times = [];
      const end = performance.now() + PATIENCE;
      for (const value of values) {
        times.push(await latency(() => set(slider, value)));
        if (performance.now() > end && times.length >= 3) break;
      }
      slider.dispatchEvent(new Event("change", { bubbles: true }));
      return times;
    },

    /** A slider is set anew in every frame, but not for long: views a second. */
    async rate(selector, values) {
      const slider = element(selector);
      redraws.length = 0;
      const start = performance.now();
      for (const value of values) {
        set(slider, value);
        await frame();
        if (performance.now() > start + PATIENCE) break;
      }
      slider.dispatchEvent(new Event("change", { bubbles: true }));
      do await sleep(50);
      while (!window.bench.rests());
      return (1000 * redraws.length) / (latest - start);
    },

    /** When, in seconds since 1970, an element that wasn't there before is first painted. */
    async painted(selector) {
      const before = new Set(document.querySelectorAll(selector));
      while ([...document.querySelectorAll(selector)].every((found) => before.has(found))) await frame();
      await task();
      return (performance.timeOrigin + performance.now()) / 1000;
    },
  };
})();
