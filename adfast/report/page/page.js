// Draws the charts, in the colours of the page's scheme and in a layout for its width.
"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 620px)");

  // "@name" is the CSS variable --name, "@name/0.2" the same with that opacity.
  function withColours(value, style) {
    if (Array.isArray(value)) return value.map((item) => withColours(item, style));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, withColours(item, style)])
      );
    }
    const token = typeof value === "string" && value.match(/^@([a-z]+)(?:\/([0-9.]+))?$/);
    if (!token) return value;
    const colour = style.getPropertyValue("--" + token[1]).trim();
    const opacity = token[2] === undefined ? 1 : Number(token[2]);
    return colour + Math.round(255 * opacity).toString(16).padStart(2, "0");
  }

  function draw() {
    const style = getComputedStyle(document.documentElement);
    for (const [id, chart] of Object.entries(charts)) {
      const layout = { ...chart.layout, ...(narrow.matches ? chart.compact : {}) };
      Plotly.react(id, withColours(chart.data, style), withColours(layout, style), {
        responsive: true,
        displayModeBar: false,
      });
    }
  }

  draw();
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
})();
