import { beforeAll, describe, expect, test } from 'vitest';
import type { MemoryEvent, Source } from '../../memory/events.ts';
import type { Scope } from '../../memory/scope.ts';
import { forkOf } from '../../memory/scope.ts';
import { listBranchTurns } from '../../projections/branches/queries.ts';
import { listDocuments } from '../../projections/documents/queries.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { listProcedures, readKnownProcedures } from '../../projections/procedural/queries.ts';
import { readViews } from '../../projections/read-views.ts';
import { retrieve } from '../../projections/search/retrieve.ts';
import { listFacts, readKnownFacts } from '../../projections/semantic/queries.ts';
import { readBlocks, readMessages } from '../../projections/working/queries.ts';
import { liveAndFresh } from '../support/fold-afresh.ts';
import { withDatabase } from '../support/with-database.ts';
import { examples } from '../golden/examples.ts';
import { history } from './history.ts';

const database = withDatabase();
const events = history({ seed: 3, turns: 11 }).flatMap((command) => command.events);
const threads = [...new Set(events.flatMap(({ data }) => ('thread' in data ? [data.thread] : [])))].slice(0, 2);
const views = holdfastSchema.projections.flatMap((projection) => projection.views.map(({ name }) => name));

/** What a branch of a thread remembers, in every way there is to ask. */
async function remembered(tenant: string, thread: string, branch: string): Promise<Record<string, unknown>> {
  const fork = forkOf({ thread, branch });
  const own = fork === undefined ? {} : { fork };
  const scopes: Scope[] = [
    { user: 'ana', ...own },
    { user: 'bo', agent: 'h-agent', ...own },
    { thread, ...own },
  ];
  return readViews(database.pool, await database.store.tenantNumber(tenant), async (reader) => {
    const found: Record<string, unknown> = {
      messages: (await readMessages(reader, { thread, branch })).messages,
      turns: (await listBranchTurns(reader, { thread, branch })).filter(({ status }) => !/ing$/.test(status)),
    };
    for (const scope of scopes) {
      const { items, channels } = await retrieve(reader, {
        scope,
        query: 'Who has a question about trains, tea, taxes and a parcel in Lisbon?',
        vector: null,
        now: new Date(Date.UTC(2026, 6)),
        limit: 20,
        budgetTokens: 10_000,
      });
      found[JSON.stringify({ ...scope, fork: undefined })] = {
        facts: await listFacts(reader, { reader: scope }),
        past: await listFacts(reader, { reader: scope, past: true }),
        known: await readKnownFacts(reader, scope),
        procedures: (await listProcedures(reader, scope)).map(({ tenant: _tenant, to_pos: _to, ...row }) => row),
        knownProcedures: await readKnownProcedures(reader, scope),
        blocks: await readBlocks(reader, scope),
        documents: [items, channels],
        stored: await listDocuments(reader, { scope }),
      };
    }
    return found;
  });
}

/** Every row of every view that is no fork's own. */
async function parents(): Promise<unknown[]> {
  const all = views
    .filter((name) => name !== 'fork' && name !== 'fork_end')
    .map(
      (name) =>
        `select '${name} ' || to_jsonb(t)::text as row, to_jsonb(t) ->> 'fork' as fork from "${name}" t, own where t.tenant = own.no`,
    );
  const { rows } = await database.admin.query<{ row: string }>(
    `with own as (select no from tenant where id = 'acme') select row from (${all.join(' union all ')}) a where coalesce(fork, '') = '' order by 1`,
  );
  return rows;
}

async function append(id: string, ...own: readonly MemoryEvent[]): Promise<void> {
  await database.store.append('acme', {
    id,
    streams: [{ name: `s/${id}`, expectedVersion: 'any' }],
    events: own.map((event) => ({ ...event, stream: `s/${id}` })),
  });
}

function forked(
  thread: string,
  branch: string,
  position: number,
  parent = 'main',
  removed: string[] = [],
): MemoryEvent {
  return {
    type: 'BranchForked',
    data: {
      ...{ thread, branch, parent, position, removed },
      asked: { turn: null, step: null, position },
      ...{ turn: null, step: 0, newTurn: null, tools: 'stub' },
      changes: { message: false, instructions: null, model: null, removed, removedBlocks: [], toolResults: [] },
    },
  };
}

/** What a log that ends there remembers for each thread, position by position. */
const fresh: Record<string, Record<string, unknown>>[] = [];
let before: unknown[];

beforeAll(async () => {
  for (const [index, event] of events.entries()) {
    await append(`whole/${index}`, event);
    await database.store.append('default', {
      id: `single/${index}`,
      streams: [{ name: event.stream, expectedVersion: 'any' }],
      events: [event],
    });
    const answers = threads.map(async (thread) => [thread, await remembered('default', thread, 'main')] as const);
    fresh.push(Object.fromEntries(await Promise.all(answers)));
  }
  before = await parents();
});

const at = (position: number): string => `f-${position}`;

describe('a fork', () => {
  test('at every position remembers what a log that ends there remembers, whatever its parent learnt since', async () => {
    for (const [index, answers] of fresh.entries()) {
      const position = index + 1;
      for (const thread of threads) {
        await append(`fork/${thread}/${position}`, forked(thread, at(position), position));
        expect(await remembered('acme', thread, at(position)), `position ${position} of ${thread}`).toEqual(
          answers[thread],
        );
      }
    }
    expect(await parents()).toEqual(before);
  });

  test('learns, ends and replaces for itself alone; forks of it see that as of where they left', async () => {
    const thread = threads[0] ?? '';
    const head = events.length;
    const main = await remembered('acme', thread, 'main');
    const scope: Scope = { user: 'ana' };
    const number = await database.store.tenantNumber('acme');
    const known = await readViews(database.pool, number, (reader) => readKnownFacts(reader, scope));
    const [taken, replaced, removed] = known.map(({ fact }) => fact);
    expect(known.length).toBeGreaterThanOrEqual(2);
    const branch = 'own';
    const fork = forkOf({ thread, branch }) ?? '';
    const own = { user: 'ana', fork };
    const source: Source = { thread, branch, turn: 'own-1', quote: 'words' };
    const validTo = '2026-05-30T18:00:00.000Z';
    await append('own', forked(thread, branch, head, 'main', removed === undefined ? [] : [removed]));
    const untouched = await remembered('acme', thread, branch);
    await append('sibling', forked(thread, 'sibling', head));
    const sibling = await remembered('acme', thread, 'sibling');
    const procedure = (await readViews(database.pool, number, (reader) => listProcedures(reader, scope)))[0];
    await append(
      'own/learns',
      { type: 'FactRetracted', data: { fact: taken ?? '', fork, validTo, reason: 'no', source } },
      {
        type: 'FactAsserted',
        data: {
          ...examples.FactAsserted,
          fact: 'own-fact',
          scope: own,
          validTo: null,
          text: 'Ana asks about trains.',
          source,
        },
      },
      { type: 'FactSuperseded', data: { fact: replaced ?? '', fork, by: 'own-fact', validTo, source } },
      { type: 'BlockEdited', data: { ...examples.BlockEdited, scope: own, label: 'persona', value: 'of the fork' } },
      {
        type: 'ProcedureLearned',
        data: {
          ...examples.ProcedureLearned,
          procedure: procedure?.procedure ?? 'how',
          scope: own,
          text: 'In the fork: send a parcel.',
          version: 9,
          source,
        },
      },
    );
    const position = (
      await database.store.append('acme', {
        id: 'mark',
        streams: [{ name: 'mark', expectedVersion: 'any' }],
        events: [
          { type: 'BlockEdited', stream: 'mark', data: { ...examples.BlockEdited, scope: { thread: 'elsewhere' } } },
        ],
      })
    ).lastPosition;
    const changed = await remembered('acme', thread, branch);
    const facts = await readViews(database.pool, number, (reader) => listFacts(reader, { reader: own }));
    const ids = facts.map(({ fact }) => fact);
    expect(ids).toContain('own-fact');
    for (const gone of [taken, replaced, removed]) expect(ids).not.toContain(gone);
    const blocks = await readViews(database.pool, number, (reader) => readBlocks(reader, own));
    expect(blocks.find(({ label }) => label === 'persona')?.value).toBe('of the fork');
    const howTos = await readViews(database.pool, number, (reader) => listProcedures(reader, own));
    expect(howTos.filter((row) => row.procedure === procedure?.procedure).map(({ version }) => version)).toEqual([9]);

    // Nobody else has noticed.
    expect(await remembered('acme', thread, 'main')).toEqual(main);
    expect(await remembered('acme', thread, 'sibling')).toEqual(sibling);
    expect(changed).not.toEqual(untouched);

    // A fork of the fork, before and after it learnt; then the fork takes its own fact back.
    await append('early', forked(thread, 'early', head + 1, 'own'));
    await append('late', forked(thread, 'late', position, 'own'));
    await append('own/unlearns', {
      type: 'FactRetracted',
      data: { fact: 'own-fact', fork, validTo, reason: 'no', source },
    });
    expect(await remembered('acme', thread, 'late')).toEqual(changed);
    const early = await readViews(database.pool, number, (reader) =>
      listFacts(reader, { reader: { user: 'ana', fork: forkOf({ thread, branch: 'early' }) ?? '' } }),
    );
    expect(early.map(({ fact }) => fact)).not.toContain('own-fact');
    expect(await remembered('acme', thread, branch)).not.toEqual(changed);
    await append('late/ends', {
      type: 'FactRetracted',
      data: { fact: 'own-fact', fork: forkOf({ thread, branch: 'late' }) ?? '', validTo, reason: 'no', source },
    });
    expect(await remembered('acme', thread, 'late')).not.toEqual(changed);
    expect(await remembered('acme', thread, 'main')).toEqual(main);
  });

  test('neither sees a document that came since it left, nor loses one that went, and as of then the parent is the same', async () => {
    const scope: Scope = { user: 'reader' };
    const about = (document: string) => ({ document, scope, source: `${document}.md` });
    const ingested = (document: string): [MemoryEvent, MemoryEvent] => [
      {
        type: 'DocumentChunkStored',
        data: {
          ...examples.DocumentChunkStored,
          ...about(document),
          chunk: `${document}/1`,
          text: `A zebra in ${document}.`,
        },
      },
      { type: 'DocumentStored', data: { ...examples.DocumentStored, ...about(document), chunks: 1 } },
    ];
    const removed = (document: string): MemoryEvent => ({
      type: 'DocumentRemoved',
      data: { document, scope, chunks: [`${document}/1`] },
    });
    const number = await database.store.tenantNumber('acme');
    const head = () => database.store.head('acme');
    /** What is stored, what is found, and the source that is cited for it. */
    const seen = (branch: string | null, moment?: number) =>
      readViews(
        database.pool,
        number,
        async (reader) => {
          const fork = branch === null ? undefined : forkOf({ thread: threads[0] ?? '', branch });
          const own = { ...scope, ...(fork === undefined ? {} : { fork }) };
          const { items } = await retrieve(reader, { scope: own, query: 'zebra', vector: null, now: new Date() });
          return {
            stored: (await listDocuments(reader, { scope: own })).map(({ document }) => document),
            found: items.map(({ id }) => id).sort(),
            cited: items.map(({ citation }) => citation?.source).sort(),
          };
        },
        { at: moment },
      );
    const sees = (...documents: string[]) => ({
      stored: documents,
      found: documents.map((document) => `${document}/1`),
      cited: documents.map((document) => `${document}.md`),
    });
    await append('docs/goes', ...ingested('d-goes'));
    await append('docs/fork', forked(threads[0] ?? '', 'docs', await head()));
    const left = await head();
    await append('docs/comes', ...ingested('d-comes'));
    await append('docs/removed', removed('d-goes'));
    expect(await seen(null)).toEqual(sees('d-comes'));
    expect(await seen('docs')).toEqual(sees('d-goes'));
    expect(await seen(null, left)).toEqual(sees('d-goes'));
    expect(await seen(null, left + 2)).toEqual(sees('d-comes', 'd-goes'));
    expect(await seen('docs', left)).toEqual(sees('d-goes'));
    // One that leaves now sees what is there now, and keeps it.
    await append('docs/later', forked(threads[0] ?? '', 'docs-later', await head()));
    await append('docs/removed too', removed('d-comes'));
    expect(await seen('docs-later')).toEqual(sees('d-comes'));
    expect(await seen(null)).toEqual(sees());
  });

  test('is in the views as a fresh fold of the log makes them', async () => {
    const { live, fresh: folded } = await liveAndFresh(database.admin, database.store, holdfastSchema, 'acme');
    expect(live).toEqual(folded);
  });
});
