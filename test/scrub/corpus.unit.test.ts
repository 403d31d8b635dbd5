import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scrub, scrubClasses } from '../../scrub/scrub.ts';
import type { ScrubClass } from '../../scrub/scrub.ts';

interface Line {
  readonly text: string;
  /** The text as it should come out. */
  readonly wanted: string;
  readonly classes: readonly ScrubClass[];
}

/** Lines by hand, in nine languages, with `«class:…»` around what is to go; a third of them are near misses. */
const lines = readFileSync(join(import.meta.dirname, 'corpus.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .map(readLine);

function readLine(line: string): Line {
  const classes: ScrubClass[] = [];
  const wanted = line.replace(/«(\w+):([^»]*)»/g, (_all, as: ScrubClass) => {
    classes.push(as);
    return `[${as}]`;
  });
  return { text: line.replace(/«(\w+):([^»]*)»/g, '$2'), wanted, classes };
}

test('the corpus is what it says: lines of every class, and enough near misses', () => {
  expect(lines.length).toBeGreaterThanOrEqual(150);
  for (const as of scrubClasses)
    expect(lines.filter(({ classes }) => classes.includes(as)).length, as).toBeGreaterThan(3);
  expect(lines.filter(({ classes }) => classes.length === 0).length).toBeGreaterThan(50);
});

test('what is to go goes and the rest stays, measured', () => {
  const total = { right: 0, wrong: 0, missed: 0 };
  const misses: string[] = [];
  for (const { text, wanted, classes } of lines) {
    const got = scrub(text).text;
    const found = [...got.matchAll(/\[(secret|card|iban|email|phone|ip)\]/g)].length;
    // A line counts as right only when it comes out to the letter: half a number left over is a miss.
    const right = got === wanted ? classes.length : 0;
    total.right += right;
    total.wrong += Math.max(0, found - right);
    total.missed += classes.length - right;
    if (got !== wanted) misses.push(`${text}\n  got    ${got}\n  wanted ${wanted}`);
  }
  const precision = total.right / (total.right + total.wrong);
  const recall = total.right / (total.right + total.missed);
  console.log(
    `${lines.length} lines: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}\n${misses.join('\n')}`,
  );
  // The last lines of the corpus are known misses: what is spelled out, national numbers without a country, passwords like words.
  expect(precision).toBeGreaterThanOrEqual(0.99);
  expect(recall).toBeGreaterThanOrEqual(0.94);
});

test('a scrubbed text stays as it is', () => {
  for (const { text } of lines) {
    const once = scrub(text).text;
    expect(scrub(once).text).toBe(once);
  }
});

test('only the classes of the policy go; national numbers with their country', () => {
  const text = 'Mail ana@example.org or call 030 901820.';
  expect(scrub(text, { classes: ['email'] }).text).toBe('Mail [email] or call 030 901820.');
  expect(scrub(text, { country: 'DE' })).toEqual({
    text: 'Mail [email] or call [phone].',
    counts: { email: 1, phone: 1 },
  });
  expect(scrub('', {}).text).toBe('');
});

test('a text of a megabyte without anything takes no more than seconds', () => {
  const text =
    'aA1 -'.repeat(40_000) + '@'.repeat(20_000) + '1'.repeat(20_000) + ':'.repeat(20_000) + 'a.'.repeat(20_000);
  const began = performance.now();
  scrub(text);
  expect(performance.now() - began).toBeLessThan(10_000);
});
