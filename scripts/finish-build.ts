import { chmod, copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = join(root, 'dist');

/** What the code reads at run time, at the same places relative to it as in a checkout. */
const assets = [
  'temporal-dev.sh',
  'stack/temporal-cli.sh',
  ...(await listAssets('eventstore')),
  ...(await listAssets('projections')),
];

async function listAssets(room: string): Promise<string[]> {
  const names = await readdir(join(root, room, 'migrations'));
  return names.filter((name) => name.endsWith('.sql')).map((name) => join(room, 'migrations', name));
}

for (const asset of assets) {
  await mkdir(dirname(join(target, asset)), { recursive: true });
  await copyFile(join(root, asset), join(target, asset));
}
await chmod(join(target, 'cli', 'main.js'), 0o755);

// The compiler rewrites import paths in code only; declarations keep `.ts`, where no such file is.
for (const name of await readdir(target, { recursive: true })) {
  if (!name.endsWith('.d.ts')) continue;
  const file = join(target, name);
  const text = await readFile(file, 'utf8');
  const paths = /(\bfrom |\bimport\()(["'])(\.{1,2}\/[^"']+)\.ts\2/g;
  const rewritten = text.replace(paths, '$1$2$3.js$2');
  if (rewritten !== text) await writeFile(file, rewritten);
}
