import type { HoldfastClient } from '../client/index.ts';
import type { Facts } from './history.ts';
import type { Work } from './work-shape.ts';

/** More than one command holds. */
const importedMessages = 520;
/** One chunk each; more than one command holds. */
const sections = 260;

/** Sets a block of the client's own, knowing what stood there before. */
export function editBlock(op: string, token: string, client: string): Work {
  const scope = { agent: client };
  return {
    kind: 'block',
    op,
    facts: { token },
    ask: async (asked) => {
      const [before] = await asked.memory.blocks({ scope });
      await asked.memory.editBlock({
        scope,
        label: 'note',
        description: 'What was noted last',
        value: token,
        actor: client,
        reason: 'chaos',
        expectedValue: before?.value === token ? token : (before?.value ?? null),
      });
      return {};
    },
  };
}

/** Imports a talk of some hundred messages in several commands; its last message holds the token. */
export function importTalk(op: string, user: string, token: string): Work {
  const talk = Array.from({ length: importedMessages }, (_, n) => ({
    speaker: n % 2 === 0 ? 'user' : 'assistant',
    text: n % 2 === 0 ? `Line ${n} of ${token}.` : `Reply ${n}.`,
    at: new Date(Date.UTC(2024, 0, 1) + n * 1_000),
  }));
  return {
    kind: 'import',
    op,
    facts: { user, token, rounds: importedMessages / 2 },
    ask: async (client) => {
      await client.memory.import(talk, { idempotencyKey: op, scope: { user } });
      return {};
    },
  };
}

/** Has a session remembered and memory consolidated, which sums it up; half of the runs are taken back. */
export function consolidate(
  op: string,
  {
    user,
    token,
    isTaken,
    patienceMs,
  }: { readonly user: string; readonly token: string; readonly isTaken: boolean; readonly patienceMs: number },
): Work {
  const run = `run-${op}`;
  const undo: Work = {
    kind: 'undo',
    op: `${op}-undo`,
    facts: { run },
    ask: async (client) => {
      await client.memory.undoConsolidation(run, { actor: 'chaos' });
      return {};
    },
  };
  return {
    kind: 'consolidate',
    op,
    facts: { run, user },
    ask: async (client) => {
      const talk = [`I like ${token}.`, `Really, I like ${token}.`, `I do like ${token}!`];
      await client.memory.remember(
        talk.map((text) => ({ speaker: 'user', text })),
        { user },
        { idempotencyKey: run, session: run, occurredAt: new Date(Date.UTC(2024, 0, 1)) },
      );
      const { outcome } = await client.memory.consolidate({ scope: { user }, run }, { timeoutMs: patienceMs });
      return { status: outcome };
    },
    ...(isTaken ? { then: () => [undo] } : {}),
  };
}

/**
 * Keeps a document of many chunks, then a version of it in which every second section is another, and removes it after that when
 * `isRemoved`. Versions follow one another only when they were acknowledged.
 */
export function keepDocument(
  op: string,
  { user, token, isRemoved }: { readonly user: string; readonly token: string; readonly isRemoved: boolean },
): Work {
  const source = `notes/${op}.md`;
  const version = (n: number, kind: 'document' | 'revision', then: readonly Work[]): Work => ({
    kind,
    op: `${op}-v${n}`,
    // Every second section is of this version: a version that was lost, or came in half, is told by them.
    facts: { source, user, chunks: sections, says: `in version ${n}.`, times: n === 1 ? sections : sections / 2 },
    ask: async (client: HoldfastClient): Promise<Facts> => {
      const text = Array.from(
        { length: sections },
        (_, at) => `# Section ${at}\n\n${token} says ${at} in version ${at % 2 === 0 ? 1 : n}.`,
      ).join('\n\n');
      const { document } = await client.memory.addDocument(
        { source, text },
        { user },
        { idempotencyKey: `${op}-v${n}` },
      );
      return { document };
    },
    then: () => then,
  });
  const removal: Work = {
    kind: 'removal',
    op: `${op}-end`,
    facts: { source, user, chunks: 0, says: 'in version', times: 0 },
    ask: async (client) => {
      const { document } = await client.memory.removeDocument({ source, scope: { user } });
      return { document };
    },
  };
  return version(1, 'document', [version(2, 'revision', isRemoved ? [removal] : [])]);
}

/** Has an agent propose a memory that waits, and has two people decide about it, one after the other. */
export function proposed(sent: Work, decisions: readonly ('approve' | 'reject')[]): Work {
  const { user = '', token } = sent.facts;
  return {
    ...sent,
    kind: 'proposal',
    ask: async (client) => {
      const told = await sent.ask(client);
      const [waits] = await client.memory.pending({ scope: { user } });
      return { ...told, ...(waits === undefined ? {} : { proposal: waits.proposal }) };
    },
    then: ({ proposal }) =>
      proposal === undefined
        ? []
        : decisions.map((decision): Work => {
            const actor = `${decision}r-${sent.op}`;
            return {
              kind: 'verdict',
              op: `${sent.op}-${decision}`,
              facts: { proposal, decision, actor, ...(token === undefined ? {} : { token }) },
              ask: async (client) => {
                const by = { actor, reason: 'chaos' };
                const { applied } =
                  decision === 'approve'
                    ? await client.memory.approvePending(proposal, by)
                    : await client.memory.rejectPending(proposal, by);
                return { applied };
              },
            };
          }),
  };
}
