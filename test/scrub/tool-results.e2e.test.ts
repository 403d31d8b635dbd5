import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import { tablesWith } from '../support/find-text.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

const database = withDatabase();
const [mail, ordered] = ['ana.lima@example.org', 'A-1001'];
const lookUp = (name: string, scrub: object | null) =>
  defineTool({
    name,
    description: 'Looks up a customer.',
    input: z.object({}),
    repeatable: true,
    scrub,
    execute: () => ({ mail, ordered }),
  });
const worker = withWorker(database, {
  agents: [
    defineAgent({
      name: 'desk',
      instructions: 'You know customers.',
      tools: [lookUp('clean', { classes: ['email'] }), lookUp('plain', null)],
    }),
  ],
});

test('what a tool scrubs is in no row, and its model never reads it; the same tool without leaves it', async () => {
  const call = (name: string) =>
    worker.client.turns.send({ thread: name, user: name, agent: 'desk', message: `Use the tool ${name} with {}` });
  const { status, reply } = await call('clean');
  expect(status).toBe('completed');
  expect(reply).toContain('[email]');
  expect(reply).toContain(ordered);
  expect(await tablesWith(database.admin, mail)).toEqual([]);
  expect((await call('plain')).reply).toContain(mail);
  expect(await tablesWith(database.admin, mail)).toContain('message');
});
