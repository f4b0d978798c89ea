// Resolves to "" once the predicate is true, or after ms to why it is not.
async (predicate, ms) => {
  const end = performance.now() + ms;
  for (;;) {
    let last;
    try {
      if (await predicate()) return "";
      last = "still false";
    } catch (err) {
      last = String(err);
    }
    if (performance.now() >= end) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
