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
if (!values.json) console.table(outcomes, ['name', 'kills', 'turns', 'acknowledged', 'lost', 'duplicated', 'partial']);
else console.log(JSON.stringify({ command: 'crash-comparison', ok: true, figures: { outcomes } }));
