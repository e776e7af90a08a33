// A line without axes, beside a number.
const WIDTH = 120;
const HEIGHT = 28;
const SPACE = "http://www.w3.org/2000/svg";

/** Draw {values}. */
export function draw(element, { values }) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(...known, 1);
  const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  const points = values
    .map((value, i) => (value === null ? null : `${(i * step).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)}`))
    .filter(Boolean);
  const picture = document.createElementNS(SPACE, "svg");
  picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  picture.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SPACE, "polyline");
  line.setAttribute("points", points.join(" "));
  picture.append(line);
  element.append(picture);
  return { resize: () => {}, destroy: () => picture.remove() };
}
