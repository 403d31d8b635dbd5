import { type FinishedCall, isRecord, toObject } from './conversation.ts';
import { foundLines } from './memory-use.ts';
import { asSentence } from './third-person.ts';

/** Says what came of a call of a memory tool, item by item; null for other tools, and for results that are no record. */
export function describeMemory({ name, arguments: given, result }: FinishedCall): string | null {
  const record = toObject(result);
  if (Object.keys(record).length === 0) return null;
  switch (name) {
    case 'memory_search': {
      const lines = foundLines(result);
      if (lines.length === 0) return 'I found nothing in memory.';
      return `I found: ${lines.map(({ label, text }) => `${asSentence(text)} [${label}]`).join(' ')}`;
    }
    case 'memory_correct':
      return items(record)
        .map(({ outcome, text, reason }) =>
          asSentence(outcome === 'rejected' ? `Not corrected: ${text} (${reason})` : `Corrected: ${text} (${reason})`),
        )
        .join(' ');
    case 'memory_forget':
      return items(record)
        .map(({ outcome, text, reason }) =>
          asSentence(
            outcome === 'retracted' ? `I no longer go by this: ${text}` : `Not forgotten: ${text} (${reason})`,
          ),
        )
        .join(' ');
    case 'block_append':
    case 'block_replace': {
      const { outcome, reason } = record;
      const label = String(given['label']);
      return asSentence(
        outcome === 'stored' ? `Block ${label} is changed` : `Block ${label} was not changed: ${String(reason)}`,
      );
    }
    default:
      return null;
  }
}

function items({ memories }: Readonly<Record<string, unknown>>): { outcome: string; text: string; reason: string }[] {
  return (Array.isArray(memories) ? memories : []).filter(isRecord).map(({ outcome, text, reason }) => ({
    outcome: String(outcome),
    text: String(text).replace(/[.\s]+$/, ''),
    reason: String(reason),
  }));
}
