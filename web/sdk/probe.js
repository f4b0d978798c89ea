/**
 * What a page is told about its network and its own sleep. These are hints,
 * never proofs: the answer to each is a probe.
 * @param {Env} env
 * @param {{probe: (why: string) => void, hide: () => void, show: () => void}} handlers
 *   hide: the page is unloaded or put away; show: it came back
 * @returns {() => void} stops listening
 */
export function watchPage(env, { probe, hide, show }) {
  const { document, navigator } = env;
  const connection = /** @type {{connection?: EventTarget}} */ (navigator)?.connection; // Chromium only
  /** @type {[EventTarget | undefined, string, (e: Event) => void][]} */
  const listeners = [
    [env.window, 'online', () => probe('online')],
    [connection, 'change', () => probe('network')],
    [document, 'visibilitychange', () => document?.visibilityState === 'visible' && probe('visible')],
    [env.window, 'pageshow', (e) => /** @type {PageTransitionEvent} */ (e).persisted && show()],
    [env.window, 'pagehide', hide],
  ];
  for (const [target, type, f] of listeners) target?.addEventListener(type, f);
  return () => {
    for (const [target, type, f] of listeners) target?.removeEventListener(type, f);
  };
}

/**
 * The doors to the platform. `globalThis` in a browser; tests put their own.
 * All but the first seven may be missing.
 * @typedef {{
 *   WebSocket: new (url: string, protocols: string[]) => WebSocket,
 *   fetch: typeof fetch,
 *   setTimeout: (f: () => void, ms: number) => any,
 *   clearTimeout: (timer: any) => void,
 *   Date: {now(): number},
 *   Math: {random(): number},
 *   crypto: {getRandomValues: Crypto['getRandomValues']},
 *   location?: Location,
 *   window?: EventTarget,
 *   document?: Document,
 *   navigator?: Navigator,
 *   isSecureContext?: boolean,
 *   RTCPeerConnection?: typeof RTCPeerConnection,
 *   MediaStream?: typeof MediaStream,
 * }} Env
 */
