// Volume over a recording by uPlot: drag to zoom, double click for all of it, click or Enter opens that second.
//
// Keyboard: arrows move along, Home and End jump, + and - zoom, Enter opens the recording, Escape shows all of it.
import uPlot from "uplot";

const HEIGHT = 210;
const SLOPPY = 4;

/** Draw {start, step, values, name, peaks: [{at, label}], links?: [address per point], link?: address}. */
export function draw(element, data, theme) {
  const place = document.createElement("div");
  place.className = "plot";
  const said = document.createElement("p");
  said.className = "chart-said";
  said.setAttribute("aria-live", "polite");
  element.append(place, said);
  element.setAttribute("role", "group");
  element.tabIndex = 0;

  const seconds = data.values.map((_, i) => data.start + i * data.step);
  const whole = { min: seconds[0], max: seconds.at(-1) + data.step };
  const plot = new uPlot(options(element.clientWidth, data, theme, whole), [seconds, data.values], place);
  const open = (index) => {
    const address = data.links?.[index] ?? data.link;
    if (address && /^https?:\/\//.test(address)) window.open(address, "_blank", "noopener");
  };
  const say = (index) => {
    said.textContent = index === null || index === undefined ? "" : sentence(data, seconds, index, theme.count);
  };
  plot.over.classList.toggle("opens", Boolean(data.links ?? data.link));
  const stop = new AbortController();
  listen(element, plot, { data, seconds, whole, open, say, signal: stop.signal });
  return {
    resize: (width) => width > 0 && plot.setSize({ width, height: HEIGHT }),
    destroy: () => {
      stop.abort();
      plot.destroy();
      place.remove();
      said.remove();
    },
  };
}

function options(width, data, theme, whole) {
  const axis = { stroke: theme.muted, grid: { stroke: theme.line, width: 1 }, ticks: { show: false } };
  const font = `12px ${theme.font}`;
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: true, y: false, dist: SLOPPY }, y: false, points: { size: 8, fill: theme.accent } },
    scales: { x: { time: false, range: (_, min, max) => clamp(min, max, whole) }, y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [
      { ...axis, font, size: 30, values: (_, ticks) => ticks.map(clock), incrs: [10, 30, 60, 120, 300, 600, 900, 1800, 3600], space: 64 },
      { ...axis, font, size: 44, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? theme.count(tick) : "")) },
    ],
    series: [
      {},
      {
        label: data.name,
        stroke: theme.accent,
        fill: `color-mix(in srgb, ${theme.accent} 18%, transparent)`,
        width: 1.5,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
      },
    ],
    hooks: { draw: [(plot) => drawPeaks(plot, data, theme, font)] },
  };
}

/** Peaks as lines with their label on top. */
function drawPeaks(plot, { peaks = [] }, theme, font) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = theme.warn;
  ctx.font = font.replace("12px", `${12 * devicePixelRatio}px`);
  ctx.textAlign = "left";
  ctx.lineWidth = 1.5 * devicePixelRatio;
  let right = 0;
  for (const { at, label } of peaks) {
    const x = plot.valToPos(at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const wide = ctx.measureText(label ?? "").width;
    if (label && x + 4 > right && x + 4 + wide < bbox.left + bbox.width) {
      ctx.fillText(label, x + 4 * devicePixelRatio, bbox.top + 12 * devicePixelRatio);
      right = x + wide + 12;
    }
  }
  ctx.restore();
}

function listen(element, plot, { data, seconds, whole, open, say, signal }) {
  let pressed = null;
  const last = seconds.length - 1;
  const put = (index) => {
    const chosen = Math.min(Math.max(index, 0), last);
    plot.setCursor({ left: plot.valToPos(seconds[chosen], "x"), top: 0 });
    say(chosen);
    return chosen;
  };
  plot.over.addEventListener("mousedown", (event) => (pressed = event.clientX), { signal });
  plot.over.addEventListener("click", (event) => {
    if (pressed !== null && Math.abs(event.clientX - pressed) < SLOPPY && plot.cursor.idx != null) open(plot.cursor.idx);
  }, { signal });
  plot.over.addEventListener("mousemove", () => say(plot.cursor.idx), { signal });
  plot.over.addEventListener("mouseleave", () => say(null), { signal });
  element.addEventListener("keydown", (event) => {
    const here = plot.cursor.idx ?? 0;
    const zoom = (factor) => {
      const { min, max } = plot.scales.x;
      const half = ((max - min) * factor) / 2;
      const middle = seconds[here];
      plot.setScale("x", { min: Math.max(middle - half, whole.min), max: Math.min(middle + half, whole.max) });
      put(here);
    };
    const actions = {
      ArrowRight: () => put(here + 1),
      ArrowLeft: () => put(here - 1),
      Home: () => put(0),
      End: () => put(last),
      "+": () => zoom(0.5),
      "=": () => zoom(0.5),
      "-": () => zoom(2),
      Escape: () => plot.setScale("x", whole),
      Enter: () => open(here),
    };
    if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }, { signal });
}

const clamp = (min, max, whole) => [Math.max(min ?? whole.min, whole.min), Math.min(max ?? whole.max, whole.max)];

function sentence({ name, values, peaks = [] }, seconds, index, count) {
  const next = seconds[index + 1] ?? Infinity;
  const peak = peaks.find(({ at }) => at >= seconds[index] && at < next);
  return `${clock(seconds[index])} · ${name} ${count(values[index])}${peak?.label ? ` · ${peak.label}` : ""}`;
}

/** 3723 -> 1:02:03 */
function clock(second) {
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(second / 3600);
  const minutes = Math.floor((second % 3600) / 60);
  const rest = Math.floor(second % 60);
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
