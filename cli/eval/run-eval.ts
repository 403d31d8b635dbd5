import type { HoldfastClient, RememberedMessage, SaidMessage } from '../../client/index.ts';
import { estimateTokens } from '../../memory/text.ts';
import type { EvalConversation, EvalMessage, EvalQuery } from './read-data.ts';

/** What a search gave for one query, in the ids of the data set. */
export interface EvalResult {
  readonly conversation: string;
  readonly query: EvalQuery;
  readonly ranked: readonly string[];
  /** Estimated cost of each result in tokens. */
  readonly tokens: readonly number[];
  readonly confidence: number;
  /** Time of the search, embedder excluded, in milliseconds. */
  readonly ms: number;
}

/** Results per query, which is more than any figure looks at. */
const depth = 300;

/** Imports the conversations, each as a user of its own, through the public API. Gives how many messages were written. */
export async function importConversations(
  client: HoldfastClient,
  conversations: readonly EvalConversation[],
  onProgress: (done: number, of: number) => void,
): Promise<{ readonly ids: ReadonlyMap<string, ReadonlyMap<string, string>>; readonly messages: number }> {
  const ids = new Map<string, ReadonlyMap<string, string>>();
  const of = conversations.reduce((sum, { messages }) => sum + messages.length, 0);
  let done = 0;
  for (const { conversation, messages } of conversations) {
    const receipts = await client.memory.remember(
      messages.map(toSaid),
      { user: conversation },
      {
        idempotencyKey: `eval/${conversation}`,
      },
    );
    ids.set(conversation, new Map(receipts.map(({ id }: RememberedMessage, index) => [id, messages[index]?.id ?? ''])));
    done += messages.length;
    onProgress(done, of);
  }
  return { ids, messages: done };
}

/** Asks the queries, through the public API. */
export async function askQueries(
  client: HoldfastClient,
  conversations: readonly EvalConversation[],
  {
    ids,
    warm,
  }: {
    readonly ids: ReadonlyMap<string, ReadonlyMap<string, string>>;
    /** Embeds the texts beforehand, so that times are those of the search alone. */
    readonly warm: (texts: readonly string[]) => Promise<void>;
  },
): Promise<EvalResult[]> {
  const results: EvalResult[] = [];
  for (const { conversation, messages, queries } of conversations) {
    if (queries.length === 0) continue;
    const known = ids.get(conversation) ?? new Map<string, string>();
    await warm(queries.map(({ text }) => text));
    const last = messages.at(-1)?.time;
    for (const query of queries) {
      const asked = query.time ?? last;
      const started = performance.now();
      const found = await client.memory.search({
        query: query.text,
        scope: { user: conversation },
        limit: depth,
        ...(asked === undefined ? {} : { askedAt: new Date(asked) }),
      });
      const ms = performance.now() - started;
      const items = found.items.filter(({ id }) => known.has(id));
      results.push({
        conversation,
        query,
        ranked: items.map(({ id }) => known.get(id) ?? ''),
        tokens: items.map(({ text }) => estimateTokens(text)),
        confidence: found.confidence,
        ms,
      });
    }
  }
  return results;
}

function toSaid({ speaker, role, text, time, session }: EvalMessage): SaidMessage {
  return { speaker: role ?? speaker ?? 'user', text, at: new Date(time), session };
}
