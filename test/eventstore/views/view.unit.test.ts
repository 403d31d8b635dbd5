import { describe, expect, test } from 'vitest';
import { cleanText, close, defineView, ensure, open, optional, replace, required } from '../../../eventstore/index.ts';
import { compileOperations, definitionHash, joinOperations } from '../../../eventstore/views/view.ts';
import { applyViewsSql, createViewSql } from '../../../eventstore/views/view-sql.ts';

const view = defineView({
  name: 'seat',
  key: ['row'],
  columns: { row: required('text'), guest: optional('text'), at: optional('timestamptz'), notes: optional('jsonb') },
});
const seat = (row: string, guest: string | null = null) => ({ row, guest, at: null, notes: null });

describe('operations', () => {
  test('carry cleaned values and dates as text', () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    expect(open(view, { row: 'a\0', guest: '\ud800', at, notes: { 'k\0': ['\udc00', 1, null, true] } })).toEqual([
      {
        view: 'seat',
        op: 'open',
        key: '["a\uFFFD"]',
        row: { row: 'a\uFFFD', guest: '\uFFFD', at: at.toISOString(), notes: { 'k\uFFFD': ['\uFFFD', 1, null, true] } },
      },
    ]);
  });

  test('replace is close and open; keys that are alike only when joined stay apart', () => {
    expect(replace(view, seat('a')).map(({ op }) => op)).toEqual(['close', 'open']);
    const two = defineView({ ...view, key: ['row', 'guest'] });
    const keys = [open(two, seat('a,b', 'c')), open(two, seat('a', 'b,c')), open(two, seat('a"', '"c'))];
    expect(new Set(keys.map(([operation]) => operation?.key)).size).toBe(3);
  });
});

describe('compileOperations', () => {
  const rows = (list: readonly object[] | undefined): unknown =>
    list
      ?.map((row) => Object.entries(row).filter(([name]) => ['row', 'guest', 'at', 'from_at', 'to_at'].includes(name)))
      .map((entries) => Object.fromEntries(entries));

  const compile = (perEvent: Parameters<typeof compileOperations>[0]) => compileOperations(perEvent).operations;

  test('given nothing, then nothing', () => {
    expect(compileOperations([]).operations).toEqual({});
    expect(compileOperations([[], []]).operations).toEqual({});
    expect(joinOperations([{}, {}])).toBeNull();
  });

  test('given a row opened and closed in the range, then one row with both ends and no update', () => {
    const { seat: compiled } = compile([open(view, seat('a', 'Ana')), [], close(view, { row: 'a' })]);
    expect(rows(compiled?.open)).toEqual([{ row: 'a', guest: 'Ana', at: null, from_at: 0, to_at: 2 }]);
    expect(compiled?.close).toBeUndefined();
  });

  test('given a row from before, replaced twice, then it ends once and the middle row has both ends', () => {
    const { seat: compiled } = compile([replace(view, seat('a', 'Ana')), replace(view, seat('a', 'Bo'))]);
    expect(compiled?.close?.map(({ row, at }) => [row, at])).toEqual([['a', 0]]);
    expect(compiled?.open?.map(({ guest, from_at, to_at }) => [guest, from_at, to_at])).toEqual([
      ['Ana', 0, 1],
      ['Bo', 1, null],
    ]);
  });

  test('given two closes of a row from before, then the first counts', () => {
    const { seat: compiled } = compile([[], close(view, { row: 'a' }), close(view, { row: 'a' })]);
    expect(compiled?.close).toEqual([{ row: 'a', c: 0, at: 1 }]);
  });

  test('given an ensure of a row that holds in the range, then nothing more', () => {
    const { seat: compiled } = compile([open(view, seat('a', 'Ana')), ensure(view, seat('a', 'Bo'))]);
    expect(compiled?.ensure).toBeUndefined();
    expect(compiled?.open).toHaveLength(1);
  });

  test('tells which keys it touches', () => {
    const { keys } = compileOperations([open(view, seat('a', 'Ana')), close(view, { row: 'b' })]);
    expect([...keys]).toEqual(['seat ["a"]', 'seat ["b"]']);
  });

  test('joined, rows keep the command they belong to', () => {
    const [one, two] = [0, 1].map((n) => compileOperations([open(view, seat(`${n}`, 'Ana'))], n).operations);
    expect(joinOperations([one ?? {}, {}, two ?? {}])?.['seat']?.open?.map(({ row, c }) => [row, c])).toEqual([
      ['0', 0],
      ['1', 1],
    ]);
  });

  test('given a row opened twice, then an error that names view and key', () => {
    expect(() => compileOperations([open(view, seat('a')), open(view, seat('a'))])).toThrow(
      'View "seat": a row of key ["a"] is opened twice in one run of events.',
    );
  });
});

describe('definitionHash', () => {
  test('changes with columns, key, indexes and projection version, and with nothing else', () => {
    const hash = definitionHash(view, 1);
    expect(definitionHash({ ...view }, 1)).toBe(hash);
    const others = [
      definitionHash(view, 2),
      definitionHash({ ...view, key: ['row', 'guest'] }, 1),
      definitionHash({ ...view, indexes: ['(tenant)'] }, 1),
      definitionHash({ ...view, generated: { n: 'int' } }, 1),
      definitionHash({ ...view, columns: { ...view.columns, guest: required('text') } }, 1),
    ];
    expect(new Set([hash, ...others]).size).toBe(6);
  });
});

describe('SQL of views', () => {
  test('secures every table and quotes names', () => {
    const sql = createViewSql({ ...view, name: 'od"d' });
    expect(sql).toContain('create table holdfast."od""d"');
    expect(sql).toContain("call holdfast.secure_table('od\"d')");
    expect(sql).toContain('where to_pos is null');
  });

  test('is a function that nobody but its owner may call', () => {
    expect(applyViewsSql([view])).toContain(
      'revoke all on function holdfast."apply_views"(int, bigint[], jsonb) from public',
    );
    expect(applyViewsSql([])).toMatch(/begin\s+end/);
  });
});

describe('cleanText', () => {
  test.each([
    ['plain é👍 שלום', 'plain é👍 שלום'],
    ['a\0b\0', 'a\uFFFDb\uFFFD'],
    ['\ud83d', '\uFFFD'],
    ['\udc4d\ud83d', '\uFFFD\uFFFD'],
    ['', ''],
  ])('%j', (text, clean) => {
    expect(cleanText(text)).toBe(clean);
  });
});
