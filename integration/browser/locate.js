// Resolves to the place where a person would click on the element that the
// selector finds first, {x, y} in the viewport, once it is there, visible,
// enabled, at rest and not covered; or after ms to {why} it is not.
async (selector, ms) => {
  const name = (el) => el.tagName.toLowerCase() + (el.id ? `#${el.id}` : "");

  /** @returns {string | {x: number, y: number}} why not, or where */
  const look = () => {
    const el = document.querySelector(selector);
    if (!el) return "no such element";
    if (!el.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return "not visible";
    if (el.matches(":disabled, [aria-disabled=true], [inert], [inert] *")) return "disabled";
    el.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const box = el.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) return "without size";
    const x = Math.floor(box.x + box.width / 2);
    const y = Math.floor(box.y + box.height / 2);
    let hit = document.elementFromPoint(x, y);
    while (hit?.shadowRoot?.elementFromPoint(x, y) && hit !== el && !el.contains(hit)) {
      const inner = hit.shadowRoot.elementFromPoint(x, y);
      if (inner === hit) break;
      hit = inner;
    }
    if (!hit) return "outside of the viewport";
    const label = hit.closest("label");
    if (hit !== el && !el.contains(hit) && label?.control !== el) return `covered by ${name(hit)}`;
    return { x, y };
  };

  // A change of the document or the next frame, whichever comes first; the
  // timer is for a page that draws no frames.
  const change = () =>
    new Promise((resolve) => {
      const observer = new MutationObserver(done);
      const frame = requestAnimationFrame(done);
      const timer = setTimeout(done, 100);
      observer.observe(document, { subtree: true, childList: true, attributes: true });
      function done() {
        observer.disconnect();
        cancelAnimationFrame(frame);
        clearTimeout(timer);
        resolve();
      }
    });

  const end = performance.now() + ms;
  let before;
  for (;;) {
    const now = look();
    if (typeof now === "object" && now.x === before?.x && now.y === before?.y) return now;
    if (performance.now() >= end) return { why: typeof now === "string" ? now : "moving" };
    before = now;
    await change();
  }
}
