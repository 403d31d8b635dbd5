import { beforeAll, expect, test } from 'vitest';
import { audit } from '../../cli/demo/audit.ts';
import type { Tally } from '../../cli/demo/scenario.ts';
import type { Stage } from '../../cli/demo/stage.ts';
import { withTenant } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const ref = (turn: string) => ({ thread: 't', branch: 'main', turn });

/** The one method of the stage that counting uses. */
async function figuresOf(acknowledged: readonly string[]) {
  const tenant = await database.store.tenantNumber('default');
  const stage: Pick<Stage, 'query'> = {
    query: (sql, values = []) =>
      withTenant(
        database.pool,
        tenant,
        async (session) => (await session.query<Record<string, unknown>>(sql, [tenant, ...values])).rows,
      ),
  };
  const tally: Tally = { acknowledged: new Set(acknowledged), kills: 3, approvals: 1, replayed: 3, complaints: [] };
  return audit(stage as Stage, tally);
}

async function request(turn: string): Promise<void> {
  const stream = `turn/${turn}`;
  await database.store.append('default', {
    id: stream,
    streams: [{ name: stream, expectedVersion: 'none' }],
    events: [
      {
        type: 'TurnRequested',
        stream,
        data: { ...ref(turn), agent: 'a', user: null, message: 'm', occurredAt: '2026-01-01T00:00:00.000Z' },
      },
    ],
  });
}

beforeAll(async () => {
  await request('good');
  await database.store.append('default', {
    id: 'turn/good/step/1',
    streams: [{ name: 'turn/good', expectedVersion: 'some', seal: true }],
    events: [
      {
        type: 'ToolCompleted',
        stream: 'turn/good',
        data: {
          ...ref('good'),
          step: 1,
          ordinal: 0,
          call: 'c',
          tool: 'memory_remember',
          outcome: 'ok',
          code: null,
          arguments: {},
          result: JSON.stringify({ memories: [{ outcome: 'stored' }, { outcome: 'duplicate' }] }),
          effectKey: 'k',
          durationMs: 0,
        },
      },
      {
        type: 'ProcedureLearned',
        stream: 'turn/good',
        data: {
          procedure: 'p',
          version: 1,
          scope: {},
          goal: 'g',
          text: 't',
          contentHash: 'h',
          trust: 'direct_user',
          validFrom: '2026-01-01T00:00:00.000Z',
          source: { ...ref('good'), quote: 'q' },
        },
      },
      { type: 'TurnCompleted', stream: 'turn/good', data: { ...ref('good'), steps: 1 } },
    ],
  });
});

test('a whole log counts nothing', async () => {
  expect(await figuresOf(['good'])).toMatchObject({ turns: 1, lost: 0, duplicated: 0, partial: 0 });
});

test('an acknowledged turn that is not in the log is lost', async () => {
  expect(await figuresOf(['good', 'vanished'])).toMatchObject({ lost: 1 });
});

test('a memory that was promised and not written is partial, one too many is duplicated', async () => {
  const change = async (from: string, to: string): Promise<void> => {
    await database.admin.query(`update event set type = $2 where type = $1`, [from, to]);
  };
  await change('ProcedureLearned', 'Nothing');
  expect(await figuresOf(['good'])).toMatchObject({ partial: 1, duplicated: 0 });
  await change('Nothing', 'ProcedureLearned');
  const promise = async (from: string, to: string): Promise<void> => {
    await database.admin.query(`update tool_outcome set result = replace(result, $1, $2)`, [from, to]);
  };
  await promise('"stored"', '"nothing"');
  expect(await figuresOf(['good'])).toMatchObject({ partial: 0, duplicated: 1 });
  await promise('"nothing"', '"stored"');
});

test('a turn without its terminal event is partial, one with two is duplicated', async () => {
  await request('open');
  expect(await figuresOf(['good'])).toMatchObject({ turns: 2, partial: 1 });
  await database.admin.query(`update event set type = 'TurnFailed' where type = 'ProcedureLearned'`);
  expect((await figuresOf(['good'])).duplicated).toBeGreaterThanOrEqual(1);
});
