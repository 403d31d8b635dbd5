import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { EvalConversation, EvalMessage, EvalQuery } from '../../cli/eval/read-data.ts';
import { readEvalData } from '../../cli/eval/read-data.ts';
import type { Embedder } from '../../llm/ports.ts';
import type { RecallFound } from '../../memory/recall/search.ts';
import { searchShelves } from '../../memory/recall/search.ts';
import { createShelf } from '../../memory/recall/shelf.ts';
import { timeWindowOf } from '../../projections/search/time-window.ts';
import { estimateTokens } from '../../memory/text.ts';
import { messageText } from '../../projections/search/projection.ts';

/** A question of a data set and what a search gave for it. */
export interface Asked {
  readonly set: string;
  /** Questions of one conversation, and of copies of it, are of one fold: they are ranked by weights fitted on the others. */
  readonly fold: number;
  readonly query: EvalQuery;
  readonly now: number;
  readonly found: RecallFound;
  /** Cost of each candidate in tokens, estimated. */
  readonly tokens: readonly number[];
}

/** Parts that the conversations fall into; each is ranked by weights fitted on the others. */
export const folds = 4;

/** Reads the data sets of a folder. */
export async function readSets(folder: string): Promise<ReadonlyMap<string, readonly EvalConversation[]>> {
  const files = readdirSync(folder).filter((name) => /\.jsonl(\.gz)?$/.test(name));
  const sets = new Map<string, readonly EvalConversation[]>();
  for (const file of files.sort())
    sets.set(basename(file).replace(/\.jsonl(\.gz)?$/, ''), await readEvalData(join(folder, file)));
  return sets;
}

/** Asks every question of its conversation, by words and, where vectors are given, by meaning. */
export function askAll(
  sets: ReadonlyMap<string, readonly EvalConversation[]>,
  vectors: ReadonlyMap<string, Float32Array> | null,
): Asked[] {
  const asked: Asked[] = [];
  const numbers = new Map<string, number>();
  for (const [set, conversations] of sets) {
    for (const { conversation, messages, queries } of conversations) {
      if (queries.length === 0) continue;
      const shelf = createShelf();
      shelf.put(messages.map((message, index) => toItem(message, index)));
      if (vectors) shelf.attach(vectors);
      const costs = new Map(messages.map((message) => [message.id, estimateTokens(textOf(message))]));
      // Copies of a conversation are named after it, with a "+"; a set of one conversation is parted by question.
      const origin = conversation.replace(/\+.*/, '');
      if (!numbers.has(origin)) numbers.set(origin, numbers.size);
      queries.forEach((query, n) => {
        const vector = vectors?.get(digest(query.text)) ?? null;
        const now = Date.parse(query.time ?? messages.at(-1)?.time ?? '');
        const during = timeWindowOf(query.text, now);
        const found = searchShelves([shelf], { text: query.text, vector, depth: 400, during }, everything);
        asked.push({
          set,
          fold: (conversations.length === 1 ? n : (numbers.get(origin) ?? 0)) % folds,
          query,
          now,
          found,
          tokens: found.candidates.map(({ entry }) => costs.get(entry.id) ?? 1),
        });
      });
    }
  }
  return asked;
}

const everything = { isVisible: () => true, keptAs: { name: 'all', position: Number.MAX_SAFE_INTEGER } };

/** Vectors of all texts, from the file that keeps them or by the embedder. */
export async function embedAll(
  sets: ReadonlyMap<string, readonly EvalConversation[]>,
  { embedder, file }: { readonly embedder: Embedder | null; readonly file: string },
): Promise<ReadonlyMap<string, Float32Array>> {
  const vectors = new Map<string, Float32Array>();
  if (existsSync(file)) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line === '') continue;
      const { h, v } = JSON.parse(line) as { h: string; v: string };
      vectors.set(h, new Float32Array(new Uint8Array(Buffer.from(v, 'base64')).buffer));
    }
  }
  const texts = [...sets.values()]
    .flat()
    .flatMap(({ messages, queries }) => [...messages.map(textOf), ...queries.map(({ text }) => text)]);
  for (const text of new Set(texts)) {
    const hash = digest(text);
    if (vectors.has(hash)) continue;
    const [vector] = embedder ? await embedder.embed([text]) : [];
    if (!vector) throw new Error(`${file} lacks the vector of a text; name a model with --embedder onnx:<folder>.`);
    vectors.set(hash, vector);
    appendFileSync(file, `${JSON.stringify({ h: hash, v: Buffer.from(vector.buffer).toString('base64') })}\n`);
  }
  return vectors;
}

function textOf({ speaker, role, text }: EvalMessage): string {
  return messageText({ speaker: role ?? speaker ?? 'user', text });
}

function toItem(message: EvalMessage, index: number) {
  const { id, speaker, role, session, time } = message;
  const text = textOf(message);
  return {
    id,
    kind: role === 'assistant' ? 'reply' : 'round',
    text,
    textHash: digest(text),
    speaker: role ?? speaker ?? 'user',
    session,
    at: Date.parse(time),
    expires: null,
    from: index + 1,
    to: null,
    fork: '',
    ofUser: true,
    agent: null,
    thread: null,
    turn: id,
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
