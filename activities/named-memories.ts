import { z } from 'zod';
import type { RecalledItem } from '../memory/events.ts';
import type { ThreadMessage } from '../memory/prompt.ts';

/** A memory that the model has seen, under the short name it saw it by. */
export interface NamedMemory {
  readonly id: string;
  /** `round` and `reply` are what was said; other kinds were drawn from it. */
  readonly kind: string;
  /** Who vouches for it. @default somebody who is not recorded */
  readonly trust?: string | undefined;
}

/** What memories are called in a prompt: labels of recalled ones, aliases of found ones. */
export type MemoryNames = ReadonlyMap<string, NamedMemory>;

const foundResult = z.object({
  memories: z.array(z.object({ alias: z.string(), id: z.string(), kind: z.string(), trust: z.string().optional() })),
});

/**
 * The short names of a prompt: `m1` for what was recalled into it, `s1-1` for what this turn's searches found. Short, because models garble
 * long ids.
 * @param messages those of the current turn
 */
export function memoryNames(recalled: readonly RecalledItem[], messages: readonly ThreadMessage[]): MemoryNames {
  const names = new Map<string, NamedMemory>();
  for (const { label, id, kind, trust } of recalled) if (label !== null) names.set(label, { id, kind, trust });
  const searches = new Set(
    messages.flatMap((message) =>
      message.role === 'assistant'
        ? message.toolCalls.filter(({ name }) => name === 'memory_search').map(({ id }) => id)
        : [],
    ),
  );
  for (const message of messages) {
    if (message.role !== 'tool' || !searches.has(message.toolCallId)) continue;
    for (const { alias, ...found } of readFound(message.content)) names.set(alias, found);
  }
  return names;
}

/** The memory that a model means: by a short name, with or without brackets, or by its id. */
export function namedMemory(names: MemoryNames, given: string): NamedMemory {
  const name = given.trim().replace(/^\[(.*)\]$/, '$1');
  return names.get(name) ?? { id: name, kind: 'unknown' };
}

function readFound(result: string): z.infer<typeof foundResult>['memories'] {
  try {
    return foundResult.parse(JSON.parse(result)).memories;
  } catch {
    // A search that failed says so in words.
    return [];
  }
}
