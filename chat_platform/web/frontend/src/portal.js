// The script of every page: what a page does beyond plain HTML begins once its text can be read.
//
// What belongs here: when to begin. What does not: what begins (`behaviours.js`, `fonts.js`). On a slow machine all of
// that takes as long as the first paint, which it would hold up.
import { loadFonts } from "./fonts.js";

await painted();
await Promise.allSettled([import("./behaviours.js"), loadFonts()]);
document.documentElement.dataset.alive = "";

/** Resolves when the browser has shown content of the page (not its bare ground, which may come before), or does not
 * tell for two seconds; at once for a page that nobody sees, which is not painted. */
function painted() {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    new PerformanceObserver((list) => {
      if (list.getEntriesByName("first-contentful-paint").length) resolve();
    }).observe({ type: "paint", buffered: true });
    setTimeout(resolve, 2000);
  });
}
