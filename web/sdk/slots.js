/**
 * Slots: m-lines that are there from the first offer and in both directions,
 * so that starting, stopping and changing media is replaceTrack and never a
 * renegotiation. The k-th m-line of a kind is the same slot at both sides.
 * What a slot carries rides in the roster, not in SDP. A peer without slots
 * gets what its m-lines can take, and is asked for the rest.
 */

/** @typedef {'microphone' | 'camera'} SlotName */
/** @typedef {'on' | 'muted' | 'off'} Carries */

/** In the order of the m-lines. @type {readonly {name: SlotName, kind: 'audio' | 'video', index: number}[]} */
export const SLOTS = [
  { name: 'microphone', kind: 'audio', index: 0 },
  { name: 'camera', kind: 'video', index: 0 },
];

/** What an answerer asks of an offerer that has no slots. */
export const NEED = Object.freeze({ audio: 1, video: 1, data: 0 });

/** @param {RTCRtpTransceiver} t */
const kindOf = (t) => t.receiver.track.kind;
/** @param {string | null | undefined} direction @param {string} what */
const has = (direction, what) => direction === 'sendrecv' || direction === what;

/** @param {RTCPeerConnection} pc @param {string} kind */
const ofKind = (pc, kind) => pc.getTransceivers().filter((t) => kindOf(t) === kind && t.currentDirection !== 'stopped');

/**
 * Offerer: has all slots, and as many m-lines as the other side needs.
 * @param {RTCPeerConnection} pc
 * @param {{audio: number, video: number, data: number}} [need]
 */
export function lay(pc, need = { audio: 0, video: 0, data: 0 }) {
  for (const { kind, index } of SLOTS) {
    if (ofKind(pc, kind).length <= index) pc.addTransceiver(kind, { direction: 'sendrecv' });
  }
  for (const kind of /** @type {const} */ (['audio', 'video'])) {
    const free = ofKind(pc, kind).filter((t) => has(t.direction, 'recvonly')).length;
    for (let i = free; i < need[kind]; i++) pc.addTransceiver(kind, { direction: 'recvonly' });
  }
  if (need.data && !/^m=application/m.test(pc.localDescription?.sdp ?? '')) pc.createDataChannel('signal');
}

/**
 * Puts own tracks on their m-lines, as far as there are any.
 * @param {RTCPeerConnection} pc
 * @param {(name: SlotName) => MediaStreamTrack | null} trackOf
 */
export async function attach(pc, trackOf) {
  for (const { name, kind, index } of SLOTS) {
    const transceiver = ofKind(pc, kind)[index];
    if (!transceiver) continue;
    if (transceiver.direction !== 'sendrecv') transceiver.direction = 'sendrecv';
    const track = trackOf(name);
    if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
  }
}

/**
 * Whether an own track has no m-line that sends it.
 * @param {RTCPeerConnection} pc
 * @param {(name: SlotName) => MediaStreamTrack | null} trackOf
 */
export function isShort(pc, trackOf) {
  return SLOTS.some(({ name, kind, index }) => trackOf(name) && !has(ofKind(pc, kind)[index]?.currentDirection, 'sendonly'));
}

/**
 * Which slot a received track belongs to.
 * @param {RTCPeerConnection} pc
 * @param {RTCRtpTransceiver} transceiver
 * @returns {SlotName | null}
 */
export function slotOf(pc, transceiver) {
  const index = ofKind(pc, kindOf(transceiver)).indexOf(transceiver);
  return SLOTS.find((slot) => slot.kind === kindOf(transceiver) && slot.index === index)?.name ?? null;
}

/**
 * What the roster says of a peer's slots; null for a peer without.
 * @param {any} data metadata of the roster
 * @returns {Record<SlotName, Carries> | null}
 */
export function readSlots(data) {
  const told = data?.slots;
  if (!told || typeof told !== 'object') return null;
  /** @param {unknown} value @returns {Carries} */
  const carries = (value) => (value === 'on' || value === 'muted' ? value : 'off');
  return { microphone: carries(told.microphone), camera: carries(told.camera) };
}
