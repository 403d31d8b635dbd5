import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MemoryEvent } from '../../memory/events.ts';
import { currentVersion } from '../../eventstore/read/upcast.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { examples } from './examples.ts';
import { memoryEventShapes } from './shape-of.ts';
import type { Shape } from './shape-of.ts';

/** An event type as one version of the program wrote it: the shape its data had, and data as it was stored. */
export interface GoldenFile {
  readonly type: MemoryEvent['type'];
  readonly version: number;
  readonly shape: Shape;
  readonly data: object;
}

const folder = join(import.meta.dirname, 'events');

/** Every golden file. */
export function readGoldenFiles(): GoldenFile[] {
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const [, type, version] = /^(\w+)\.v(\d+)\.json$/.exec(name) ?? [];
      if (type === undefined || !(type in examples))
        throw new Error(`${name} is not named after a type and a version.`);
      const { shape, data } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Pick<
        GoldenFile,
        'shape' | 'data'
      >;
      return { type: type as MemoryEvent['type'], version: Number(version), shape, data };
    });
}

/** Writes the golden files of current versions that are not there yet; one that is there is never changed. Gives their names. */
export function writeMissingGoldenFiles(): string[] {
  const names: string[] = [];
  for (const [type, shape] of memoryEventShapes()) {
    const name = `${type}.v${currentVersion(holdfastSchema, type)}.json`;
    if (existsSync(join(folder, name))) continue;
    const golden = { shape, data: examples[type as MemoryEvent['type']] };
    writeFileSync(join(folder, name), `${JSON.stringify(golden, null, 2)}\n`);
    names.push(name);
  }
  return names;
}

/** Paths of a shape that data never goes to, and paths of data that the shape does not know. */
export function comparePaths(shape: Shape, data: object): { readonly unused: string[]; readonly unknown: string[] } {
  const seen = new Set<string>();
  const unknown = new Set<string>();
  const visit = (value: unknown, path: string): void => {
    if (path !== '') seen.add(path);
    // What a type leaves open is not looked into.
    if (shape[path] === 'unknown' || typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item, `${path}[]`);
      return;
    }
    for (const [name, inner] of Object.entries(value)) {
      const property = `${path === '' ? '' : `${path}.`}${name}`;
      const place = [property, `${property}?`, `${path}{}`].find((one) => Object.hasOwn(shape, one));
      if (place === undefined) unknown.add(property);
      else visit(inner, place);
    }
  };
  visit(data, '');
  return { unused: Object.keys(shape).filter((path) => !seen.has(path)), unknown: [...unknown] };
}
