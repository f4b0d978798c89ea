// People on the SDK, each with a connection of their own, for integration's stories on a real server. A line of stdin is
// {id, who, script}: what somebody does, in an async function; names that they give to things stay theirs. Lines of stdout are
// {id, value} or {id, error}: what became of it, and {who, heard}: something that the SDK has told them, in words.
import { createInterface } from 'node:readline';
import { createContext, runInContext } from 'node:vm';
import WebSocket from 'ws';
import * as sdk from '../../sdk/signal.js';
import { MediaDevices, Stream, Track, World } from '../fakes/rtc.mjs';

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** As a browser has it: each message is a task of its own, and an error is told by the close behind it. */
class Socket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: false, allowSynchronousEvents: false });
    this.onerror = () => {};
  }
}

const holds = (what) => Object.entries(what).filter(([, value]) => value).map(([name, value]) => (value === true ? name : `${name}=${value}`));

/** What is told of an event, but for its type. */
const words = {
  participantjoined: ({ participant }) => [participant.name, participant.role],
  participantaway: ({ participant }) => [participant.name],
  participantback: ({ participant }) => [participant.name],
  participantleft: ({ participant, reason }) => [participant.name, reason],
  participantchanged: ({ participant }) => [participant.name, participant.role],
  message: ({ participant, data }) => [participant.name, JSON.stringify(data)],
  muterequest: ({ participant, data }) => [participant.name, JSON.stringify(data)],
  role: ({ role, by }) => [role, by?.name],
  rules: ({ rules, by }) => [...holds(rules), 'by', by?.name ?? 'me'],
  knock: ({ knocker }) => [knocker.name],
  knockended: ({ knocker, reason }) => [knocker.name, reason],
  presence: ({ user, presence }) => [user, ...holds(presence)],
  usermessage: ({ user, data }) => [user, JSON.stringify(data)],
  invited: ({ call }) => [call.user, JSON.stringify(call.data)],
  missed: ({ call }) => [call.user, JSON.stringify(call.data)],
  error: ({ error }) => [error.code, error.said],
};

class Person {
  world = new World();
  /** @type {Set<Socket>} */ sockets = new Set();
  away = false; // without a network

  /** @param {string} who @param {string} url */
  constructor(who, url) {
    this.who = who;
    const { RTCPeerConnection } = this.world;
    const { sockets } = this;
    const reach = (address) => (this.away ? 'ws://127.0.0.1:1' : address);
    class Line extends Socket {
      constructor(address, protocols) {
        super(reach(address), protocols);
        sockets.add(this);
      }
    }
    const env = { WebSocket: Line, fetch, setTimeout, clearTimeout, Date, Math, crypto, window: new EventTarget(), RTCPeerConnection, MediaStream: Stream, navigator: new MediaDevices().navigator };
    const given = { url, env, name: who, reconnect: () => 20 };
    const hear = (target) => this.#hear(target);
    this.names = createContext({
      ...sdk, Track, setTimeout, hear,
      tell: (...said) => this.#tell(...said),
      world: this.world,
      /** Loses the network, until back(). */
      lose: () => {
        this.away = true;
        for (const socket of sockets) socket.terminate();
        sockets.clear();
      },
      back: () => {
        this.away = false;
      },
      /** Waits for what no event tells. */
      until: async (holds) => {
        while (!holds()) await new Promise((soon) => setTimeout(soon, 10));
      },
      /** Somebody else in the own room. */
      find: (name) => [...this.names.room.participants.values()].find((participant) => participant.name === name),
      /** Joins a room over a connection of its own, and hears all of it. */
      enter: async (room, options) => hear(await sdk.join(room, { ...given, ...options })),
      /** Connects, and hears what users do. */
      come: async (options) => {
        const client = hear(await sdk.connect({ ...given, ...options }));
        client.on('invited', ({ call }) => (this.names.ring = hear(call))); // the last that rings here
        return client;
      },
    });
  }

  /** @param {any[]} said */
  #tell(...said) {
    tell({ who: this.who, heard: said.filter((word) => word !== undefined && word !== null && word !== '').join(' ') });
  }

  /** @template {EventTarget} T @param {T} target @returns {T} */
  #hear(target) {
    for (const [type, more] of Object.entries(words)) target.addEventListener(type, (event) => this.#tell(type, ...more(event)));
    const what = target.constructor.name.toLowerCase();
    target.addEventListener('statechange', () => this.#tell(what, target.state, target.reason));
    return target;
  }

  async does({ id, script }) {
    try {
      tell({ id, value: (await runInContext(`(async () => { ${script} })()`, this.names)) ?? null });
    } catch (error) {
      const { code = 'exception', retry, said, stack } = error;
      tell({ id, error: { code, retry, said, text: code === 'exception' ? stack : error.message } });
    }
  }
}

const people = new Map();
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { who, url, ...task } = JSON.parse(line);
  if (url) people.set(who, new Person(who, url));
  else people.get(who).does(task);
});
lines.on('close', () => process.exit());
