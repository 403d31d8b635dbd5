import { straighten } from './clauses.ts';
import { isRecord, toObject, type Conversation, type MemoryLine } from './conversation.ts';
import { personName } from './extract.ts';
import { bestLines } from './recall.ts';
import { toMemories } from './remember.ts';
import type { ToolStep } from './tool-step.ts';

const POLITE = String.raw`^\W*(?:(?:please|ok|okay|now|and|then|can you|could you|would you|kindly)[,\s]+)*`;
const SEARCH = new RegExp(`${POLITE}search (?:(?:your|my|the) )?memor(?:y|ies) (?:for|about) (.+)`, 'is');
const FORGET = new RegExp(
  `${POLITE}(?:forget|stop remembering)\\s+(?:(?:that|about|the fact that|what I said about)\\s+)*(.+)`,
  'is',
);
const CORRECT = new RegExp(`${POLITE}correct (?:that|this|your memory|what you know)\\W+(.+)`, 'is');
const REPLACE = new RegExp(
  `${POLITE}in (?:the )?block ["']?([\\w.-]+)["']?,? replace "([^"]*)" (?:with|by) "([^"]*)"`,
  'is',
);
const APPEND = new RegExp(`${POLITE}add "([^"]+)" to (?:the )?block ["']?([\\w.-]+)`, 'is');

/** The call of a memory tool that a message asks for in words; null where it asks for none. */
export function memoryCall(conversation: Conversation, tools: readonly string[]): ToolStep {
  const said = straighten(conversation.said).trim();
  if (said.length > 10_000) return null;
  const may = (name: string): boolean =>
    tools.includes(name) && !conversation.finished.some((call) => call.name === name);
  return (
    blockCall(said, may) ??
    searchCall(said, may) ??
    correctCall(said, conversation, may) ??
    forgetCall(said, conversation, { may, tools })
  );
}

type May = (name: string) => boolean;

function blockCall(said: string, may: May): ToolStep {
  const [, label, old, by] = REPLACE.exec(said) ?? [];
  if (label !== undefined && may('block_replace'))
    return { calls: [{ name: 'block_replace', arguments: { label, old: old ?? '', new: by ?? '' } }] };
  const [, text, to] = APPEND.exec(said) ?? [];
  return text !== undefined && to !== undefined && may('block_append')
    ? { calls: [{ name: 'block_append', arguments: { label: to, text } }] }
    : null;
}

function searchCall(said: string, may: May): ToolStep {
  const query = SEARCH.exec(said)?.[1]?.replace(/[\s.?!]+$/, '');
  return query && may('memory_search') ? { calls: [{ name: 'memory_search', arguments: { query } }] } : null;
}

// "Correct that: my shoe size is 43."
function correctCall(said: string, { memories, earlier }: Conversation, may: May): ToolStep {
  const statement = CORRECT.exec(said)?.[1];
  if (statement === undefined || !may('memory_correct')) return null;
  const [corrected] = toMemories([statement], personName([...earlier, said], []));
  const known = memories.filter(({ kind }) => !isSaid(kind));
  const [line] =
    corrected === undefined ? [] : bestLines(`${corrected.relation.replaceAll('_', ' ')} ${corrected.text}`, known);
  if (line === undefined || corrected === undefined) return { say: 'I remember nothing that this would correct.' };
  const { value, text } = corrected;
  return {
    calls: [
      { name: 'memory_correct', arguments: { memory: line.label, value, text, reason: 'the user corrected it' } },
    ],
  };
}

// What was not recalled is searched for first.
function forgetCall(
  said: string,
  { memories, finished }: Conversation,
  { may, tools }: { may: May; tools: readonly string[] },
): ToolStep {
  const topic = FORGET.exec(said)?.[1]?.replace(/[\s.?!]+$/, '');
  if (topic === undefined || !may('memory_forget')) return null;
  const search = finished.find(({ name }) => name === 'memory_search');
  const offered = search === undefined ? memories : foundLines(search.result);
  const lines = bestLines(
    topic,
    offered.filter(({ kind }) => !isSaid(kind)),
  );
  if (lines.length > 0) {
    const named = lines.map(({ label }) => label);
    return { calls: [{ name: 'memory_forget', arguments: { memories: named, reason: 'the user asked for it' } }] };
  }
  if (search === undefined && tools.includes('memory_search'))
    return { calls: [{ name: 'memory_search', arguments: { query: topic } }] };
  return { say: 'I remember nothing about that.' };
}

function isSaid(kind: string): boolean {
  return kind === 'round' || kind === 'reply';
}

/** What a search gave, as lines with its aliases. */
export function foundLines(result: string): MemoryLine[] {
  const { memories } = toObject(result);
  return (Array.isArray(memories) ? memories : []).flatMap((one) =>
    isRecord(one) &&
    typeof one['alias'] === 'string' &&
    typeof one['kind'] === 'string' &&
    typeof one['text'] === 'string'
      ? [{ label: one['alias'], kind: one['kind'], text: one['text'] }]
      : [],
  );
}
