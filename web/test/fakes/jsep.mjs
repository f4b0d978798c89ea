import assert from 'node:assert/strict';
import { ufragsOf } from '../../sdk/candidates.js';

/** Both sides of a negotiation over a model of RTCPeerConnection that enforces the JSEP states, driven by one source of randomness. */
export class Couple {
  constructor(Pair, random) {
    this.random = random;
    this.sides = [true, false].map((offers) => ({
      offers, machine: new Pair(offers), pc: null, wire: [], job: null, jobs: [], gathering: [], timer: false, needs: { audio: 0, video: 0, data: 0 }, gaveUp: false, highest: [0, 0],
    }));
    this.ufrags = 0;
    this.links = [true, true];
  }

  /** @param {number} i */
  event(i, event) {
    const side = this.sides[i];
    for (const action of side.machine.handle(event)) this.#do(i, side, action);
  }

  #do(i, side, action) {
    const { kind, pc } = action;
    switch (kind) {
      case 'open':
        assert.equal(side.pc, null, 'opened over another');
        side.pc = { number: pc, state: 'stable', local: null, remote: null, lines: { audio: 0, video: 0, data: 0 }, added: new Set(), own: new Set() };
        return;
      case 'close':
        assert.equal(side.pc?.number, pc, 'closed what is not open');
        side.pc = side.job = null;
        side.jobs = [];
        side.gathering = [];
        return;
      case 'send': return this.#send(i, side, action);
      case 'start-timer':
        assert.ok(!side.timer, 'started a running timer');
        assert.ok(this.links[0] && this.links[1], 'the timer runs while a link is down');
        side.timer = true;
        return;
      case 'stop-timer':
        assert.ok(side.timer, 'stopped a timer that does not run');
        side.timer = false;
        return;
      case 'give-up':
        side.gaveUp = true;
        return;
      default:
        assert.equal(side.pc?.number, pc, `${kind} for another pc`);
        side.jobs.push(action);
    }
  }

  #send(i, side, { type, pc, gen, ufrag, end, data }) {
    assert.equal(type === 'offer', side.offers && type !== 'candidates', `${type} from the wrong side`);
    if (type === 'offer') {
      const [highestPC, highestGen] = side.highest;
      assert.ok(pc > highestPC || (pc === highestPC && gen > highestGen), 'an offer that is not newer');
      side.highest = [pc, gen];
    }
    if (type === 'candidates') assert.ok(side.sent?.includes(ufrag), 'candidates before their description');
    else side.sent = data.sdp ? ufragsOf(data.sdp) : side.sent;
    this.sides[1 - i].wire.push({ kind: type, pc, gen, ufrag, end, data });
  }

  /** One job ends: what a driver does on its connection. */
  work(i, fail = false) {
    const side = this.sides[i];
    const action = side.jobs.shift();
    const { kind, pc, gen } = action;
    if (kind === 'add-candidates') return this.#add(side, action);
    if (fail) return this.event(i, { kind: 'failed', pc, gen, reason: 'x' });
    if (kind === 'make-offer') {
      assert.equal(side.pc.state, 'stable', 'an offer while not stable');
      side.pc.state = 'have-local-offer';
      for (const k of ['audio', 'video', 'data']) side.pc.lines[k] = Math.max(side.pc.lines[k], action.need?.[k] ?? 0);
      return this.#made(i, side, action, action.restart || !side.pc.local);
    }
    if (kind === 'make-answer') {
      assert.equal(side.pc.state, 'stable', 'an offer applied while not stable');
      const fresh = ufragsOf(action.data.sdp)[0] !== side.pc.remote;
      this.#describe(side, action.data);
      return this.#made(i, side, action, fresh);
    }
    assert.equal(side.pc.state, 'have-local-offer', 'an answer applied without an offer');
    side.pc.state = 'stable';
    this.#describe(side, action.data);
    this.event(i, { kind: 'applied', pc, gen });
  }

  #describe(side, { sdp, lines }) {
    const [ufrag] = ufragsOf(sdp);
    if (ufrag !== side.pc.remote) side.pc.added = new Set();
    side.pc.remote = ufrag;
    side.pc.lines = { ...lines };
  }

  #made(i, side, { kind, pc, gen }, fresh) {
    if (fresh) {
      side.pc.local = `u${++this.ufrags}`;
      side.pc.own = new Set();
      const count = this.random.below(4);
      for (let c = 0; c < count; c++) side.gathering.push({ ufrag: side.pc.local, candidate: `c${c}` });
      side.gathering.push({ ufrag: side.pc.local, end: true });
    }
    const data = { sdp: `a=ice-ufrag:${side.pc.local}\r\n`, lines: { ...side.pc.lines } };
    const short = ['audio', 'video', 'data'].some((k) => side.needs[k] > side.pc.lines[k]);
    this.event(i, { kind: 'made', pc, gen, data, ...(kind === 'make-answer' && short && { need: { ...side.needs } }) });
  }

  #add(side, { ufrag, data }) {
    assert.equal(ufrag, side.pc.remote, 'a candidate without its description');
    for (const c of data) side.pc.added.add(c);
  }

  gather(i) {
    const side = this.sides[i];
    const { ufrag, candidate, end } = side.gathering.shift();
    if (candidate && ufrag === side.pc.local) side.pc.own.add(candidate);
    this.event(i, { kind: 'gathered', pc: side.pc.number, ufrag, end, data: candidate ? [candidate] : [] });
  }

  need(kind) {
    const side = this.sides[1];
    side.needs[kind] = Math.min(kind === 'data' ? 1 : 4, side.needs[kind] + 1);
    this.event(1, { kind: 'needed', need: { ...side.needs } });
  }

  link(i, up) {
    if (this.links[i] === up) return;
    this.links[i] = up;
    this.event(i, { kind: up ? 'link-up' : 'link-down' });
    this.event(1 - i, { kind: up ? 'peer-back' : 'peer-away' });
  }

  timeout(flows) {
    const [side] = this.sides;
    if (!side.timer) return;
    side.timer = false; // it fired; the machine may start it again
    this.event(0, { kind: 'timer', flows });
  }

  /** One thing that can happen by itself; false: nothing can. */
  step() {
    const possible = [];
    for (const i of [0, 1]) {
      const side = this.sides[i];
      if (side.jobs.length) possible.push(() => this.work(i));
      if (side.gathering.length) possible.push(() => this.gather(i));
      if (side.wire.length && this.links[i] && this.links[1 - i]) possible.push(() => this.event(i, side.wire.shift()));
    }
    if (!possible.length) return false;
    this.random.pick(possible)();
    return true;
  }

  /** A fault, or a wish of somebody. */
  disturb() {
    const { random, sides } = this;
    const i = random.below(2);
    const side = sides[i];
    switch (random.below(9)) {
      case 0: return side.jobs.length && random.below(4) === 0 && this.work(i, true);
      case 1: return side.pc && this.event(i, { kind: 'stuck', pc: side.pc.number });
      case 2: return side.pc && random.below(4) === 0 && this.event(i, { kind: 'broken', pc: side.pc.number });
      case 3: return this.need(random.pick(['audio', 'video', 'data']));
      case 4: return this.event(0, { kind: 'needed' });
      case 5: return this.timeout(random.below(2) === 0);
      case 6: return this.link(i, random.below(2) === 0);
      case 7: return side.pc && this.event(i, { kind: 'connected', pc: side.pc.number });
      case 8: return sides[0].gaveUp && ((sides[0].gaveUp = false), this.event(0, { kind: 'begin' }));
    }
  }

  /** All comes to rest: both sides agree, and nothing that was wished is missing. */
  settle() {
    this.link(0, true);
    this.link(1, true);
    let steps = 0;
    const run = () => {
      while (this.step()) assert.ok(++steps < 2000, 'it never comes to rest');
    };
    run();
    for (let round = 0; round < 5; round++) {
      if (this.sides[0].gaveUp) {
        this.sides[0].gaveUp = false;
        this.event(0, { kind: 'begin' });
      }
      this.timeout(false);
      run();
    }
    const [a, b] = this.sides;
    assert.ok(a.machine.stable && b.machine.stable, 'not at rest');
    assert.ok(a.pc && a.pc.number === b.pc.number, 'two connections');
    assert.deepEqual([a.pc.state, b.pc.state, a.timer], ['stable', 'stable', false]);
    assert.deepEqual([a.pc.remote, b.pc.remote], [b.pc.local, a.pc.local], 'ufrags differ');
    assert.deepEqual([a.pc.added, b.pc.added], [b.pc.own, a.pc.own], 'candidates are missing');
    for (const k of ['audio', 'video', 'data']) assert.ok(a.pc.lines[k] >= b.needs[k], `no m-line for ${k}`);
  }
}
