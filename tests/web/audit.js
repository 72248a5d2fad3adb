// What every page must have: names for all that can be pressed, alternatives for pictures, one heading, contrast
// of 4.5 to 1 (WCAG 2.2, AA), nothing wider than the window. Returns what is wrong.
() => {
  const wrong = [];
  const seen = (one) => one.getClientRects().length > 0 && getComputedStyle(one).visibility !== "hidden";
  const named = (one) => (one.getAttribute("aria-label") || one.textContent || one.title || one.placeholder || "").trim()
    || [...(one.labels || [])].some((label) => label.textContent.trim());
  for (const one of document.querySelectorAll("button, a[href], input:not([type=file]), select, textarea"))
    if (seen(one) && !named(one)) wrong.push("no name: " + one.outerHTML.slice(0, 120));
  for (const one of document.querySelectorAll("img")) if (!one.hasAttribute("alt")) wrong.push("no alt: " + one.outerHTML.slice(0, 120));
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (document.documentElement.scrollWidth > innerWidth + 1) wrong.push("wider than the window");
  const colour = (text) => { const c = document.createElement("canvas").getContext("2d"); c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const light = (rgb) => { const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (one) => { for (let at = one; at; at = at.parentElement) { const found = colour(getComputedStyle(at).backgroundColor); if (found[3] > 250) return found; } return [255, 255, 255, 255]; };
  for (const one of document.querySelectorAll("main *, header *")) {
    if (!seen(one) || ![...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    if (one.closest("svg, button:disabled, .off, .confusion td, .visually-hidden")) continue;
    const [a, b] = [light(colour(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) wrong.push("contrast " + ratio.toFixed(2) + ": " + one.outerHTML.slice(0, 100));
  }
  return wrong;
}
