import type { Event } from './event-shape.ts';
import type { FactKind, MemoryOutcome, Source, Trust } from './events.ts';
import type { Scope } from './scope.ts';

/** What a policy of writes holds back: memories that wait for a person, and what was decided about them. */

/** A memory that an agent would like to write, and that waits for a person. Nothing of it is remembered yet. */
export type MemoryProposed = Event<
  'MemoryProposed',
  {
    proposal: string;
    scope: Scope;
    /** The agent whose policy has it wait. */
    agent: string;
    action: 'assert' | 'confirm' | 'supersede' | 'retract';
    target: string | null;
    kind: FactKind;
    subject: string;
    relation: string;
    value: string;
    text: string;
    contentHash: string;
    confidence: number;
    trust: Trust;
    validFrom: string;
    validTo: string | null;
    /** The user's own words ask for the retraction. */
    isAsked: boolean;
    /** When it is recalled no more once it is written. @default never */
    expiresAt?: string;
    /** The value of a kind of its author's own. @default the kind is a built-in one */
    data?: unknown;
    /** The fields of it that tell values apart. @default every value stands for itself */
    keyFields?: readonly string[];
    source: Source;
  }
>;

/** What a person decided about such a memory. An approved one was decided against what was known then, by the same command. */
export type ProposalDecided = Event<
  'ProposalDecided',
  {
    proposal: string;
    scope: Scope;
    decision: 'approve' | 'reject';
    actor: string;
    reason: string;
    /** What became of an approved one; null for one that was not. */
    outcome: MemoryOutcome | null;
  }
>;

/** Every event of the policies of writes. */
export type WriteEvent = MemoryProposed | ProposalDecided;
