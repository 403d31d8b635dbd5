import type { Selectable } from 'kysely';
import type { Trust } from '../../memory/events.ts';
import type { KnownFact } from '../../memory/reconcile.ts';
import type { ViewDatabase } from '../read-views.ts';

/** A row of a fact as reconcile knows it. */
export function toKnownFact(row: Selectable<ViewDatabase['fact']>): KnownFact {
  return {
    fact: row.fact,
    kind: row.kind,
    subject: row.subject,
    relation: row.relation,
    value: row.value,
    text: row.content,
    contentHash: row.content_hash,
    trust: row.trust as Trust,
    validFrom: row.valid_from.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    data: row.data,
    key: row.data_key,
  };
}
