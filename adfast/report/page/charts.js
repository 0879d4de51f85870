// Draws the charts, in the colours of the page's scheme and in a layout for its width.
async function drawCharts() {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 620px)");

  // The page's policy forbids eval; an inline script it allows.
  const library = document.createElement("script");
  library.textContent = new TextDecoder().decode(await unpack("plotly"));
  document.head.append(library);

  // In the entries of colours "@name" is the CSS variable --name, "@name/0.2" the same with that
  // opacity. In others it is what somebody has named so.
  function withColours(value, style, isColour = false) {
    if (Array.isArray(value)) return value.map((item) => withColours(item, style, isColour));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          withColours(item, style, key.endsWith("color")),
        ])
      );
    }
    const isName = isColour && typeof value === "string";
    const token = isName && value.match(/^@([a-z]+)(?:\/([0-9.]+))?$/);
    if (!token) return value;
    const colour = style.getPropertyValue("--" + token[1]).trim();
    const opacity = token[2] === undefined ? 1 : Number(token[2]);
    return colour + Math.round(255 * opacity).toString(16).padStart(2, "0");
  }

  function draw(id) {
    const { data, layout, compact } = charts[id];
    const element = document.getElementById(id);
    if (!element.clientWidth) return; // not shown: it is drawn when it is
    const style = getComputedStyle(document.documentElement);
    const sized = { ...layout, ...(narrow.matches ? compact : {}), width: element.clientWidth };
    Plotly.react(id, withColours(data, style), withColours(sized, style), {
      displayModeBar: false,
    });
  }

  // Plotly's own response to a new width comes too late for a page that is being captured; an
  // observer is called in the frame of the change, first of all right away.
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) draw(target.id);
  });
  for (const id of Object.keys(charts)) resized.observe(document.getElementById(id));
  dark.addEventListener("change", () => Object.keys(charts).forEach(draw));
}
