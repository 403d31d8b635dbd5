import type { MemoryEvent } from './events.ts';

/** What stands where a person's words stood. */
export const forgottenText = '[forgotten]';

type Tombstone = string | null | Readonly<Record<string, never>>;
type PersonalFields = { readonly [Type in MemoryEvent['type']]?: Readonly<Record<string, Tombstone>> };

const factTexts = {
  subject: forgottenText,
  relation: forgottenText,
  value: forgottenText,
  text: forgottenText,
  data: null,
  // Empty: no content is ever the same as that of a forgotten fact.
  contentHash: '',
} as const;

/**
 * What of each event is personal, and what stands there once its subject is forgotten: every text that a user, a model, a tool or a memory
 * brought in, and every digest of one, because short texts can be guessed against a digest. Names stay: ids of users, threads, turns,
 * calls, tools and blocks, who decided, and texts of our own. Keys of views are made of those only.
 */
export const personalFields = {
  TurnRequested: { message: forgottenText },
  MessageSteered: { message: forgottenText },
  StepCompleted: {
    text: forgottenText,
    // A call without its arguments still pairs with its result: later prompts of the thread stay in order.
    'toolCalls.*.arguments': '{}',
    'prompt.hash': forgottenText,
    'prompt.parts.*.text': forgottenText,
    'retrieval.query': forgottenText,
  },
  StepRerun: {
    'changes.message': forgottenText,
    'prompt.hash': forgottenText,
    text: forgottenText,
    'toolCalls.*.arguments': '{}',
  },
  ToolCompleted: { arguments: null, result: forgottenText },
  ScheduleDefined: { message: forgottenText },
  ApprovalRequested: { arguments: {}, argumentsHash: forgottenText, reason: forgottenText },
  ApprovalDecided: { arguments: null, message: forgottenText, reason: forgottenText },
  // What a person says about cancelling it. The texts of our own come without a subject.
  TurnAborted: { reason: forgottenText },
  RoundRecorded: { 'message.text': forgottenText, 'reply.text': forgottenText },
  FactAsserted: { ...factTexts, key: forgottenText, 'source.quote': forgottenText },
  FactConfirmed: { 'source.quote': forgottenText },
  FactSuperseded: { 'source.quote': forgottenText },
  FactRetracted: { reason: forgottenText, 'source.quote': forgottenText },
  ProcedureLearned: {
    ...{ goal: forgottenText, text: forgottenText, contentHash: '' },
    ...{ 'source.quote': forgottenText, 'sources.*.quote': forgottenText },
  },
  ProcedureRolledBack: {
    'restored.goal': forgottenText,
    'restored.text': forgottenText,
    'restored.contentHash': '',
    'restored.source.quote': forgottenText,
    reason: forgottenText,
  },
  FactRetired: { 'sources.*.quote': forgottenText },
  FactRestored: { ...factTexts, key: forgottenText },
  ObservationDerived: { text: forgottenText, contentHash: '', 'sources.*.quote': forgottenText },
  ProcedureConfirmed: { 'sources.*.quote': forgottenText },
  SessionSummarised: { title: forgottenText, summary: forgottenText },
  DocumentStored: { source: forgottenText, title: forgottenText, contentHash: '' },
  DocumentChunkStored: { source: forgottenText, text: forgottenText, section: forgottenText },
  DocumentChunksMoved: { source: forgottenText, 'chunks.*.section': forgottenText, 'chunks.*.contentHash': '' },
  EntitiesMerged: { into: forgottenText, 'names.*.name': forgottenText, reason: forgottenText },
  EntitiesSplit: { reason: forgottenText },
  BlockEdited: { description: forgottenText, value: forgottenText, reason: forgottenText },
  ContextCompacted: { summary: forgottenText },
  MemoryProposed: { ...factTexts, 'source.quote': forgottenText },
  ProposalDecided: { reason: forgottenText, 'outcome.text': forgottenText, 'outcome.reason': forgottenText },
  ExtractionCompleted: { 'outcomes.*.text': forgottenText, 'outcomes.*.reason': forgottenText },
} as const satisfies PersonalFields;
