import { parseArgs } from 'node:util';
import { conversations, play } from './contradictions/play.ts';
import type { Extractor } from './contradictions/play.ts';

/**
 * Conversations full of corrections, moves, negations, hearsay and irony, and what is known after each: with a model's answers written
 * by hand, and with the rules that stand in where there is no model. A conversation is right when what holds and what is past are both
 * exactly what they should be.
 */
const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });

const run = (extractor: Extractor) => {
  const played = conversations.map((conversation) => play(conversation, extractor));
  if (!options.json)
    for (const { conversation, ...one } of played.filter(({ right }) => !right))
      console.log(extractor, conversation, one);
  return {
    accuracy: Number((played.filter(({ right }) => right).length / played.length).toFixed(3)),
    retired: played.reduce((sum, { wronglyRetired }) => sum + wronglyRetired.length, 0),
  };
};
const scripted = run('scripted');
const deterministic = run('deterministic');
const figures = {
  conversations: conversations.length,
  scripted_accuracy: scripted.accuracy,
  deterministic_accuracy: deterministic.accuracy,
  wrongly_retired: scripted.retired + deterministic.retired,
};
if (!options.json) console.log(figures);
console.log(JSON.stringify({ command: 'bench:contradictions', ok: true, figures }));
