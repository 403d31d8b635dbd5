import type { Operation } from '../history.ts';
import type { Subject, Violation } from './subject.ts';
import { wrong } from './subject.ts';

/** What a view holds of one document. */
interface DocumentFacts {
  readonly document: string;
  /** Chunks that the version in force says it has; null = no version is in force. */
  readonly says: number | null;
  /** Chunks that stand, and on how many different places. */
  readonly there: number;
  readonly places: number;
  /** Their words. */
  readonly texts: readonly string[];
}

/** Documents as they were acknowledged: all chunks of the newest version, each once, and no other. For I1. */
export async function checkDocuments({ query, tenant, operations }: Subject): Promise<Violation[]> {
  const rows = await query<DocumentFacts>(
    `select document, max(s.chunks)::int as says, count(c.chunk)::int as there, count(distinct c.ordinal)::int as places,
       coalesce(array_agg(c.content) filter (where c.content is not null), '{}') as texts
     from (select document, chunks from holdfast.stored_document where tenant = $1 and to_pos is null) s
     full join (
       select d.document, d.chunk, d.ordinal, m.content from holdfast.document_chunk d
       left join holdfast.memory_document m on m.tenant = d.tenant and m.id = d.chunk and m.to_pos is null
       where d.tenant = $1 and d.to_pos is null) c using (document)
     group by document`,
    [tenant],
  );
  const stored = new Map(rows.map((row) => [row.document, row]));
  return [...newestOf(operations, ({ source }) => source).values()].flatMap((one): Violation[] => {
    const { source = '', document = '', chunks = 0, says: words = '', times = 0, acknowledgedAt } = one;
    // What came of one that was not acknowledged is not known: its commands are looked at in I2.
    if (acknowledgedAt === null) return [];
    const { says, there, places, texts } = stored.get(document) ?? { says: null, there: 0, places: 0, texts: [] };
    const found = texts.filter((text) => text.includes(words)).length;
    if ((says ?? 0) === chunks && there === chunks && places === chunks && found === times) return [];
    const kind = there < chunks || found < times ? (found === 0 ? 'lost' : 'partial') : 'duplicated';
    const what = `document ${source} holds ${there} chunks on ${places} places, says ${says ?? 'nothing'}, ${found} of them "${words}"; it was acknowledged with ${chunks} and ${times}`;
    return [{ kind, what, about: [source, document] }];
  });
}

/** Memories that waited for a person: decided once, by who was told so, and written when it was a yes and only then. For I1. */
export async function checkVerdicts({ query, tenant, operations }: Subject): Promise<Violation[]> {
  const rows = await query<{ proposal: string; decisions: number; decision: string | null; actor: string | null }>(
    `select p.data ->> 'proposal' as proposal, count(d.position)::int as decisions,
       min(d.data ->> 'decision') as decision, min(d.data ->> 'actor') as actor
     from holdfast.event p left join holdfast.event d
       on d.tenant = p.tenant and d.type = 'ProposalDecided' and d.data ->> 'proposal' = p.data ->> 'proposal'
     where p.tenant = $1 and p.type = 'MemoryProposed' group by 1`,
    [tenant],
  );
  const written = new Map(
    (
      await query<{ scope_user: string; n: number }>(
        `select scope_user, count(*)::int as n from holdfast.fact where tenant = $1 and to_pos is null and scope_user is not null group by 1`,
        [tenant],
      )
    ).map(({ scope_user, n }) => [scope_user, n]),
  );
  const proposed = new Map(rows.map((row) => [row.proposal, row]));
  const found: Violation[] = [];
  for (const { kind, proposal, user = '', acknowledgedAt, status, applied, actor = '', decision } of operations) {
    if (kind === 'proposal' && acknowledgedAt !== null && status === 'completed' && proposal === undefined)
      found.push({ kind: 'lost', what: `what the turn of ${user} proposed waits nowhere`, about: [user] });
    if (proposal === undefined || acknowledgedAt === null) continue;
    const row = proposed.get(proposal);
    const about = [proposal];
    if (!row) {
      found.push({ kind: 'lost', what: `proposal ${proposal} was acknowledged and is not there`, about });
      continue;
    }
    if (row.decisions > 1)
      found.push({ kind: 'duplicated', what: `proposal ${proposal} was decided ${row.decisions} times`, about });
    if (kind === 'verdict' && applied === true && (row.actor !== actor || row.decision !== decision))
      found.push({ kind: 'lost', what: `the verdict of ${actor} about ${proposal} is not the one that stands`, about });
    if (kind !== 'proposal') continue;
    const [wanted, there] = [row.decision === 'approve' ? 1 : 0, written.get(user) ?? 0];
    if (there !== wanted)
      found.push({
        kind: there < wanted ? 'lost' : wanted === 0 ? 'other' : 'duplicated',
        what: `proposal ${proposal} was decided with "${row.decision ?? 'nothing'}" and ${there} memories came of it`,
        about,
      });
  }
  return found;
}

// A summary goes with anybody it tells of, and what it replaced is free to be replaced by another.
const standing = `select * from holdfast.event e where e.tenant = $1 and e.type = 'ContextCompacted'
  and not exists (select from holdfast.event f where f.tenant = $1 and f.type = 'SubjectForgotten' and f.data ->> 'subject' = any (e.subjects))`;

/** Compactions that stand: one after the other, and no turn is replaced by two of them. For I13. */
export async function checkCompactions({ query, tenant }: Subject): Promise<Violation[]> {
  const twice = await query<{ thread: string; turn: string; n: number }>(
    `select e.data ->> 'thread' as thread, r.turn, count(*)::int as n
     from (${standing}) e cross join json_array_elements_text(e.data -> 'replaces' -> 'turns') as r (turn)
     group by 1, 2 having count(*) > 1`,
    [tenant],
  );
  const astray = await query<{ compaction: string; previous: string | null }>(
    `select compaction, previous from (
       select position, data ->> 'compaction' as compaction, data ->> 'previous' as previous,
         lag(data ->> 'compaction') over (partition by data ->> 'thread', data ->> 'branch' order by position) as before
       from (${standing}) e) one
     where previous is distinct from before
       -- It may follow one that stood then: with its words forgotten since, those that took them in know of nobody who was.
       and coalesce(previous, '') not in (select data ->> 'compaction' from holdfast.event where tenant = $1 and type = 'ContextCompacted'
         except select e.data ->> 'compaction' from (${standing}) e)`,
    [tenant],
  );
  return [
    ...twice.map(({ thread, turn, n }): Violation => ({
      kind: 'duplicated',
      what: `turn ${turn} of thread ${thread} is replaced by ${n} compactions`,
      about: [turn, thread],
    })),
    ...astray.map(({ compaction, previous }) =>
      wrong(`compaction ${compaction} follows ${previous ?? 'none'}, which is not the one before it`, compaction),
    ),
  ];
}

/** What is known: nothing of one content stands twice in one place, and a corrected preference is the one that holds. For I1. */
export async function checkFacts({ query, tenant, operations }: Subject): Promise<Violation[]> {
  const twice = await query<{ about: string; n: number }>(
    `select concat_ws('/', scope_user, scope_agent, scope_thread) as about, count(*)::int as n from holdfast.fact
     where tenant = $1 and to_pos is null and content_hash <> ''
     group by scope_user, scope_agent, scope_thread, kind, content_hash having count(*) > 1`,
    [tenant],
  );
  const held = await query<{ scope_user: string; values: string[] }>(
    `select scope_user, array_agg(value order by value) as values from holdfast.fact
     where tenant = $1 and to_pos is null and valid_to is null and relation = 'prefers_contact' and scope_user is not null group by 1`,
    [tenant],
  );
  const extracted = new Set(
    (
      await query<{ turn: string }>(
        `select data ->> 'turn' as turn from holdfast.event where tenant = $1 and type = 'ExtractionCompleted'`,
        [tenant],
      )
    ).map(({ turn }) => turn),
  );
  const valuesOf = new Map(held.map(({ scope_user, values }) => [scope_user, values]));
  const corrected = operations.filter(
    // A model that answered nobody for long may have cost an extraction: the log says so, and the words stand there.
    ({ kind, status, turn = '' }) =>
      kind === 'correction' &&
      status === 'completed' &&
      extracted.has(turn) &&
      extracted.has(turn.replace(/-b$/, '-a')),
  );
  return [
    ...twice.map(({ about, n }): Violation => ({
      kind: 'duplicated',
      what: `one memory of ${about} stands ${n} times`,
      about: [about],
    })),
    ...corrected.flatMap(({ user = '', turn = '' }): Violation[] => {
      const values = valuesOf.get(user) ?? [];
      if (values.length === 1 && values[0] === 'SMS') return [];
      const kind = values.length > 1 ? 'duplicated' : 'lost';
      return [{ kind, what: `${user} corrected to "SMS", and what holds is "${values.join('", "')}"`, about: [turn] }];
    }),
  ];
}

/** Runs of consolidation that were taken back: nothing that they wrote stands. For I1. */
export async function checkUndone({ query, tenant, operations }: Subject): Promise<Violation[]> {
  const rows = await query<{ run: string }>(
    `select distinct run from holdfast.session where tenant = $1 and to_pos is null and run is not null`,
    [tenant],
  );
  const standing = new Set(rows.map(({ run }) => run));
  return operations.flatMap(({ kind, run = '', acknowledgedAt }): Violation[] =>
    kind === 'undo' && acknowledgedAt !== null && standing.has(run)
      ? [{ kind: 'partial', what: `run ${run} was taken back and its summary stands`, about: [run] }]
      : [],
  );
}

/** The operation that was asked for last under each name. */
function newestOf(
  operations: readonly Operation[],
  nameOf: (operation: Operation) => string | undefined,
): ReadonlyMap<string, Operation> {
  const newest = new Map<string, Operation>();
  for (const one of operations) {
    const name = nameOf(one);
    const before = name === undefined ? undefined : newest.get(name);
    if (name !== undefined && (before === undefined || before.askedAt < one.askedAt)) newest.set(name, one);
  }
  return newest;
}
