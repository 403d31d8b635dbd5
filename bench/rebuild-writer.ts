import { createEventStore, localKeyWrapper, openPool } from '../eventstore/index.ts';
import { holdfastSchema } from '../projections/index.ts';
import { turnCommands } from './memory-workload.ts';

/**
 * Writers of the rebuild benchmark, in a process of their own: one per tenant, turn after turn, until told to stop. Then it sends when each
 * append began and ended, in milliseconds since 1970.
 */
const [url = '', masterKey = '', run = '', ...tenants] = process.argv.slice(2);
const pool = openPool({ url, applicationName: 'holdfast bench writer', maxConnections: tenants.length });
const store = createEventStore({ pool, schema: { ...holdfastSchema, keyWrapper: localKeyWrapper(masterKey) } });
const appends: [began: number, ended: number][] = [];
let stopped = false;
process.once('message', () => (stopped = true));

const now = (): number => performance.timeOrigin + performance.now();
await Promise.all(
  tenants.map(async (tenant) => {
    for (let n = 0; !stopped; n++) {
      for (const command of turnCommands(`live-${run}-${tenant}`, n)) {
        const began = now();
        await store.append(tenant, command);
        appends.push([began, now()]);
      }
    }
  }),
);
await pool.end();
process.send?.(appends, () => process.disconnect());
