import { writeMissingGoldenFiles } from './golden-files.ts';

// For a new type of event, or a new version of one: `node test/golden/write-golden-files.ts && npm run format`, then commit.
for (const name of writeMissingGoldenFiles()) process.stdout.write(`test/golden/events/${name}\n`);
