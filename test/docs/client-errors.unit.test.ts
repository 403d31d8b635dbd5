import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as client from '../../client/index.ts';

const root = join(import.meta.dirname, '..', '..');

/** Codes of error classes, as they are written in the sources. */
function codes(): Map<string, string> {
  const found = new Map<string, string>();
  for (const room of ['client', 'eventstore']) {
    for (const name of readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const source = readFileSync(join(root, room, name), 'utf8');
      for (const [, error = '', body = ''] of source.matchAll(
        /class (\w+Error) extends HoldfastError \{([\s\S]*?)\n\}/g,
      ))
        found.set(error, /super\(\s*'([A-Z_]+)'/.exec(body)?.[1] ?? '');
    }
  }
  return found;
}

test('docs/client.md lists every error of the client with its code', () => {
  const page = readFileSync(join(root, 'docs', 'client.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `(\w+Error)`\s*\| `([A-Z_]+)`/gm)].map(([, name, code]) => `${name} ${code}`);
  const known = codes();
  const exported = Object.keys(client).filter((name) => name.endsWith('Error') && name !== 'HoldfastError');
  expect(exported.length).toBeGreaterThan(25);
  expect(listed.toSorted()).toEqual(exported.map((name) => `${name} ${known.get(name)}`).toSorted());
});

test('every error class of the client room is exported', () => {
  const own = readdirSync(join(root, 'client')).flatMap((name) =>
    [...readFileSync(join(root, 'client', name), 'utf8').matchAll(/export class (\w+Error) /g)].map(
      ([, error]) => error,
    ),
  );
  expect(own.length).toBeGreaterThan(10);
  expect(own.filter((name) => name !== undefined && !(name in client))).toEqual([]);
});
