import { createHash } from 'node:crypto';
import type { ChatMessage, ToolSpec } from './ports.ts';

/** Digest of exactly what a model gets: messages and tools, byte for byte. */
export function promptHash(messages: readonly ChatMessage[], tools: readonly ToolSpec[]): string {
  return createHash('sha256')
    .update(JSON.stringify([messages, tools]))
    .digest('hex');
}
