import type { StoredEvent } from '../../eventstore/index.ts';
import type { FactRetired, SessionSummarised } from '../../memory/care-events.ts';
import type { RetiredFact } from '../../memory/consolidate/undo.ts';
import type { Trust } from '../../memory/events.ts';
import type { ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';

/** Facts that events retired: as they were, and whether something else has happened to them since. */
export async function readRetired(
  { db, tenant, position }: ViewReader,
  events: readonly StoredEvent<FactRetired>[],
): Promise<RetiredFact[]> {
  const retired: RetiredFact[] = [];
  for (const { data, position: at } of events) {
    const row = await db
      .selectFrom('fact')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('fact', '=', data.fact)
      .where('fork', '=', '')
      .where('to_pos', '=', at)
      .executeTakeFirst();
    const end = await db
      .selectFrom('fact_end')
      .select('from_pos')
      .where('tenant', '=', tenant)
      .where('fact', '=', data.fact)
      .where('fork', '=', '')
      .where(heldAt(position, 'fact_end'))
      .executeTakeFirst();
    const source = await db
      .selectFrom('fact_source')
      .select(['thread', 'turn'])
      .where('tenant', '=', tenant)
      .where('fact', '=', data.fact)
      .where('fork', '=', '')
      .orderBy('from_pos')
      .orderBy('turn')
      .limit(1)
      .executeTakeFirst();
    retired.push({
      fact: data.fact,
      into: data.into,
      lent: data.sources.map(({ turn }) => turn),
      touched: end?.from_pos !== at,
      was:
        !row || row.content_hash === ''
          ? null
          : {
              fact: row.fact,
              scope: data.scope,
              kind: row.kind,
              subject: row.subject,
              relation: row.relation,
              value: row.value,
              text: row.content,
              contentHash: row.content_hash,
              confidence: row.confidence,
              trust: row.trust as Trust,
              validFrom: row.valid_from.toISOString(),
              replaces: row.replaces,
              disputedWith: row.disputed_with,
              expiresAt: row.expires_at?.toISOString() ?? null,
              ...(row.data === null ? {} : { data: row.data }),
              ...(row.data_key === null ? {} : { key: row.data_key }),
              thread: source?.thread ?? '',
              turn: source?.turn ?? '',
            },
    });
  }
  return retired;
}

/** The summary of a session: where the one stands that stands now, and the one before a position; what was forgotten is none. */
export async function readSummary(
  { db, tenant, position: readAt }: ViewReader,
  { thread, branch, position }: { readonly thread: string; readonly branch: string; readonly position: number },
): Promise<{ readonly now: number | null; readonly before: Omit<SessionSummarised['data'], 'scope'> | null }> {
  const rows = await db
    .selectFrom('session')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('thread', '=', thread)
    .where('branch', '=', branch)
    .where('from_pos', '<=', readAt)
    .execute();
  const before = rows.find(({ to_pos }) => to_pos === position);
  return {
    now: rows.find(({ to_pos }) => to_pos === null || to_pos > readAt)?.from_pos ?? null,
    before:
      before === undefined
        ? null
        : {
            ...{ thread, branch, run: before.run, title: before.title, summary: before.summary, rounds: before.rounds },
            ...{ upTo: before.up_to, by: before.by },
            ...(before.trust === null ? {} : { trust: before.trust as Trust }),
            beganAt: before.began_at.toISOString(),
            endedAt: before.ended_at.toISOString(),
          },
  };
}
