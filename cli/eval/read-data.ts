import { readFile } from 'node:fs/promises';
import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { z } from 'zod';
import { HoldfastError } from '../../errors/holdfast-error.ts';

const message = z.object({
  type: z.literal('message'),
  conversation: z.string(),
  session: z.string(),
  id: z.string(),
  speaker: z.string().nullable(),
  role: z.string().nullish(),
  time: z.iso.datetime(),
  text: z.string(),
});
const query = z.object({
  type: z.literal('query'),
  conversation: z.string(),
  id: z.string(),
  text: z.string(),
  category: z.string().nullish(),
  gold: z.array(z.string()),
  time: z.iso.datetime().nullish(),
  abstain: z.boolean().default(false),
  newer: z.array(z.string()).nullish(),
  older: z.array(z.string()).nullish(),
});
const line = z.discriminatedUnion('type', [message, query]);

export type EvalMessage = z.infer<typeof message>;
export type EvalQuery = z.infer<typeof query>;

/** One conversation: its messages in order of time, and the queries that may see them and nothing else. */
export interface EvalConversation {
  readonly conversation: string;
  readonly messages: EvalMessage[];
  readonly queries: EvalQuery[];
}

/** Reads a data set (docs/recall.md has the format): JSON lines, gzipped or not. Throws HoldfastError EVAL_DATA_INVALID. */
export async function readEvalData(file: string): Promise<EvalConversation[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new HoldfastError('EVAL_DATA_INVALID', `${file} cannot be read: ${String(cause)}`, {
      cause,
      hint: 'Name a file of JSON lines with --data (docs/recall.md).',
    });
  }
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? await promisify(gunzip)(bytes) : bytes).toString('utf8');
  const conversations = new Map<string, EvalConversation>();
  text.split('\n').forEach((raw, index) => {
    if (raw.trim() === '') return;
    const entry = parse(raw, `${file}, line ${index + 1}`);
    const name = entry.conversation;
    const own = conversations.get(name) ?? { conversation: name, messages: [], queries: [] };
    conversations.set(name, own);
    if (entry.type === 'message') own.messages.push(entry);
    else own.queries.push(entry);
  });
  return [...conversations.values()];
}

function parse(raw: string, where: string): EvalMessage | EvalQuery {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    value = undefined;
  }
  const parsed = line.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new HoldfastError('EVAL_DATA_INVALID', `${where}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`, {
    hint: 'Each line is a message or a query in the format of docs/recall.md.',
  });
}
