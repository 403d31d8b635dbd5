import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import type { ImportedMessage } from '../../client/index.ts';
import { ImportFileInvalidError } from './import-file-error.ts';

/** What one string of JSON may hold; larger files have to be cut. */
const mostBytes = 500 << 20;

const locomoTurn = z.object({ speaker: z.string().min(1), text: z.string(), blip_caption: z.string().optional() });
const locomo = z.array(z.object({ sample_id: z.string().min(1), conversation: z.record(z.string(), z.unknown()) }));
const longMemEval = z.array(
  z
    .object({
      question_id: z.string().min(1),
      haystack_session_ids: z.array(z.string()),
      haystack_dates: z.array(z.string()),
      haystack_sessions: z.array(z.array(z.object({ role: z.enum(['user', 'assistant']), content: z.string() }))),
    })
    .refine(
      (one) =>
        one.haystack_dates.length === one.haystack_sessions.length &&
        one.haystack_session_ids.length === one.haystack_sessions.length,
      'every session needs its id and its date',
    ),
);

/**
 * Reads a file as LoCoMo has it: `[{sample_id, conversation: {session_1: [{speaker, text}], session_1_date_time: "1:56 pm on 8 May, 2023"}}]`.
 * Each sample is a user of its own; turns of a session are a second apart. Throws ImportFileInvalidError.
 */
export async function* readLocomo(file: string): AsyncGenerator<ImportedMessage> {
  for (const { sample_id: user, conversation } of await readJson(file, locomo)) {
    const sessions = Object.keys(conversation).filter((key) => /^session_\d+$/.test(key));
    sessions.sort((a, b) => Number(a.slice(8)) - Number(b.slice(8)));
    for (const name of sessions) {
      const where = `${file}, sample ${user}, ${name}`;
      const turns = parse(z.array(locomoTurn), conversation[name], where);
      const date = parse(z.string(), conversation[`${name}_date_time`], `${where}_date_time`);
      const begin = timeOf(date, /^(\d+):(\d+) (am|pm) on (\d+) (\w+), (\d+)$/i, where, ([h, m, half, d, month, y]) =>
        Date.parse(`${d} ${month} ${y} ${(Number(h) % 12) + (/pm/i.test(half ?? '') ? 12 : 0)}:${m} UTC`),
      );
      for (const [index, { speaker, text, blip_caption: caption }] of turns.entries())
        yield {
          speaker,
          text: caption === undefined ? text : `${text} [shares ${caption}]`,
          at: new Date(begin + index * 1_000),
          session: `${user}/${name}`,
          scope: { user },
        };
    }
  }
}

/**
 * Reads a file as LongMemEval has it: `[{question_id, haystack_session_ids, haystack_dates: ["2023/05/20 (Sat) 02:21"],
 * haystack_sessions: [[{role, content}]]}]`. Each question is a user of its own; messages of a session are a second apart.
 * Throws ImportFileInvalidError.
 */
export async function* readLongMemEval(file: string): AsyncGenerator<ImportedMessage> {
  for (const one of await readJson(file, longMemEval)) {
    const user = one.question_id;
    for (const [n, messages] of one.haystack_sessions.entries()) {
      const where = `${file}, question ${user}, session ${n}`;
      const date = one.haystack_dates[n] ?? '';
      const begin = timeOf(date, /^(\d+)\/(\d+)\/(\d+) \(\w+\) (\d+:\d+)$/, where, ([y, month, d, clock]) =>
        Date.parse(`${y}-${month}-${d}T${clock}Z`),
      );
      for (const [index, { role, content }] of messages.entries())
        yield {
          speaker: role,
          text: content,
          at: new Date(begin + index * 1_000),
          session: `${user}/${one.haystack_session_ids[n] ?? n}`,
          scope: { user },
        };
    }
  }
}

function timeOf(text: string, form: RegExp, where: string, toTime: (parts: string[]) => number): number {
  const match = form.exec(text.trim());
  const time = match === null ? NaN : toTime(match.slice(1));
  if (!Number.isNaN(time)) return time;
  throw new ImportFileInvalidError(`${where} has the date "${text}", which is not of the form it should have.`, null);
}

async function readJson<Shape extends z.ZodType>(file: string, shape: Shape): Promise<z.infer<Shape>> {
  const { size } = await stat(file);
  if (size > mostBytes)
    throw new ImportFileInvalidError(
      `${file} has ${size} bytes; at most ${mostBytes} can be read as one piece of JSON. Cut it, or convert it to JSON lines.`,
      null,
    );
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ImportFileInvalidError(`${file} is not JSON.`, cause);
  }
  return parse(shape, value, file);
}

function parse<Shape extends z.ZodType>(shape: Shape, value: unknown, where: string): z.infer<Shape> {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ImportFileInvalidError(`${where} is not as it should be: ${z.prettifyError(parsed.error)}`, parsed.error);
}
