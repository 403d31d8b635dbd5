import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The lines of a `#region` of a source file, without their common indent. */
function region(file: string, name: string): string {
  const source = readFileSync(join(root, file), 'utf8');
  const match = new RegExp(`^( *)// #region ${name}\\n([\\s\\S]*?)^ *// #endregion`, 'm').exec(source);
  if (!match) throw new Error(`${file} has no region "${name}".`);
  const [, indent = '', body = ''] = match;
  return body.replace(new RegExp(`^${indent}`, 'gm'), '').trim();
}

describe('documentation', () => {
  const snippets = pages.flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/<!-- snippet: ([^#]+)#(\S+) -->\n+```ts\n([\s\S]*?)```/g)].map(
      ([, file = '', name = '', code = '']) => ({ page, file, name, code: code.trim() }),
    ),
  );

  test('has snippets to check', () => expect(snippets.length).toBeGreaterThanOrEqual(2));

  test.each(snippets)('$page shows $file#$name as it is compiled', ({ file, name, code }) => {
    expect(code).toBe(region(file, name));
  });

  test('has no TypeScript that is not compiled', () => {
    for (const page of pages) {
      const fences = readFileSync(join(root, page), 'utf8').match(/```ts\n/g)?.length ?? 0;
      expect({ page, fences }).toEqual({ page, fences: snippets.filter((snippet) => snippet.page === page).length });
    }
  });

  test('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const page of pages) {
      for (const [, name = ''] of readFileSync(join(root, page), 'utf8').matchAll(/npm run ([a-z0-9:]+)/g))
        expect(Object.keys(scripts)).toContain(name);
    }
  });

  test('links only to files that exist', () => {
    for (const page of pages) {
      for (const [, target = ''] of readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
        expect(() => readdirSync(join(root, page, '..', target, '..')), `${page} → ${target}`).not.toThrow();
      }
    }
  });

  test('keeps the README short, with code near its top', () => {
    const lines = readFileSync(join(root, 'README.md'), 'utf8').split('\n');
    expect(lines.length).toBeLessThanOrEqual(150);
    expect(lines.findIndex((line) => line.startsWith('```')) + 1).toBeLessThanOrEqual(20);
  });
});
