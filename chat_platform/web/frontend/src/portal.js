// The script of every page: what a page does beyond plain HTML begins once its text can be read.
//
// What belongs here: when to begin. What does not: what begins (`behaviours.js`, `fonts.js`). On a slow machine all of
// that takes as long as the first paint, which it would hold up.
import { loadFonts } from "./fonts.js";

await painted();
await Promise.allSettled([import("./behaviours.js"), loadFonts()]);
document.documentElement.dataset.alive = "";

/** Resolves when the browser has shown something of the page, or does not tell for half a second. */
function painted() {
  return new Promise((resolve) => {
    new PerformanceObserver(resolve).observe({ type: "paint", buffered: true });
    setTimeout(resolve, 500);
  });
}
