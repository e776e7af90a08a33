// Colours and type of charts, as the style sheet has them at this moment (light or dark).

/** {text, muted, line, surface, accent, warn, series: [colour], font, still, count: number → text} */
export function theme() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return {
    text: of("--text"),
    muted: of("--muted"),
    line: of("--line"),
    surface: of("--surface"),
    accent: of("--accent"),
    warn: of("--warn"),
    series: [1, 2, 3, 4, 5, 6].map((number) => of(`--series-${number}`)),
    font: getComputedStyle(document.body).fontFamily,
    count,
    still: matchMedia("(prefers-reduced-motion: reduce)").matches,
  };
}

/** 12,345 and at most two decimals, the same in both languages. */
const count = (value) =>
  value === null || value === undefined ? "–" : value.toLocaleString("en-US", { maximumFractionDigits: 2 });
