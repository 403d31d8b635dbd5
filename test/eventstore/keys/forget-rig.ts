import type pg from 'pg';
import { createTenant, forgetSubject, migrate } from '../../../eventstore/index.ts';
import type { EventStore, ForgetOptions, ForgetReceipt } from '../../../eventstore/index.ts';
import { bodyDigest, contentDigest, nextChain } from '../../../eventstore/chain.ts';
import { tablesWith } from '../../support/find-text.ts';
import { liveAndFresh } from '../../support/fold-afresh.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';
import type { Said } from './personal-shapes.ts';
import { schema } from './forget-schema.ts';
import { saidStore } from './personal-shapes.ts';

/** A database with views of sayings, and what to do with it. */
export interface ForgetRig extends AsyncDisposable {
  readonly database: FreshDatabase;
  readonly store: EventStore<Said>;
  forget(subject: string, more?: Partial<ForgetOptions<Said>>): Promise<ForgetReceipt>;
  /** Tables that hold a text in the clear. */
  tablesWith(text: string): Promise<string[]>;
  /** Views as they are and as the log gives them. */
  views(): Promise<{ readonly live: string[]; readonly fresh: string[] }>;
}

/** Makes one, with tenant `default`. */
export async function forgetRig(): Promise<ForgetRig> {
  const database = await freshDatabase();
  await migrate({ schema, adminUrl: database.url });
  await createTenant(database.url, 'default');
  const store = saidStore(database, schema.keyWrapper, schema);
  return {
    database,
    store,
    forget: (subject, more = {}) =>
      forgetSubject({
        adminUrl: database.url,
        schema,
        tenant: 'default',
        subject,
        actor: 'operator',
        reason: 'asked',
        ...more,
      }),
    tablesWith: (text) => tablesWith(database.admin, text),
    views: () => liveAndFresh(database.admin, store, schema, 'default'),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** True when the stored chain of every command of the database's tenants is the one that its stored bytes give. */
export async function isChainWhole(admin: pg.Pool): Promise<boolean> {
  const { rows } = await admin.query<{
    tenant: number;
    id: string;
    meta: string;
    result: string;
    chain: string;
    micros: string;
    events: {
      position: number;
      stream: string;
      version: number;
      type: string;
      v: number;
      subjects: string[] | null;
      data: string;
    }[];
  }>(
    `select c.tenant, c.id, c.meta::text, c.result::text, encode(c.chain, 'hex') as chain,
       (extract(epoch from c.recorded_at) * 1000000)::bigint::text as micros,
       (select json_agg(json_build_object('position', e.position, 'stream', s.name, 'version', e.version, 'type', e.type,
          'v', e.schema_version, 'subjects', e.subjects, 'data', e.data::text) order by e.position)
        from event e join stream s on s.tenant = e.tenant and s.no = e.stream
        where e.tenant = c.tenant and e.position between c.first_position and c.last_position) as events
     from command c order by c.tenant, c.first_position`,
  );
  const chains = new Map<number, Buffer>();
  return rows.every(({ tenant, id, meta, result, chain, micros, events }) => {
    const content = contentDigest({
      id,
      result,
      events: events.map(({ v, subjects, ...event }) => ({ ...event, schemaVersion: v, subjects: subjects ?? [] })),
    });
    const before = chains.get(tenant) ?? Buffer.alloc(0);
    const next = nextChain(before, bodyDigest(content, meta), events[0]?.position ?? 0, micros);
    chains.set(tenant, next);
    return next.toString('hex') === chain;
  });
}
