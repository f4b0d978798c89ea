// Resolves to the place where a person would click on the element that the
// selector finds first, {x, y} in the viewport, once it is there, visible,
// enabled, at rest and not covered; or after ms to {why} it is not.
async (selector, ms) => {
  const name = (el) => el.tagName.toLowerCase() + (el.id ? `#${el.id}` : "");

  /** @returns {{why: string} | {x: number, y: number}} why not, or where */
  const look = () => {
    const el = document.querySelector(selector);
    if (!el) return { why: "no such element" };
    if (!el.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return { why: "not visible" };
    if (el.matches(":disabled, [aria-disabled=true], [inert], [inert] *")) return { why: "disabled" };
    el.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const box = el.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) return { why: "without size" };
    const x = Math.floor(box.x + box.width / 2);
    const y = Math.floor(box.y + box.height / 2);
    const hit = document.elementFromPoint(x, y);
    if (!hit) return { why: "outside of the viewport" };
    const label = hit.closest("label");
    if (hit !== el && !el.contains(hit) && label?.control !== el) return { why: `covered by ${name(hit)}` };
    return { x, y };
  };

  // Resolves to true with the next frame, and to false with a change of the
  // document ahead of it, if that is asked for. A page that is hidden or slow
  // draws no frame for a while: false.
  const next = (orChange) =>
    new Promise((resolve) => {
      const done = (framed) => {
        observer.disconnect();
        cancelAnimationFrame(frame);
        clearTimeout(timer);
        resolve(framed);
      };
      const observer = new MutationObserver(() => done(false));
      const frame = requestAnimationFrame(() => done(true));
      const timer = setTimeout(() => done(false), 100);
      if (orChange) observer.observe(document, { subtree: true, childList: true, attributes: true });
    });

  const end = performance.now() + ms;
  let now = look();
  let still = 0; // frames in a row that have not moved it
  for (;;) {
    const before = now;
    const framed = await next(before.why);
    now = look();
    // At rest is what two frames have not moved: an animation that has just begun stands in its first one.
    still = framed && !now.why && now.x === before.x && now.y === before.y ? still + 1 : 0;
    if (still === 2) return now;
    if (performance.now() >= end) return { why: now.why ?? (framed ? "moving" : "the page draws no frames") };
  }
}
