import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTenant, forgetSubject } from '../../eventstore/index.ts';
import type { Command, ForgetReceipt } from '../../eventstore/index.ts';
import { putFields, takeFields } from '../../eventstore/keys/personal-fields.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { personalFields } from '../../memory/personal-fields.ts';
import { putVectors } from '../../projections/search/queries.ts';
import { textHash } from '../../projections/search/projection.ts';
import { examples } from '../golden/examples.ts';
import { tablesWith } from '../support/find-text.ts';
import { liveAndFresh } from '../support/fold-afresh.ts';
import { testSchema } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';
import { history } from './history.ts';

const database = withDatabase();

function forget(tenant: string, subject: string, dryRun = false): Promise<ForgetReceipt> {
  const { url: adminUrl } = database;
  return forgetSubject({ adminUrl, schema: testSchema, tenant, subject, actor: 'test', reason: 'asked', dryRun });
}

async function freshTenant(): Promise<string> {
  const tenant = `t-${crypto.randomUUID()}`;
  await createTenant(database.url, tenant);
  return tenant;
}

type Data = Record<string, unknown>;

/** An example of a type with the mark in every personal text, and ids of its user's own. */
function marked(type: MemoryEvent['type'], user: string, mark: string): Data {
  const own = JSON.stringify(examples[type])
    .replaceAll('refund-1', `turn-${user}`)
    .replaceAll('what-if', `what-if-${user}`)
    .replaceAll('"weekly"', `"weekly-${user}"`)
    .replaceAll('nightly-1', `nightly-${user}`)
    .replaceAll(/"([gmop]-\d)"/g, `"$1-${user}"`)
    .replaceAll('"ana"', `"${user}"`);
  const data = JSON.parse(own) as Data;
  const { at, values } = takeFields(data, Object.keys((personalFields as Record<string, object>)[type] ?? {}));
  const words = values.map((value, n) => (typeof value === 'string' ? `${mark} ${n} ${mark}` : { [mark]: mark }));
  const ids = ['fact', 'procedure', 'by'].filter((id) => id in data).map((id) => [id, `${id}-${user}`]);
  return { ...putFields(data, { at, values: words }), ...(Object.fromEntries(ids) as Data) };
}

/** Every event that ends nothing twice, about one user. */
function everything(user: string, mark: string): Command<MemoryEvent> {
  const types = (Object.keys(examples) as MemoryEvent['type'][]).filter(
    (type) => !['AgentConfigured', 'FactRetracted', 'TurnFailed', 'TurnAborted', 'ExtractionFailed'].includes(type),
  );
  const stream = `all/${user}`;
  const events = [
    ...types.map((type) => ({
      type,
      data: { ...marked(type, user, mark), ...(type === 'FactAsserted' ? { validTo: null } : {}) },
    })),
    { type: 'FactRetracted', data: { ...marked('FactRetracted', user, mark), fact: `other-${user}` } },
    { type: 'FactAsserted', data: { ...marked('FactAsserted', user, mark), fact: `third-${user}`, validTo: null } },
  ].map((event) => ({ ...event, stream, subjects: [`user:${user}`] }));
  return { id: stream, streams: [{ name: stream, expectedVersion: 'any' }], events: events as never };
}

describe('forgetting a user of Holdfast', () => {
  test('leaves none of their words in any table, and those of others where they were', async () => {
    const [ana, bo] = ['anaq7z', 'boq7z'];
    for (const command of [everything('ana', ana), everything('bo', bo)]) await database.store.append('acme', command);
    const before = await tablesWith(database.admin, ana);
    expect(before).toEqual(
      expect.arrayContaining([
        'approval',
        'approval_decision',
        'block',
        'extraction',
        'fact',
        'fact_end',
        'fact_source',
        'memory_document',
        'message',
        'procedure',
        'round',
        'step',
        'tool_outcome',
        'turn',
      ]),
    );
    expect(before).not.toEqual(expect.arrayContaining(['event']));
    expect(before).not.toEqual(expect.arrayContaining(['command']));
    const ofBo = await tablesWith(database.admin, bo);

    const planned = await forget('acme', 'user:ana', true);
    expect(await tablesWith(database.admin, ana)).toEqual(before);
    const receipt = await forget('acme', 'user:ana');

    expect(await tablesWith(database.admin, ana)).toEqual([]);
    expect(await tablesWith(database.admin, bo)).toEqual(ofBo);
    expect(planned).toEqual({ ...receipt, position: null, recordedAt: null, chain: null });
    expect(Object.keys(receipt.rows).sort()).toEqual(before);
    expect(receipt).toMatchObject({ keys: [1], streams: 1, repeated: false });
    const { live, fresh } = await liveAndFresh(database.admin, database.store, testSchema, 'acme');
    expect(live).toEqual(fresh);
  });

  test('clears the vectors of their texts, also of texts that never became an event, and no others', async () => {
    const tenant = await freshTenant();
    const no = await database.store.tenantNumber(tenant);
    for (const command of [everything('ana', 'vecq7a'), everything('bo', 'vecq7b')])
      await database.store.append(tenant, command);
    const { rows: documents } = await database.admin.query<{ text_hash: string; mine: boolean }>(
      `select text_hash, content like '%vecq7a%' as mine from memory_document where tenant = $1`,
      [no],
    );
    const vector = new Float32Array([1, -1]);
    const put = (texts: readonly string[], user: string, readAt: number): Promise<void> =>
      putVectors(
        database.pool,
        no,
        'test',
        texts.map((hash) => ({ textHash: hash, vector })),
        { subjects: [`user:${user}`], readAt },
      );
    const hashes = (own: boolean): string[] => [
      ...new Set(documents.filter((row) => row.mine === own).map((row) => row.text_hash)),
    ];
    const [mine, theirs] = [hashes(true), hashes(false)];
    const head = await database.store.head(tenant);
    const shared = theirs[0] ?? '';
    await put([...mine, textHash('a draft of a step that died'), shared], 'ana', head);
    await put(theirs, 'bo', head);
    const left = async (): Promise<string[]> => {
      const { rows } = await database.admin.query<{ text_hash: string; subjects: string[] }>(
        'select text_hash, subjects from embedding where tenant = $1 order by 1',
        [no],
      );
      return rows.map((row) => `${row.text_hash} ${row.subjects.join(',')}`);
    };
    expect(await left()).toContain(`${shared} user:ana,user:bo`);

    const receipt = await forget(tenant, 'user:ana');
    expect(mine.length).toBeGreaterThan(1);
    expect(receipt.derived).toEqual({ embedding: mine.length + 1, text_chunk: 0 });
    expect(await left()).toEqual(theirs.toSorted().map((hash) => `${hash} user:bo`));

    // What was under way when she was forgotten brings nothing back; what is said afterwards is kept.
    await put([textHash('late')], 'ana', head);
    expect((await left()).join()).not.toContain(textHash('late'));
    await put([textHash('afterwards')], 'ana', receipt.position ?? 0);
    expect((await left()).join()).toContain(textHash('afterwards'));
  });

  test('leaves views that equal a fresh fold of the log, whatever happened before and after', async () => {
    let forgotten = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(fc.record({ at: fc.nat(60), subject: fc.constantFrom('user:ana', 'user:bo') }), {
          minLength: 1,
          maxLength: 3,
        }),
        async (seed, forgets) => {
          const tenant = await freshTenant();
          const commands = history({ seed, turns: 10, subjects: true });
          for (const [index, command] of commands.entries()) {
            await database.store.append(tenant, command);
            for (const { at, subject } of forgets) {
              if (Math.min(at, commands.length - 1) !== index) continue;
              const receipt = await forget(tenant, subject).catch((error: unknown) => {
                if ((error as { code?: string }).code !== 'UNKNOWN_SUBJECT') throw error;
              });
              forgotten += receipt?.events ?? 0;
            }
          }
          const { live, fresh } = await liveAndFresh(database.admin, database.store, testSchema, tenant);
          expect(live).toEqual(fresh);
        },
      ),
      { numRuns: 12 },
    );
    // How many is chance; that some were is not.
    expect(forgotten).toBeGreaterThan(20);
  });
});
