import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Pair } from '../sdk/pair.js';
import { seeded } from './fakes/clock.mjs';
import { Couple } from './fakes/jsep.mjs';

/** One random history; it throws if a promise is broken. */
function history(Machine, seed) {
  const random = seeded(seed);
  const couple = new Couple(Machine, random);
  couple.event(0, { kind: 'begin' });
  const trouble = random.below(3); // none, some, much
  for (let i = 0; i < 40; i++) {
    if (trouble && random.below(5 - trouble) === 0) couple.disturb();
    else couple.step();
  }
  couple.settle();
}

test('20,000 random histories come to rest with both sides agreed', () => {
  for (let seed = 1; seed <= 20_000; seed++) {
    try {
      history(Pair, seed);
    } catch (error) {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
});

const source = readFileSync(new URL('../sdk/pair.js', import.meta.url), 'utf8')
  .replace("'./candidates.js'", `'${new URL('../sdk/candidates.js', import.meta.url)}'`);

/** The golden traces know what an orderly wire cannot show. */
const traces = ['offerer', 'answerer'].flatMap((side) => readFileSync(
  new URL(`../../signaling/wire/testdata/negotiation/${side}.jsonl`, import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line)));

function replay(Machine) {
  for (const { offers, steps } of traces) {
    const machine = new Machine(offers);
    for (const { event, actions } of steps) assert.deepEqual(machine.handle(event), actions);
  }
}

/** What somebody might break, and the histories or the traces must notice. */
const mutants = {
  'an offer goes out while another is out': ["if (this.#phase === 'idle') this.#offer();\n    else this.#wanted = true;", 'this.#offer();'],
  'what was wanted is forgotten': ['if (this.#wanted) this.#offer();', ''],
  'a stale answer is applied': ["else if (event.gen === this.#gen) this.#handleCurrent(event);", 'else this.#handleCurrent(event);'],
  'a lower pc is answered': ['|| pc < this.#pc || (pc === this.#pc', '|| (pc === this.#pc'],
  'candidates do not wait for their description': ['if (this.#own.counts(ufrag)) this.#do', 'if (true) this.#do'],
  'candidates of the peer do not wait': ['if (!this.#remote.counts(ufrag) || busy)', 'if (false)'],
  'what was kept is not added': ["this.#do({ kind: 'add-candidates', pc: this.#pc, ufrag, end: end || undefined, data: list });", ''],
  'a restart is asked for twice and never seen': ['if (this.#restarts) this.#restart = false;', ''],
  'the timer runs while the peer is away': ["|| this.#timing || this.#away || this.#down", '|| this.#timing'],
  'an ask is forgotten while answering': ["if (this.#phase === 'answering') this.#wanted = true;\n    else if (!same", 'if (!same'],
  'an own track without m-line is not asked for': ['|| (need && !same(this.#asked, need))', ''],
  'the need is not passed on': ['const need = same(this.#need, NONE) ? undefined : this.#need;', 'const need = undefined;'],
  'the old connection stays open': ["if (this.#open) this.#do({ kind: 'close', pc: this.#pc });", ''],
  'a connection is used after an offer failed on it': ["this.#phase = 'rejected';", "this.#phase = 'idle';"],
  'fresh is ignored': ["if (fresh) return this.#fail('fresh');", ''],
};

for (const [name, [find, replace]] of Object.entries(mutants)) {
  test(`it is noticed when ${name}`, async () => {
    assert.ok(source.includes(find), 'the mutant fits the source');
    const mutated = source.replace(find, replace);
    const { Pair: Mutant } = await import(`data:text/javascript,${encodeURIComponent(mutated)}`);
    assert.throws(() => {
      for (let seed = 1; seed <= 3_000; seed++) history(Mutant, seed);
      replay(Mutant);
    });
  });
}
