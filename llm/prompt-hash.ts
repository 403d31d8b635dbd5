import { createHash } from 'node:crypto';
import { changeModelOptions } from '../memory/model-options.ts';
import type { ModelOptions } from '../memory/model-options.ts';
import type { ChatMessage, ToolSpec } from './ports.ts';

/** Digest of exactly what a model gets: messages and tools, byte for byte, and the options where there are any. */
export function promptHash(
  messages: readonly ChatMessage[],
  tools: readonly ToolSpec[],
  options: ModelOptions = {},
): string {
  const given = changeModelOptions(options);
  return createHash('sha256')
    .update(JSON.stringify([messages, tools, ...(Object.keys(given).length === 0 ? [] : [given])]))
    .digest('hex');
}
