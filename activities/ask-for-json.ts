import type { z } from 'zod';
import { ModelError } from '../llm/model-error.ts';
import type { JsonSchema } from '../llm/ports.ts';
import type { ActivityDeps } from './deps.ts';
import { assertUsable } from './read-reply.ts';

/** A model's answer of a shape, and the model as it names itself. */
export interface JsonAnswer<T> {
  readonly value: T;
  readonly model: string;
}

/**
 * Asks a model for JSON of a schema; told in words where its server takes no schema. Throws ModelError: MODEL_BAD_REPLY when the answer is
 * something else.
 */
export async function askForJson<Schema extends z.ZodType>(
  deps: Pick<ActivityDeps, 'model'>,
  request: {
    readonly model: string;
    readonly name: string;
    readonly schema: Schema;
    readonly jsonSchema: JsonSchema;
    readonly instructions: string;
    readonly payload: unknown;
    readonly signal: AbortSignal;
  },
): Promise<JsonAnswer<z.infer<Schema>>> {
  const { model, name, schema, jsonSchema, instructions, payload, signal } = request;
  const ask = (inWords: boolean) =>
    deps.model.complete({
      model,
      messages: [
        {
          role: 'system',
          content: inWords
            ? `${instructions}\nAnswer with one JSON object of this schema and nothing else:\n${JSON.stringify(jsonSchema)}`
            : instructions,
        },
        { role: 'user', content: JSON.stringify(payload) },
      ],
      ...(inWords ? {} : { responseSchema: { name, schema: jsonSchema } }),
      signal,
    });
  const reply = await ask(false).catch((error: unknown) => {
    if (error instanceof ModelError && error.code === 'MODEL_BAD_REQUEST') return ask(true);
    throw error;
  });
  assertUsable(reply);
  const text = (reply.text ?? '').replace(/<think>[\s\S]*?<\/think>/g, '');
  const parsed = schema.safeParse(parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)));
  if (parsed.success) return { value: parsed.data, model: reply.model };
  throw new ModelError(
    'MODEL_BAD_REPLY',
    `Model "${reply.model}" answered with something else than the JSON asked for.`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Attempts of an activity that a model may fail before the work goes on without it. */
const mostAttempts = 3;

/** The code of a model's failure that the work can go on without; anything else is thrown, and tried again. */
export function codeToGoOnWith(error: unknown, { attempt, signal }: { attempt: number; signal: AbortSignal }): string {
  if (!(error instanceof ModelError) || signal.aborted) throw error;
  if (error.retryable && attempt < mostAttempts) throw error;
  return error.code;
}
