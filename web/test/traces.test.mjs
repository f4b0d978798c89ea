import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Pair } from '../sdk/pair.js';

const directory = new URL('../../signaling/wire/testdata/negotiation/', import.meta.url);

for (const file of ['offerer.jsonl', 'answerer.jsonl']) {
  test(`the golden traces of ${file}`, () => {
    const traces = readFileSync(new URL(file, directory), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(traces.length > 50);
    for (const { name, offers, steps } of traces) {
      const pair = new Pair(offers);
      steps.forEach(({ event, actions }, i) => {
        assert.deepEqual(pair.handle(event), actions, `${name}, step ${i}: ${JSON.stringify(event)}`);
      });
    }
  });
}
