import { openPool, ownerRole } from '../database.ts';
import { ParkedEventNotFoundError } from '../errors-consumer.ts';
import { UnknownTenantError } from '../errors.ts';
import type { Position } from '../event.ts';
import { explainFailure } from '../explain-failure.ts';

export interface DecideParkedOptions {
  /** Must belong to a user that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  readonly consumer: string;
  readonly tenant: string;
  readonly position: Position;
  /** `retry`: handle it again, as if it had never failed; `skip`: never handle it, and go on. */
  readonly action: 'retry' | 'skip';
  /** Who decides, and why: recorded with the event. */
  readonly actor: string;
  readonly reason: string;
}

/**
 * Decides about an event that a consumer has parked. Throws ParkedEventNotFoundError when there is none, or it was handled or skipped by
 * now; UnknownTenantError.
 */
export async function decideParked(options: DecideParkedOptions): Promise<void> {
  const { adminUrl, consumer, tenant, position, action, actor, reason } = options;
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast consumers', maxConnections: 1 });
  try {
    const { rows: found } = await pool.query<{ no: number | null }>('select holdfast.find_tenant($1) as no', [tenant]);
    const no = found[0]?.no;
    if (no === undefined || no === null) throw new UnknownTenantError(tenant);
    const { rows } = await pool.query<{ decided: boolean }>(
      'select holdfast.decide_parked_event($1, $2, $3, $4, $5, $6) as decided',
      [no, consumer, position, action, actor, reason],
    );
    if (rows[0]?.decided !== true) throw new ParkedEventNotFoundError(consumer, tenant, position);
  } catch (error) {
    throw explainFailure(error);
  } finally {
    await pool.end();
  }
}
