import { expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

// In the process before the command line: tells on stderr which packages were loaded.
const watch = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  const packages = new Set();
  registerHooks({
    load(url, context, next) {
      const [, name] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? [];
      if (name) packages.add(name);
      return next(url, context);
    },
  });
  process.on('exit', () => process.stderr.write(JSON.stringify([...packages])));
`)}`;

test('a command loads what it needs: help needs no database, no Temporal and no model', async () => {
  const { code, stderr } = await runCli(['--help'], { env: { NODE_OPTIONS: `--import ${watch}` } });
  expect(code).toBe(0);
  const packages = JSON.parse(stderr) as string[];
  expect(packages).toContain('commander');
  // A table and what it needs; clients of servers take a second to load.
  expect(
    packages.filter((name) =>
      /temporal|grpc|^pg|kysely|openai|zod|protobuf|ajv|chrono|phone|validator|rxjs/.test(name),
    ),
  ).toEqual([]);
});
