import { expect, test } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import { BlockConflictError, InvalidBlockError } from '../../client/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

const database = withDatabase();
const agent = defineAgent({
  name: 'plain',
  instructions: 'You are brief.',
  blocks: [{ label: 'policy', description: 'Rules', value: 'Be kind.' }],
});
const worker = withWorker(database, { agents: [agent] });
const ana = { user: 'ana' };
const by = { actor: 'mia', reason: 'test' };

test('a block is set, stands in the next prompt, and reads as of a position', async () => {
  const { client } = worker;
  const first = await client.memory.editBlock({
    scope: ana,
    label: 'tone',
    value: 'Formal.',
    description: 'How to speak',
    ...by,
  });
  const second = await client.memory.editBlock({ scope: ana, label: 'tone', value: 'Cheerful.', ...by });
  expect(second).toMatchObject({
    label: 'tone',
    value: 'Cheerful.',
    description: 'How to speak',
    limit: 2000,
    scope: ana,
  });
  expect(await client.memory.blocks({ scope: ana, at: first.position })).toMatchObject([{ value: 'Formal.' }]);
  expect(await client.memory.blocks({ scope: { user: 'bo' } })).toEqual([]);

  const turn = await client.turns.send({ thread: 't', message: 'Hello', user: 'ana', agent: 'plain' });
  const { steps } = await client.turns.explain(turn.turn);
  expect(steps[0]?.promptMatches).toBe(true);
  expect(steps[0]?.prompt[0]?.content).toContain('Cheerful.');
  expect(steps[0]?.prompt[0]?.content).toContain('Be kind.');
  const other = await client.turns.send({ thread: 'u', message: 'Hello', user: 'bo', agent: 'plain' });
  expect((await client.turns.explain(other.turn)).steps[0]?.prompt[0]?.content).not.toContain('Cheerful.');
});

test('compare and set: of ten edits that saw the same value one wins, the others are told what stands', async () => {
  const { client } = worker;
  await client.memory.editBlock({ scope: ana, label: 'count', value: '0', description: 'A number', ...by });
  const edits = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) =>
      client.memory.editBlock({ scope: ana, label: 'count', value: `n${n}`, expectedValue: '0', ...by }),
    ),
  );
  expect(edits.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const [{ value } = { value: '' }] = (await client.memory.blocks({ scope: ana })).filter(
    ({ label }) => label === 'count',
  );
  for (const edit of edits) {
    if (edit.status === 'rejected') expect(edit.reason).toMatchObject({ code: 'BLOCK_CONFLICT', value });
  }
});

test('an edit over the limit, a new block without description and a wrong expectation change nothing', async () => {
  const { client } = worker;
  const edit = { scope: ana, label: 'small', description: 'Little', limit: 5, ...by };
  await client.memory.editBlock({ ...edit, value: '12345' });
  await expect(client.memory.editBlock({ ...edit, value: '123456' })).rejects.toThrow(InvalidBlockError);
  await expect(client.memory.editBlock({ scope: ana, label: 'new', value: 'x', ...by })).rejects.toThrow(
    InvalidBlockError,
  );
  await expect(client.memory.editBlock({ ...edit, value: '1', expectedValue: null })).rejects.toThrow(
    BlockConflictError,
  );
  const [small] = (await client.memory.blocks({ scope: ana })).filter(({ label }) => label === 'small');
  expect(small?.value).toBe('12345');
});

test('a block shows every edit; of what stands already none is written', async () => {
  const { client } = worker;
  const edit = { scope: { user: 'cy' }, label: 'tone', description: 'How to speak', ...by };
  await client.memory.editBlock({ ...edit, value: 'Formal.' });
  await client.memory.editBlock({ ...edit, value: 'Formal.' });
  await client.memory.editBlock({ ...edit, value: 'Warm.', readOnly: true, actor: 'bo', reason: 'asked for' });
  const history = await client.memory.blockHistory({ scope: { user: 'cy' }, label: 'tone' });
  expect(history).toMatchObject([
    { version: 1, value: 'Formal.', readOnly: false, actor: 'mia', reason: 'test', forgotten: false },
    { version: 2, value: 'Warm.', readOnly: true, actor: 'bo', reason: 'asked for', forgotten: false },
  ]);
  expect(history[1]?.editedAt).toBeInstanceOf(Date);
  expect(await client.memory.blocks({ scope: { user: 'cy' } })).toMatchObject([{ value: 'Warm.', readOnly: true }]);
  expect(await client.memory.blockHistory({ scope: { user: 'di' }, label: 'tone' })).toEqual([]);
});
