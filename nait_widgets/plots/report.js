// Draws every figure of the page, and repaints its axes when the reader's colour scheme changes.
(async () => {
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  await Promise.all(charts.map((chart) => Bokeh.embed.embed_item(chart)));
  const figures = Bokeh.documents.flatMap((doc) => doc.roots());

  const paint = () => {
    const style = getComputedStyle(document.documentElement);
    const [ink, line] = ["--ink-soft", "--line"].map((name) => style.getPropertyValue(name).trim());
    for (const figure of figures) {
      for (const axis of [...figure.below, ...figure.left]) {
        axis.setv({ axis_label_text_color: ink, major_label_text_color: ink });
        axis.setv({ axis_line_color: line, major_tick_line_color: line });
      }
      for (const part of figure.above) part.setv({ label_text_color: ink });
      for (const { glyph } of figure.renderers) {
        if (glyph.type === "Text") glyph.setv({ text_color: { value: ink } });
        if (["Segment", "VSpan"].includes(glyph.type)) glyph.setv({ line_color: { value: ink } });
      }
    }
  };
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
})();
