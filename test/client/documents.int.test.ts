import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HoldfastClient } from '../../client/index.ts';
import { createClient } from '../../client/index.ts';
import { forgetUser } from '../../client/forget-user.ts';
import { localKeyWrapper } from '../../eventstore/index.ts';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { collect } from '../eventstore/shapes.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const keyWrapper = localKeyWrapper(testMasterKey);
const embedded: string[] = [];
let client: HoldfastClient;

beforeAll(async () => {
  const hash = createHashEmbedder();
  client = await createClient({
    database: { url: database.url },
    temporal: { address: '127.0.0.1:1' },
    tenant: 'acme',
    keyWrapper,
    embedder: {
      ...hash,
      embed: (texts) => {
        embedded.push(...texts);
        return hash.embed(texts);
      },
    },
  });
});
afterAll(() => client.close());

const lease = `# Lease

## Rent
The rent is 1,200 a month, due on the first.

## Repairs
The owner repairs the heating within a week.

## Pets
Two cats are allowed, dogs are not.
`;
const raised = lease.replace('1,200', '1,350').replace(/## Pets[^]*/, '## Keys\nThere are three keys.\n');
const occurredAt = new Date('2026-03-01T00:00:00Z');
const add = (text: string, user: string, options = {}) =>
  client.memory.addDocument({ source: 'lease.md', title: 'Lease of the shop', text, occurredAt }, { user }, options);

async function head(): Promise<number> {
  return (await collect(database.store.readLog('acme'))).length;
}

async function find(query: string, user: string, at?: number) {
  const { items } = await client.memory.search({ query, scope: { user }, ...(at === undefined ? {} : { at }) });
  return items.filter(({ rejected }) => rejected === null);
}

describe('a document', () => {
  test('is recalled in chunks that say where they stand', async () => {
    const receipt = await add(lease, 'ana');
    expect(receipt).toMatchObject({ outcome: 'stored', added: 3, kept: 0, ended: 0 });
    const [best] = await find('How much is the rent?', 'ana');
    const start = lease.indexOf('# Lease');
    expect(best).toMatchObject({
      kind: 'document',
      citation: { source: 'lease.md', title: 'Lease of the shop', section: 'Lease › Rent', start },
      saidAt: occurredAt,
    });
    expect(lease.slice(best?.citation?.start, best?.citation?.end)).toBe(best?.text);
    const { lines } = await client.memory.search({ query: 'Who repairs the heating?', scope: { user: 'ana' } });
    const at = lease.indexOf('## Repairs');
    expect(lines[0]).toContain('from lease.md, "Lease of the shop", Lease › Repairs, characters ');
    expect(lines[0]).toContain(`characters ${at} to `);
    expect(await client.memory.documents({ scope: { user: 'ana' } })).toMatchObject([
      {
        source: 'lease.md',
        title: 'Lease of the shop',
        chunks: 3,
        length: lease.length,
        occurredAt,
        scope: { user: 'ana' },
      },
    ]);
    expect(await find('rent', 'an')).toEqual([]);
    expect(await client.memory.documents({ scope: { user: 'an' } })).toEqual([]);
  });

  test('is found as it held in the world, and by its kind', async () => {
    const search = { query: 'rent', scope: { user: 'ana' } };
    expect((await client.memory.search({ ...search, validAt: new Date('2026-04-01') })).items[0]?.kind).toBe(
      'document',
    );
    expect((await client.memory.search({ ...search, validAt: new Date('2026-02-01') })).items).toEqual([]);
    expect((await client.memory.search({ ...search, policy: { kinds: ['round'] } })).items).toEqual([]);
    expect((await client.memory.search({ ...search, policy: { kinds: ['document'] } })).items).not.toEqual([]);
  });

  test('that is added again writes nothing; in a new version what stayed is kept, with its vector', async () => {
    await add(lease, 'bea');
    const before = await head();
    expect(await add(lease, 'bea')).toMatchObject({ outcome: 'known', added: 0, kept: 3, ended: 0 });
    expect(await head()).toBe(before);
    embedded.length = 0;
    expect(await add(raised, 'bea')).toMatchObject({ outcome: 'stored', added: 2, kept: 1, ended: 2 });
    expect(embedded).toHaveLength(2);
    expect((await find('How much is the rent?', 'bea'))[0]?.text).toContain('1,350');
    expect((await find('cats dogs allowed', 'bea')).filter(({ text }) => text.includes('cats'))).toEqual([]);
    for (const one of await find('rent repairs keys heating owner', 'bea'))
      expect(raised.slice(one.citation?.start, one.citation?.end)).toBe(
        one.text.slice(one.text.length - ((one.citation?.end ?? 0) - (one.citation?.start ?? 0))),
      );
    // As of then it is as it was, offsets included.
    const then = await find('cats dogs allowed', 'bea', before);
    expect(then[0]?.text).toContain('cats');
    expect(lease.slice(then[0]?.citation?.start)).toMatch(/^## Pets/);
    expect((await find('How much is the rent?', 'bea', before))[0]?.text).toContain('1,200');
    const { rows } = await database.admin.query<{ n: number; distinct: number }>(
      `select count(*)::int as n, count(distinct text_hash)::int as distinct from memory_document
       where scope_user = 'bea' and to_pos is null`,
    );
    expect(rows[0]).toEqual({ n: 3, distinct: 3 });
  });

  test('keeps chunks that only moved: words before them change where they stand, and nothing else', async () => {
    await add(lease, 'cho');
    const before = await head();
    const later = `# Notice\nPlease read this first.\n\n${lease}`;
    expect(await add(later, 'cho')).toMatchObject({ added: 1, kept: 3, ended: 0 });
    const [pets] = await find('cats dogs', 'cho');
    expect(pets?.citation?.start).toBe(later.indexOf('## Pets'));
    expect((await find('cats dogs', 'cho', before))[0]?.citation?.start).toBe(lease.indexOf('## Pets'));
  });

  test('that was added under a key is not brought back by a late repeat; another text under the key is refused', async () => {
    await add(lease, 'dan', { idempotencyKey: 'k1' });
    await add(raised, 'dan', { idempotencyKey: 'k2' });
    const before = await head();
    expect(await add(lease, 'dan', { idempotencyKey: 'k1' })).toMatchObject({ outcome: 'known' });
    expect((await find('How much is the rent?', 'dan'))[0]?.text).toContain('1,350');
    await expect(add(lease, 'dan', { idempotencyKey: 'k2' })).rejects.toMatchObject({ code: 'DOCUMENT_DIFFERS' });
    expect(await head()).toBe(before);
  });

  test('that is removed is recalled no more, but as of earlier; it may come again', async () => {
    await add(lease, 'eva');
    const before = await head();
    const scope = { user: 'eva' };
    expect(await client.memory.removeDocument({ source: 'lease.md', scope })).toMatchObject({ ended: 3 });
    expect(await client.memory.removeDocument({ source: 'lease.md', scope })).toMatchObject({ ended: 0 });
    expect(await find('rent', 'eva')).toEqual([]);
    expect(await client.memory.documents({ scope })).toEqual([]);
    expect(await client.memory.documents({ scope, at: before })).toHaveLength(1);
    expect(await find('rent', 'eva', before)).not.toEqual([]);
    expect(await add(lease, 'eva')).toMatchObject({ outcome: 'stored', added: 3 });
    expect(await find('rent', 'eva')).not.toEqual([]);
  });

  test('of a user who is forgotten is gone, with its name, its words and its vectors', async () => {
    const secret = 'The password of the cellar is gooseberry.';
    await client.memory.addDocument({ source: 'gooseberry.txt', title: 'Gooseberry', text: secret }, { user: 'fay' });
    await client.memory.addDocument(
      { source: 'gooseberry.txt', title: 'Gooseberry', text: `Hello.\n\n${secret}` },
      { user: 'fay' },
    );
    const about = { user: 'fay', actor: 'user:fay', reason: 'asked' };
    await forgetUser({ adminUrl: database.url, tenant: 'acme', keyWrapper }, about);
    expect(await find('password of the cellar', 'fay')).toEqual([]);
    expect(await client.memory.documents({ scope: { user: 'fay' } })).toEqual([]);
    for (const table of ['memory_document', 'stored_document', 'document_chunk', 'event', 'command']) {
      const { rows } = await database.admin.query(`select from ${table} t where t::text ilike '%gooseberry%'`);
      expect(rows, table).toEqual([]);
    }
    const events = await collect(database.store.readLog('acme'));
    expect(JSON.stringify(events)).not.toMatch(/gooseberry/i);
    // What comes afterwards is new.
    expect(await add(lease, 'fay')).toMatchObject({ outcome: 'stored', added: 3 });
  });

  test('that two write at once ends as one of both, whole', async () => {
    const long = (mark: string): string =>
      Array.from({ length: 400 }, (_, n) => `# Part ${n}\nPart ${n} of ${n % 2 === 0 ? 'both' : mark}.`).join('\n');
    const versions = ['first', 'second'].map(long);
    await Promise.all(versions.map((text) => add(text, 'gus')));
    const { rows } = await database.admin.query<{ content: string }>(
      `select d.content from memory_document d join document_chunk c on c.chunk = d.id
       where d.scope_user = 'gus' and d.to_pos is null and c.to_pos is null order by c.ordinal`,
    );
    expect(versions).toContain(rows.map(({ content }) => content).join('\n'));
  });

  test.each([
    [{ source: ' ', text: 'x' }, { user: 'a' }, /source has 1 characters/],
    [{ source: 's', text: ' \n' }, { user: 'a' }, /no text/],
    [{ source: 's', text: 'x', occurredAt: new Date('never') }, { user: 'a' }, /time that is none/],
    [{ source: 's', text: 'x' }, { user: 'a', fork: 't/b' }, /"fork" is none/],
  ])('that is none (%j, %j) is refused by name', async (given, scope, message) => {
    await expect(client.memory.addDocument(given, scope)).rejects.toMatchObject({
      code: 'INVALID_DOCUMENT',
      message: expect.stringMatching(message) as string,
    });
  });
});
