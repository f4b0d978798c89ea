/**
 * Keeps the screen on, as long as the page is seen. The browser takes the lock
 * away whenever the page is hidden.
 * @returns {() => void} lets it go
 */
export function keepAwake() {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let over = false;
  const ask = async () => {
    if (over || document.visibilityState !== 'visible') return;
    try {
      lock = await navigator.wakeLock.request('screen');
      if (over) lock.release();
    } catch {
      // Missing, or the battery is low: the call goes on without.
    }
  };
  document.addEventListener('visibilitychange', ask);
  ask();
  return () => {
    over = true;
    document.removeEventListener('visibilitychange', ask);
    lock?.release().catch(() => {});
  };
}
