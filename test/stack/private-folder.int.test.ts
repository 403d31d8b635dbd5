import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { findFreePort } from '../../stack/free-port.ts';
import { makeStackFolder, removeStackFolder } from '../../stack/private-folder.ts';
import { startPostgres } from '../../stack/start-postgres.ts';

test('a folder of one run goes with its database, wherever that had to be put', async () => {
  const dir = await makeStackFolder();
  const postgres = await startPostgres({ dir, port: await findFreePort(), onProgress: () => undefined });
  const file = join(dir, 'postgres', 'location.json');
  const { dataDir } = JSON.parse(await readFile(file, 'utf8')) as { dataDir: string };
  expect(existsSync(dataDir)).toBe(true);
  await postgres.stop();
  await removeStackFolder(dir);
  expect(existsSync(dir)).toBe(false);
  expect(existsSync(dataDir)).toBe(false);
  expect(existsSync(dirname(dataDir))).toBe(false);
});
