import type pg from 'pg';
import type { Position } from '../event.ts';

/**
 * The last position at which one of the subjects was forgotten; 0 for never. In the snapshot of the client, for the current tenant of
 * its transaction (withTenant): what was asked for before that position is not to be worked on any more.
 */
export async function readForgottenAt(
  client: Pick<pg.ClientBase, 'query'>,
  subjects: readonly string[],
): Promise<Position> {
  if (subjects.length === 0) return 0;
  const { rows } = await client.query<{ position: number }>('select holdfast.subjects_forgotten_at($1) as position', [
    subjects,
  ]);
  return rows[0]?.position ?? 0;
}
