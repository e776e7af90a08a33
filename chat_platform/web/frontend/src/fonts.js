// Our fonts, on the first page that a browser sees: after its first paint. Later pages have them from their beginning.
//
// What belongs here: loading them, and telling the server by a cookie that they are kept. What does not: which
// characters they hold (`build.mjs`).

/** Load the style sheet of fonts that the page names, and the fonts themselves; a page that has them names none. */
export async function loadFonts() {
  const address = document.querySelector("script[data-fonts]")?.dataset.fonts;
  if (!address) return;
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = address;
  await new Promise((resolve, reject) => {
    sheet.onload = resolve;
    sheet.onerror = reject;
    document.head.append(sheet);
  });
  await Promise.all([400, 600].map((weight) => document.fonts.load(`${weight} 1em Pretendard`, "a가")));
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `fonts=${address.split("/").at(-1)}; path=/; max-age=31536000; samesite=lax${secure}`;
}
