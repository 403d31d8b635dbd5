import { openPool, ownerRole } from '../database.ts';
import type { Position } from '../event.ts';
import { explainFailure } from '../explain-failure.ts';
import { beginEveryTenant } from '../views/fold-shadow.ts';
import { transactionOn } from '../transaction-on.ts';

/** Where a consumer is in one log. */
export interface ConsumerState {
  readonly consumer: string;
  readonly tenant: string;
  readonly position: Position;
  /** Events that it has not come to yet. */
  readonly lag: number;
  /** `leased`: a process has it; `retrying`: after a failure; `stopped`: an event is parked; else `idle`. */
  readonly state: 'idle' | 'leased' | 'retrying' | 'stopped';
  /** Failures at the next event. */
  readonly attempts: number;
  readonly lastError: string | null;
  readonly leaseOwner: string | null;
  readonly parked: readonly ParkedEvent[];
}

/** An event that a consumer could not handle. */
export interface ParkedEvent {
  readonly position: Position;
  /** `parked` waits for a decision, `retry` is to be tried again; then it is `handled`, or was `skipped`. */
  readonly state: 'parked' | 'retry' | 'skipped' | 'handled';
  readonly attempts: number;
  readonly error: string;
  readonly parkedAt: string;
  readonly decisions: readonly {
    readonly action: 'retry' | 'skip';
    readonly actor: string;
    readonly reason: string;
    readonly at: string;
  }[];
}

export interface ListConsumersOptions {
  /** Must belong to a user that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  /** @default all */
  readonly consumer?: string;
}

/** Where every consumer is in every log that it has been to, with what is parked. */
export async function listConsumers({ adminUrl, consumer }: ListConsumersOptions): Promise<ConsumerState[]> {
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast consumers', maxConnections: 1 });
  try {
    const client = await pool.connect();
    try {
      const { rows } = await transactionOn(
        client,
        () => client.query<ConsumerState>(listSql, [consumer ?? null]),
        beginEveryTenant,
      );
      return rows;
    } finally {
      client.release();
    }
  } catch (error) {
    throw explainFailure(error);
  } finally {
    await pool.end();
  }
}

const listSql = `
  select c.name as consumer, t.id as tenant, c.position, greatest(0, h.position - c.position) as lag,
    case when c.stopped then 'stopped' when c.lease_until > clock_timestamp() then 'leased' when c.attempts > 0 then 'retrying'
      else 'idle' end as state,
    c.attempts, c.last_error as "lastError",
    case when c.lease_until > clock_timestamp() then c.lease_owner end as "leaseOwner",
    coalesce((select jsonb_agg(jsonb_build_object('position', p.position, 'state', p.state, 'attempts', p.attempts, 'error', p.error,
        'parkedAt', p.parked_at, 'decisions', p.decisions) order by p.position)
      from holdfast.parked_event p where p.tenant = c.tenant and p.consumer = c.name), '[]') as parked
  from holdfast.consumer_position c
  join holdfast.tenant t on t.no = c.tenant and t.state = 'active'
  join holdfast.log_head h on h.tenant = c.tenant
  where $1::text is null or c.name = $1 collate "C"
  order by c.name, t.id`;
