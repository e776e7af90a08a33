// A line without axes, beside a number.
const WIDTH = 120;
const HEIGHT = 28;
const SPACE = "http://www.w3.org/2000/svg";

/** Draw {values, fit?}: from zero, or with `fit` from the least value to the largest. What is null is a gap. */
export function draw(element, { values, fit = false }) {
  const known = values.filter((value) => value !== null);
  const least = Math.min(...known);
  const largest = Math.max(...known);
  // One level all along lies in the middle.
  const room = fit && least === largest ? 1 : 0;
  const bottom = fit ? least - room : 0;
  const top = fit ? largest + room : Math.max(largest, 1);
  const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  const place = (value, i) =>
    `${(i * step).toFixed(1)},${(HEIGHT - 2 - ((value - bottom) / (top - bottom)) * (HEIGHT - 4)).toFixed(1)}`;
  const picture = document.createElementNS(SPACE, "svg");
  picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  picture.setAttribute("aria-hidden", "true");
  for (const run of runs(values, place)) {
    const line = document.createElementNS(SPACE, "polyline");
    // A day alone between gaps is a dot: a line from a point to itself.
    line.setAttribute("points", (run.length > 1 ? run : [run[0], run[0]]).join(" "));
    picture.append(line);
  }
  element.append(picture);
  return { resize: () => {}, destroy: () => picture.remove() };
}

/** Points of values that follow each other without a gap. */
function runs(values, place) {
  const found = [];
  values.forEach((value, i) => {
    if (value === null) return;
    if (i === 0 || values[i - 1] === null) found.push([]);
    found.at(-1).push(place(value, i));
  });
  return found;
}
