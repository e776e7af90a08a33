// Which code draws which kind of chart, and what holds for all: data from the page, colours, sizes, a new theme.
//
// A kind is a module with `draw(element, data, theme)` that returns {resize(width), destroy()}.
// It imports nothing of ours, so that each is one file to load: colours and number format are handed over.
import { draw as spark } from "./spark.js";
import { theme } from "./theme.js";

const KINDS = {
  bar: () => import("./echarts.js"),
  line: () => import("./echarts.js"),
  treemap: () => import("./echarts.js"),
  timeline: () => import("./timeline.js"),
  spark: () => ({ draw: spark }),
};
const drawn = new Map();

const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) drawn.get(target)?.resize(contentRect.width);
});

/** Draw the chart of an element; what the page says beside it stays true if that fails. */
export async function draw(element) {
  const kind = KINDS[element.dataset.chart];
  const island = element.querySelector('script[type="application/json"]');
  if (!kind || !island) return;
  const data = JSON.parse(island.textContent);
  const module = await kind();
  const chart = module.draw(element, data, theme());
  drawn.set(element, { ...chart, again: () => module.draw(element, data, theme()) });
  element.dataset.ready = "";
  sizes.observe(element);
}

function redraw(isMeant = () => true) {
  for (const [element, chart] of drawn) {
    if (!isMeant(element)) continue;
    chart.destroy();
    if (element.isConnected) drawn.set(element, { ...chart.again(), again: chart.again });
    else {
      drawn.delete(element);
      sizes.unobserve(element);
    }
  }
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
new MutationObserver(() => redraw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });

// A canvas keeps the font that it was drawn with; ours may come later.
document.fonts.addEventListener("loadingdone", () => redraw((element) => element.querySelector("canvas")), {
  once: true,
});

// Charts of parts that htmx replaced are let go of.
document.addEventListener("htmx:after:swap", () => {
  for (const [element, chart] of drawn) {
    if (element.isConnected) continue;
    chart.destroy();
    sizes.unobserve(element);
    drawn.delete(element);
  }
});
