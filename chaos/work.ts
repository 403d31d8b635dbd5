import type { HoldfastClient, TurnResult } from '../client/index.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Facts, WorkKind } from './history.ts';
import type { Work } from './work-shape.ts';
import { consolidate, editBlock, importTalk, keepDocument, proposed } from './memory-work.ts';
import type { Random } from './random.ts';

/** What the work of one client is made with. */
export interface WorkSource {
  /** Name of the client. */
  readonly client: string;
  readonly random: Random;
  /** Rebuilds all views. */
  readonly rebuild: () => Promise<void>;
  /** Writes the log into the client's segments. */
  readonly exportLog: (client: string) => Promise<void>;
  /** The client of the other tenant. */
  readonly neighbour: () => HoldfastClient;
}

/** How long a client waits for a reply before it does not know what came of its turn, in milliseconds. */
const patienceMs = 15_000;
const cities = ['Lisbon', 'Porto', 'Faro', 'Braga', 'Évora', 'Coimbra'];

/** Makes the `n`th piece of work of a client. */
export function makeWork(kind: WorkKind, n: number, source: WorkSource): Work {
  const { client, random } = source;
  const op = `${client}-${n}`;
  const user = `user-${op}`;
  const thread = `thread-${client}-${n % 3}`;
  const token = `tk${client}x${n}x${random.below(1_000_000).toString(36)}`;
  const send = (agent: string, message: string, more: Partial<Facts> = {}): Work => {
    const facts = { turn: `turn-${op}`, thread, user, token, ...more };
    return {
      kind,
      op,
      facts,
      ask: async (asked) =>
        factsOf(
          await asked.turns.send(
            { turn: facts.turn, thread: facts.thread, user: facts.user, agent, message },
            { timeoutMs: patienceMs },
          ),
        ),
    };
  };
  // Also in a short run somebody does what chance has only half of them do.
  const isEven = Number(client.replace(/\D/g, '')) % 2 === 0;
  const order = `A-${1001 + random.below(50)}`;
  // No other payment of the run has this amount: what the shop was asked for can be told apart.
  const amount = (Number(client.replace(/\D/g, '')) + 1) * 1_000_000 + n + 0.01;
  switch (kind) {
    case 'plain':
      return send('shopper', `My dog is called ${token}. I live in ${random.pick(cities)}.`);
    case 'remember':
      return send(
        'shopper',
        `Please remember these five things: 1) my dog is called ${token}; 2) I live in ${random.pick(cities)}; 3) my shoe size is ${36 + random.below(10)}; 4) I am allergic to nuts; 5) I prefer SMS over email`,
        { memories: 5 },
      );
    case 'correct': {
      const first = send('shopper', `I prefer to be contacted by email. My dog is called ${token}.`, {
        turn: `turn-${op}-a`,
      });
      const second = {
        ...send('shopper', 'Actually, I prefer to be contacted by SMS, not email.', { turn: `turn-${op}-b` }),
        kind: 'correction' as const,
        op: `${op}-b`,
      };
      return { ...first, then: () => [second] };
    }
    case 'lookup':
      return send('shopper', `Where is my order ${order}?`);
    case 'child':
      return send('asker', `Use the tool ask_shopper with {"message": "Where is order ${order}, ${token}?"}`);
    case 'pay_once':
      return send('cashier', `Use the tool pay_once with {"order": "${order}", "amount": ${amount}}`, { amount });
    case 'approval': {
      const ask = send('careful', `Use the tool pay_approved with {"order": "${order}", "amount": ${amount}}`, {
        amount,
      });
      const decisions = random.shuffle(['approve', 'reject'] as const);
      return {
        ...ask,
        then: ({ status, approval }) =>
          status === 'waiting' && approval !== undefined
            ? decisions.map((decision) => decide(op, approval, decision, amount))
            : [],
      };
    }
    case 'cancel':
      return cancel(send('shopper', `My cat is called ${token}. Where is my order ${order}?`), random.below(400));
    case 'block':
      return editBlock(op, token, source.client);
    case 'import':
      return importTalk(op, user, token);
    case 'consolidate':
      return consolidate(op, { user, token, isTaken: isEven || random.next() < 0.5, patienceMs });
    case 'document':
      return keepDocument(op, { user, token, isRemoved: isEven || random.next() < 0.5 });
    case 'proposal':
      return proposed(
        send('guarded', `Please remember: my dog is called ${token}.`),
        random.shuffle(['approve', 'reject'] as const),
      );
    case 'talk': {
      // One conversation for each client: from its third turn on it is compacted behind every reply.
      const place = { thread: `talk-${client}`, user: `talker-${client}` };
      return send('talkative', `Locker ${n} is called ${token}. ${'So it is. '.repeat(20)}`, place);
    }
    case 'forget':
      return forget(send('shopper', `Please remember: my secret word is ${token}. My dog is called ${token}.`));
    case 'neighbour':
      return {
        ...send('shopper', `My dog is called nb${token}.`),
        ask: (_client) => neighbourly(source, op, thread, token),
      };
    case 'rebuild':
      return { kind, op, facts: {}, ask: () => source.rebuild().then(() => ({})) };
    case 'export':
      return { kind, op, facts: {}, ask: () => source.exportLog(client).then(() => ({})) };
    case 'decision':
    case 'undo':
    case 'verdict':
    case 'revision':
    case 'removal':
    case 'correction':
      throw new RangeError(`A work of kind "${kind}" follows another.`);
  }
}

/** What a client is told about a turn. Throws when it does not know yet how it ends. */
function factsOf({ status, reply, code, waitingFor }: TurnResult): Facts {
  if (status === 'running')
    throw new HoldfastError('NO_ANSWER', 'The turn has not ended in time.', { retryable: true });
  const [approval] = waitingFor;
  return { status, reply, code, ...(approval === undefined ? {} : { approval }) };
}

function decide(op: string, approval: string, decision: 'approve' | 'reject', amount: number): Work {
  const actor = `${decision}r-${op}`;
  return {
    kind: 'decision',
    op: `${op}-${decision}`,
    facts: { approval, decision, actor, amount },
    ask: async (client) => {
      const { applied } = await client.approvals.decide({ approval, decision, actor });
      return { applied };
    },
  };
}

/** Sends a turn and cancels it a moment later, while it runs. */
function cancel(sent: Work, afterMs: number): Work {
  const { turn = '' } = sent.facts;
  return {
    ...sent,
    ask: async (client) => {
      const answer = sent.ask(client).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      try {
        const { applied, turn: after } = await client.turns.cancel(turn, { actor: 'canceller' });
        return { applied, status: after.status };
      } finally {
        await answer;
      }
    },
  };
}

/** Has a user say a secret, and forgets the user. */
function forget(sent: Work): Work {
  const { user = '' } = sent.facts;
  return {
    ...sent,
    kind: 'forget',
    ask: async (client) => {
      await sent.ask(client).catch((error: unknown) => {
        // Sent before and forgotten since: that is what was wanted.
        if (!(error instanceof HoldfastError) || !error.retryable) return;
        throw error;
      });
      await client.memory.forget({ user, actor: 'chaos', reason: 'asked to' });
      return {};
    },
  };
}

/** Has the other tenant request a turn: nobody works for it, its message stays in its log. */
async function neighbourly({ neighbour }: WorkSource, op: string, thread: string, token: string): Promise<Facts> {
  const { status } = await neighbour().turns.send(
    { turn: `turn-${op}`, thread, user: `user-${op}`, agent: 'shopper', message: `My dog is called nb${token}.` },
    { timeoutMs: patienceMs },
  );
  return { status };
}
