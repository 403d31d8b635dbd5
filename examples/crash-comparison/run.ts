import { parseArgs } from 'node:util';
import { compare } from './compare.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const outcomes = await compare({
  kills: Number(values.kills),
  seed: Number(values.seed),
  onProgress: (line) => console.error(line),
});
const ours = outcomes.find(({ name }) => name === 'Holdfast');
const ok = ours !== undefined && ours.lost + ours.duplicated + ours.partial === 0;
if (!values.json) console.table(outcomes, ['name', 'kills', 'turns', 'acknowledged', 'lost', 'duplicated', 'partial']);
else console.log(JSON.stringify({ command: 'crash-comparison', ok, figures: { outcomes } }));
// The others are there to be counted; of ours nothing may be lost, twice or half.
if (!ok) process.exitCode = 1;
