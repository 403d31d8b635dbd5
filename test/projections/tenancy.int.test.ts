import { beforeAll, describe, expect, test } from 'vitest';
import type { Command } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import type { Scope } from '../../memory/scope.ts';
import * as care from '../../projections/care/queries.ts';
import * as worked from '../../projections/care/worked-turns.ts';
import * as documents from '../../projections/documents/queries.ts';
import * as entities from '../../projections/entities/queries.ts';
import * as proposals from '../../projections/proposals/queries.ts';
import * as procedural from '../../projections/procedural/queries.ts';
import * as uses from '../../projections/procedural/uses.ts';
import type { ViewReader } from '../../projections/read-views.ts';
import { readViews } from '../../projections/read-views.ts';
import * as search from '../../projections/search/queries.ts';
import { textHash } from '../../projections/search/projection.ts';
import { retrieve } from '../../projections/search/retrieve.ts';
import * as semantic from '../../projections/semantic/queries.ts';
import * as threads from '../../projections/threads/queries.ts';
import * as episodic from '../../projections/episodic/queries.ts';
import * as trail from '../../projections/semantic/trail.ts';
import * as compactions from '../../projections/working/compactions.ts';
import * as awaiting from '../../projections/threads/awaiting-extraction.ts';
import * as sweep from '../../projections/threads/sweep-queries.ts';
import * as approvals from '../../projections/threads/approval-queries.ts';
import * as working from '../../projections/working/queries.ts';
import { withDatabase } from '../support/with-database.ts';
import { history } from './history.ts';
import { proposed } from './writes-history.ts';

const database = withDatabase();
const numbers = { acme: 0, victim: 0 };
const secret = 'SECRET';
const now = new Date('2026-06-01');
const vector = { model: 'm', values: new Float32Array([1, -1]) };

/** Names of people, each of whom a careless comparison takes for another. */
const people = [
  'acme',
  'acme-corp',
  'acm',
  'ACME',
  'acme ',
  '%',
  '_',
  'acme%',
  'a_me',
  "a'cme",
  "' or true --",
  '"acme"',
  '\\',
  'acme\\',
  '{acme}',
  '(acme)',
  'acme,acme-corp',
  '$1',
  'null',
  '',
  '\u200bacme',
  '\uFFFD',
];

function remembered(person: string, text: string): Command<MemoryEvent> {
  const id = `fact of ${JSON.stringify(person)}`;
  const scope = { user: person };
  const source = { thread: 't', branch: 'main', turn: `turn of ${JSON.stringify(person)}`, quote: text };
  const at = '2026-01-01T00:00:00Z';
  const stream = `people/${encodeURIComponent(person)}`;
  const asserted = (fact: string, said: string, validTo: string | null): MemoryEvent => ({
    type: 'FactAsserted',
    data: {
      ...{ fact, scope, kind: 'fact', subject: 'user', relation: 'likes', value: said, text: said },
      ...{ contentHash: `hash ${fact}`, confidence: 1, trust: 'direct_user', validFrom: at, validTo },
      ...{ replaces: null, disputedWith: null, source },
    },
  });
  const events: MemoryEvent[] = [
    asserted(id, text, null),
    asserted(`past ${id}`, `once ${text}`, '2026-02-01T00:00:00Z'),
    asserted(`ended ${id}`, `no more ${text}`, null),
    { type: 'FactRetracted', data: { fact: `ended ${id}`, validTo: '2026-02-01T00:00:00Z', reason: text, source } },
    {
      type: 'BlockEdited',
      data: { scope, label: 'persona', description: 'd', value: text, limit: 100, actor: 'a', reason: 'r' },
    },
    proposed(`waits ${id}`, scope, text, source),
    {
      type: 'ProcedureLearned',
      data: {
        ...{ procedure: `how ${id}`, version: 1, scope, goal: 'g', text, contentHash: `how ${id}` },
        ...{ trust: 'direct_user', validFrom: at, source },
      },
    },
  ];
  return {
    id: stream,
    streams: [{ name: stream, expectedVersion: 'none' }],
    events: events.map((event) => ({ ...event, stream })),
  };
}

async function fill(tenant: string, mark: string): Promise<number> {
  const no = await database.store.tenantNumber(tenant);
  const commands = history({ seed: 9, turns: 12, mark });
  for (const command of commands) await database.store.append(tenant, command);
  const unread = commands
    .flatMap(({ events }) => events)
    .find(({ type }) => type === 'TurnAborted' || type === 'TurnFailed');
  if (unread?.type !== 'TurnAborted' && unread?.type !== 'TurnFailed') throw new Error('Every turn completed.');
  const { thread, branch, turn } = unread.data;
  const data = {
    thread,
    branch,
    turn,
    key: `${mark}-unread`,
    user: null,
    message: mark,
    occurredAt: '2026-05-01T10:00:00Z',
  };
  await database.store.append(tenant, {
    id: 'unread',
    streams: [{ name: 'unread', expectedVersion: 'none' }],
    events: [{ type: 'MessageSteered', stream: 'unread', data }],
  });
  // Asked by a turn that has ended, and allowed to do what nobody has done: what the sweeper looks for.
  const orphan = `${mark}-orphan`;
  const ref = { thread, branch, turn: orphan };
  const approval = `${orphan}.1.0`;
  const call = { step: 1, ordinal: 0, call: 'c', tool: 'pay', arguments: { note: mark } };
  const asked = { argumentsHash: 'h', argumentsSchema: {}, reason: mark, deadline: '2027-01-01T00:00:00Z' };
  const by = { actor: mark, reason: null, arguments: null, message: null, timedOut: false };
  const left: MemoryEvent[] = [
    {
      type: 'TurnRequested',
      data: {
        ...{ ...ref, agent: 'a', user: null, message: mark, occurredAt: data.occurredAt },
        parent: { turn, step: 1, ordinal: 0, depth: 1, waits: true },
      },
    },
    { type: 'ApprovalRequested', data: { ...ref, ...call, ...asked, approval, onTimeout: 'reject' } },
    {
      type: 'ApprovalDecided',
      data: { ...ref, ...by, approval, decision: 'approve', remember: { for: 'thread', tool: 'pay' } },
    },
    // Completed, and not read for memories yet.
    {
      type: 'TurnRequested',
      data: {
        ...{ thread, branch, turn: `${mark}-later`, agent: 'a', user: null },
        ...{ message: mark, occurredAt: data.occurredAt },
      },
    },
    { type: 'TurnCompleted', data: { thread, branch, turn: `${mark}-later`, steps: 1, extraction: 'later' } },
  ];
  await database.store.append(tenant, {
    id: 'orphan',
    streams: [{ name: 'orphan', expectedVersion: 'none' }],
    events: left.map((event) => ({ ...event, stream: 'orphan' })),
  });
  for (const person of people)
    await database.store.append(tenant, remembered(person, `tea of ${JSON.stringify(person)} ${mark}`));
  await search.putVectors(
    database.pool,
    no,
    'm',
    people.map((person) => ({
      textHash: textHash(`tea of ${JSON.stringify(person)} ${mark}`),
      vector: new Float32Array([0.7, -0.7]),
    })),
    { subjects: [], readAt: 0 },
  );
  return no;
}

/** Every query of the views, each with arguments that name things of both tenants. */
const queries: Readonly<Record<string, (reader: ViewReader, scope: Scope) => Promise<unknown>>> = {
  readCaredFacts: (reader, scope) => care.readCaredFacts(reader, scope),
  readObservationProofs: (reader) => care.readObservationProofs(reader, ids.cared),
  readObservationHashes: (reader) => care.readObservationHashes(reader, ids.cared),
  readOpenSessions: (reader) => care.readOpenSessions(reader, ids.talked),
  readSessionWords: async (reader) =>
    (await care.readSessionWords(reader, { scope: ids.talked, thread: ids.thread, branch: 'main', upTo: 1e9 })).lines,
  readUndoneItems: (reader) => care.readUndoneItems(reader, ids.undone),
  listSessions: (reader) => care.listSessions(reader, { scope: ids.summarised }),
  listConsolidations: (reader) => care.listConsolidations(reader),
  readLastConsolidation: (reader) => care.readLastConsolidation(reader, ids.cared),
  listUsersToConsolidate: (reader) => care.listUsersToConsolidate(reader, { now }),
  listDocuments: (reader) => documents.listDocuments(reader, { scope: { user: 'ana' } }),
  readStandingDocument: async (reader) => (await documents.readStandingDocument(reader, ids.document)).chunks,
  readCitations: async (reader) => [
    ...(await documents.readCitations(reader, { scope: { user: 'ana' }, chunks: ids.chunks })),
  ],
  listMerges: (reader) => entities.listMerges(reader, { user: 'ana' }, { past: true }),
  readEntities: async (reader, scope) => (await entities.readEntities(reader, scope)).entities,
  listPending: (reader, scope) => proposals.listPending(reader, { scope }),
  findProposalDecision: (reader) => proposals.findProposalDecision(reader, 'own-approve'),
  readKnownProcedures: (reader, scope) => procedural.readKnownProcedures(reader, scope),
  listProcedures: (reader, scope) => procedural.listProcedures(reader, scope),
  listVersions: (reader, scope) => procedural.listVersions(reader, scope),
  findVersions: (reader) => procedural.findVersions(reader, { procedure: 'own-packs' }),
  readProofs: (reader) => procedural.readProofs(reader, ids.procedures),
  readWorkedTurns: (reader) => worked.readWorkedTurns(reader, 'ana'),
  readRollbacks: (reader) => procedural.readRollbacks(reader, {}, ids.procedures),
  countProcedureUses: async (reader) => [
    ...(await uses.countProcedureUses(reader, { scope: {}, procedures: ids.procedures })),
  ],
  readProcedureRecords: async (reader) => [
    ...(await uses.readProcedureRecords(reader, { scope: {}, procedures: ids.procedures })),
  ],
  readDocuments: (reader, scope) => search.readDocuments(reader, { scope, ids: ids.documents }),
  readVectors: (reader) =>
    search.readVectors(reader, {
      model: 'm',
      hashes: ['own', secret].map((mark) => textHash(`tea of "acme" ${mark}`)),
    }),
  readTraces: (reader) => search.readTraces(reader, ids.documents[0] ?? ''),
  readRecallStats: async (reader) => (await search.readRecallStats(reader)).steps,
  readFactEnd: async (reader) => (await search.readFactEnd(reader, ids.ended)) ?? undefined,
  readEndedInForks: (reader) =>
    search.readEndedInForks(reader, [{ fork: ids.fork, branch: 'b', position: reader.position, forked: null }]),
  findVectors: async ({ client, tenant }) => [
    ...(await search.findVectors(
      client,
      tenant,
      'm',
      ['own', secret].map((mark) => textHash(`tea of "acme" ${mark}`)),
    )),
  ],
  readKnownFacts: (reader, scope) => semantic.readKnownFacts(reader, scope),
  readPastFacts: (reader, scope) => semantic.readPastFacts(reader, scope),
  readEndedFacts: (reader, scope) => semantic.readEndedFacts(reader, scope, ['hash ended fact of "acme"']),
  readFactTrail: async (reader, scope) => {
    const [first] = await semantic.listFacts(reader, { reader: scope, past: true });
    return trail.readFactTrail(reader, { scope, fact: first?.fact ?? ids.fact });
  },
  listRounds: (reader) => episodic.listRounds(reader, ids.talked),
  listFacts: (reader, scope) => semantic.listFacts(reader, { reader: scope, past: true }),
  listTurns: (reader) => threads.listTurns(reader),
  findTurn: (reader) => threads.findTurn(reader, turns.own),
  listThreads: (reader) => threads.listThreads(reader),
  listApprovals: (reader) => threads.listApprovals(reader),
  listSteps: (reader) => threads.listSteps(reader, { turn: turns.own }),
  findExtraction: (reader) => threads.findExtraction(reader, turns.own),
  listUnarchivedTurns: (reader) => threads.listUnarchivedTurns(reader),
  turnEndPosition: (reader) => awaiting.turnEndPosition(reader, turns.own),
  listAwaitingExtraction: (reader) => awaiting.listAwaitingExtraction(reader),
  listOpenTurns: (reader) => sweep.listOpenTurns(reader, { after: 0, upTo: reader.position, limit: 100 }),
  listOrphanedTurns: (reader) => sweep.listOrphanedTurns(reader),
  listUnheededDecisions: (reader) => sweep.listUnheededDecisions(reader, { upTo: reader.position }),
  listUnclosedAborts: (reader) => sweep.listUnclosedAborts(reader),
  listOpenTurnsOfThread: (reader) => threads.listTurns(reader, { ...turns.open, open: true }),
  listAllowances: (reader) => approvals.listAllowances(reader),
  findAllowance: (reader) => approvals.findAllowance(reader, { ...turns.open, tool: 'pay' }),
  readMessages: async (reader) => (await working.readMessages(reader, turns.place)).messages,
  listCompactions: (reader) => compactions.listCompactions(reader, turns.place),
  newestCompaction: (reader) => compactions.newestCompaction(reader, turns.place),
  readBlocks: (reader, scope) => working.readBlocks(reader, scope),
  listSteeredKeys: (reader) => working.listSteeredKeys(reader, turns.place.thread),
  listLostSteered: (reader) => working.listLostSteered(reader),
  findSteered: async (reader) => {
    const [first] = await working.listLostSteered(reader);
    return working.findSteered(reader, first?.key ?? '');
  },
  retrieve: async (reader, scope) => (await retrieve(reader, { scope, query: 'tea', vector, now })).items,
};
const turns = { own: '', place: { thread: '', branch: '' }, open: { thread: '', branch: '' } };
const ids: {
  document: string;
  chunks: string[];
  procedures: string[];
  documents: string[];
  fork: string;
  ended: string;
  fact: string;
  thread: string;
  cared: Scope;
  undone: Scope;
  summarised: Scope;
  talked: Scope;
} = {
  document: '',
  chunks: [],
  procedures: ['own-packs', `${secret}-packs`, 'own-playbook', `${secret}-playbook`],
  documents: [],
  fork: '',
  ended: '',
  fact: '',
  thread: '',
  cared: {},
  undone: {},
  summarised: {},
  talked: {},
};

async function answers(change: (reader: ViewReader) => ViewReader, scope: Scope): Promise<Record<string, unknown>> {
  const given: Record<string, unknown> = {};
  for (const [name, query] of Object.entries(queries)) {
    given[name] = await readViews(database.pool, numbers.acme, (reader) => query(change(reader), scope));
  }
  return given;
}

const asIs = (reader: ViewReader): ViewReader => reader;
const before: { answers?: Record<string, unknown> } = {};

beforeAll(async () => {
  await database.admin.query(`update tenant set id = 'victim' where id = 'default'`);
  numbers.acme = await fill('acme', 'own');
  const all = await readViews(database.pool, numbers.acme, (reader) => threads.listTurns(reader));
  const turn = all.find(({ status }) => status === 'completed');
  if (!turn) throw new Error('The history has completed turns.');
  [turns.own, turns.place] = [turn.turn, { thread: turn.thread, branch: turn.branch }];
  const orphan = all.find((each) => each.turn === 'own-orphan');
  turns.open = { thread: orphan?.thread ?? '', branch: orphan?.branch ?? '' };
  const documents = await database.admin.query<{ id: string }>('select distinct id from memory_document order by id');
  ids.documents = documents.rows.map(({ id }) => id);
  const chunks = await database.admin.query<{ chunk: string; document: string }>(
    'select chunk, document from document_chunk where to_pos is null order by chunk',
  );
  [ids.document, ids.chunks] = [chunks.rows[0]?.document ?? '', chunks.rows.map(({ chunk }) => chunk)];
  const forks = await database.admin.query<{ fork: string }>('select fork from fork_end order by fork limit 1');
  ids.fork = forks.rows[0]?.fork ?? '';
  ids.cared = await scopeFrom('observation');
  ids.undone = await scopeFrom('undone_item');
  ids.summarised = await scopeFrom('session');
  ids.talked = await scopeFrom('talk');
  const ends = await database.admin.query<{ fact: string }>('select fact from fact_end order by fact limit 1');
  ids.ended = ends.rows[0]?.fact ?? '';
  const facts = await database.admin.query<{ fact: string }>('select fact from fact order by fact limit 1');
  ids.fact = facts.rows[0]?.fact ?? '';
  before.answers = await answers(asIs, { user: 'acme' });
  numbers.victim = await fill('victim', secret);
});

/** The scope of a row that such a query of care finds. */
async function scopeFrom(what: 'observation' | 'undone_item' | 'session' | 'talk'): Promise<Scope> {
  const from = {
    observation: `fact where kind = 'observation' and to_pos is null`,
    undone_item: 'undone_item where true',
    session: 'session where to_pos is null',
    talk: `round where fork = '' group by scope_user, scope_agent, scope_thread, thread having count(*) > 1`,
  }[what];
  const { rows } = await database.admin.query<
    Record<'scope_user' | 'scope_agent' | 'scope_thread' | 'thread', string | null>
  >(
    `select scope_user, scope_agent, scope_thread, ${what === 'talk' ? 'thread' : 'null as thread'} from ${from} limit 1`,
  );
  const [row] = rows;
  if (!row) throw new Error(`The history has no ${what}.`);
  if (what === 'talk') ids.thread = row.thread ?? '';
  return {
    ...(row.scope_user === null ? {} : { user: row.scope_user }),
    ...(row.scope_agent === null ? {} : { agent: row.scope_agent }),
    ...(row.scope_thread === null ? {} : { thread: row.scope_thread }),
  };
}

describe('the queries of the views', () => {
  test('are all here: one that is added must be looked at', () => {
    const rooms = [
      care,
      documents,
      entities,
      proposals,
      worked,
      procedural,
      uses,
      search,
      semantic,
      threads,
      approvals,
      sweep,
      awaiting,
      working,
      compactions,
      trail,
      episodic,
    ];
    const exported = rooms.flatMap((module) =>
      Object.entries(module).flatMap(([name, value]) =>
        typeof value === 'function' &&
        !['putVectors', 'writeVectors', 'signBits', 'toVector', 'entityId'].includes(name)
          ? [name]
          : [],
      ),
    );
    // Beside them: what has a query in two parts, and one that is asked in another way.
    expect([...exported, 'retrieve', 'listOpenTurnsOfThread'].sort()).toEqual(Object.keys(queries).sort());
  });

  test('answer a tenant the same, whatever another one has under the same and under other names', async () => {
    const given = await answers(asIs, { user: 'acme' });
    expect(given).toEqual(before.answers);
    expect(JSON.stringify(given)).not.toContain(secret);
    // Each gives something, or equality would say nothing; a count gives a number.
    const empty = Object.entries(given).filter(([, value]) => Array.isArray(value) && value.length === 0);
    expect(empty.map(([name]) => name)).toEqual([]);
  });

  test('give nothing when they ask for another tenant by mistake: row-level security stands behind them', async () => {
    const mistaken = await answers((reader) => ({ ...reader, tenant: numbers.victim }), { user: 'acme' });
    expect(JSON.stringify(mistaken)).not.toContain(secret);
    for (const [name, value] of Object.entries(mistaken)) {
      expect(value === undefined || value === 0 || (Array.isArray(value) && value.length === 0), name).toBe(true);
    }
  });
});

describe('scopes', () => {
  test.each(people)('%j sees what is its own and nobody else’s', async (person) => {
    const given = await answers(asIs, { user: person });
    const own = `tea of ${JSON.stringify(person)} own`;
    // A search finds the same text as a fact and as a how-to.
    const texts = (name: string, field: string): string[] => {
      const found = (given[name] as Record<string, unknown>[]).map((row) => String(row[field]));
      return [...new Set(found.filter((text) => text.startsWith('tea of')))];
    };
    expect({
      facts: texts('listFacts', 'text'),
      known: texts('readKnownFacts', 'text'),
      blocks: texts('readBlocks', 'value'),
      pending: texts('listPending', 'text'),
      howTos: texts('listProcedures', 'content'),
      documents: texts('readDocuments', 'content'),
      recalled: texts('retrieve', 'text'),
    }).toEqual({
      facts: [own],
      known: [own],
      blocks: [own],
      pending: [own],
      howTos: [own],
      documents: [own],
      recalled: [own],
    });
    expect(JSON.stringify(given)).not.toContain(secret);
  });

  test.each(['acme\0', '\0'])('%j, which no database can hold, is an error of ours', async (user) => {
    await expect(answers(asIs, { user })).rejects.toMatchObject({ code: 'INVALID_READ' });
  });

  test.each([
    '%',
    "' | 'x",
    'tea & !x',
    ':*',
    '\\',
    '"',
    "tea'; drop table holdfast.fact; --",
    'tea'.repeat(50_000),
    '\u0007',
  ])('a search for %j stays inside', async (query) => {
    const items = await readViews(database.pool, numbers.acme, async (reader) => {
      const recalled = await retrieve(reader, { scope: { user: 'acme' }, query, vector, now });
      return recalled.items.map(({ text }) => text);
    });
    expect(items.filter((text) => text.includes(secret))).toEqual([]);
    for (const text of items.filter((one) => one.startsWith('tea of'))) expect(text).toBe('tea of "acme" own');
  });
});
