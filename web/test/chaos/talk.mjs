// Two pages on the SDK that call each other and talk, for integration's schedules of faults.
// A line of stdin is {id, urls, messages, patience, seed}: a schedule to play. Lines of stdout
// are {id, progress}: how many messages the first page has had, and {id, pages}: what became of it.
import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { join } from '../../sdk/signal.js';
import { seeded } from '../fakes/clock.mjs';
import { MediaDevices, Stream, Track, World } from '../fakes/rtc.mjs';

const AHEAD = 10; // of what has come from the other
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** As a browser has it: an error is told by the close behind it. */
class Socket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: false });
    this.onerror = () => {};
  }
}

class Page {
  had = [];
  sent = 0;
  settled = 0;
  errors = [];
  left = [];
  world = new World();
  window = new EventTarget();

  constructor(url, name, random) {
    Object.assign(this, { url, name, random });
  }

  async enter(signal) {
    const env = {
      WebSocket: Socket, fetch, setTimeout, clearTimeout, Date, Math: { random: this.random }, crypto, window: this.window,
      RTCPeerConnection: this.world.RTCPeerConnection, MediaStream: Stream, navigator: new MediaDevices().navigator,
    };
    this.room = await join('stage', { url: this.url, name: this.name, microphone: new Track('audio'), env, signal });
    this.room.on('message', ({ participant, data }) => participant.id === this.other.room?.me.id && this.had.push(data.k));
    this.room.on('participantleft', ({ participant }) => this.left.push(participant.id));
    this.room.on('error', ({ error }) => this.errors.push(`${error.code}: ${error.message}`));
  }

  get seen() {
    return this.room?.participants.get(this.other.room?.me.id);
  }

  /** Sends what may be sent now. @param {number} messages */
  talk(messages) {
    while (this.seen && this.sent < messages && this.sent < this.had.length + AHEAD) this.#say();
    if (this.sent === messages && this.had.length >= messages) this.#say(); // the last, when all are here
  }

  #say() {
    const k = ++this.sent;
    if (k === 25) this.room.me.camera.start(new Track('video')); // the one that answers has to ask for an m-line
    if (this.random.below(25) === 0) this.window.dispatchEvent(new Event('online'));
    const data = { k, pad: 'x'.repeat(this.random.below(200)) };
    this.room.send(data, { to: this.seen }).then(
      () => this.settled++,
      (error) => this.errors.push(`send ${k}: ${error.code}: ${error.message}`),
    );
  }

  /** Nothing is missing any more. @param {number} messages */
  done(messages) {
    const { seen, room } = this;
    return room?.state === 'connected' && this.had.length > messages && this.settled > messages &&
      seen?.state === 'connected' && seen.connection.signalingState === 'stable' && seen.camera.track && seen.microphone.track;
  }

  report() {
    const { seen, room, had, errors, sent, settled } = this;
    const { connection } = seen ?? {};
    return {
      id: room?.me.id ?? '', state: room?.state ?? 'outside', had, sent, settled, errors,
      left: this.left.includes(this.other.room?.me.id), // others are pages whose first welcome was lost
      strangers: this.left.length + [...(room?.participants.keys() ?? [])].filter((id) => id !== this.other.room?.me.id).length,
      connections: this.world.connections.length,
      seen: `${seen?.state} ${connection?.connectionState} ${connection?.signalingState} ${connection?.candidates}`,
      camera: Boolean(seen?.camera.track), ufrag: ufrag(connection?.localDescription), remote: ufrag(connection?.remoteDescription),
    };
  }
}

const ufrag = (description) => description?.sdp.match(/ice-ufrag:(\S+)/)[1] ?? '';

async function play({ id, urls, messages, patience, seed }) {
  const pages = urls.map((url, i) => new Page(url, ['ana', 'ben'][i], seeded(seed * 2 + i)));
  [pages[0].other, pages[1].other] = [pages[1], pages[0]];
  const late = AbortSignal.timeout(patience);
  await Promise.all(pages.map((page) => page.enter(late).catch((error) => page.errors.push(`join: ${error.code}: ${error.message}`))));
  for (let told = -1; !late.aborted && !pages.every((page) => page.done(messages)); ) {
    if (told !== pages[0].had.length) tell({ id, progress: (told = pages[0].had.length) });
    for (const page of pages) if (page.room) page.talk(messages);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  tell({ id, pages: pages.map((page) => page.report()) });
  for (const page of pages) page.room?.leave();
}

createInterface({ input: process.stdin }).on('line', (line) => play(JSON.parse(line))).on('close', () => process.exit());
