import type { FactKind, MemoryEvent, MemoryOutcome, Source, Trust } from './events.ts';
import type { Scope } from './scope.ts';
import { normaliseContent, normaliseText } from './text.ts';

/** A memory somebody (a model, a tool, an extractor) would like to store. Only `reconcile` decides. */
export interface MemoryProposal {
  readonly action: 'assert' | 'confirm' | 'supersede' | 'retract';
  /** Id of the known fact that `confirm`, `supersede` or `retract` is about. */
  readonly target: string | null;
  readonly kind: FactKind | 'procedure';
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  /** The memory as one self-contained sentence. */
  readonly text: string;
  readonly confidence: number;
  /** World time from which it holds. */
  readonly validFrom: string;
  readonly source: Source;
}

/** A fact that holds now in the scope. */
export interface KnownFact {
  readonly fact: string;
  readonly kind: FactKind;
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  readonly text: string;
  readonly contentHash: string;
  readonly trust: Trust;
  readonly validFrom: string;
}

/** A procedure in its current version. */
export interface KnownProcedure {
  readonly procedure: string;
  readonly version: number;
  readonly goal: string;
  readonly text: string;
  readonly contentHash: string;
}

export interface ReconcileInput {
  readonly scope: Scope;
  readonly trust: Trust;
  readonly facts: readonly KnownFact[];
  readonly procedures: readonly KnownProcedure[];
  readonly proposals: readonly MemoryProposal[];
  /** Digest of a text; passed in because this room does no I/O and imports nothing. */
  readonly hash: (text: string) => string;
  /** Gives the id of the n-th item of this write, from 0: built from logical keys. */
  readonly newId: (ordinal: number) => string;
}

/** The decision: events to append and what to tell the proposer. */
export interface ReconcileResult {
  readonly events: readonly MemoryEvent[];
  /** One per proposal, in order. */
  readonly outcomes: readonly MemoryOutcome[];
}

/** Relations of which a subject has one value at a time: a newer value ends the older one without being told to. */
const singleValued = new Set([
  'name',
  'lives_in',
  'works_at',
  'works_for',
  'employer',
  'job',
  'age',
  'birthday',
  'email',
  'phone',
  'address',
  'prefers_contact',
  'contact_channel',
  'diet',
  'language',
  'timezone',
  'nationality',
]);
/** Families of them: a shoe size, a favourite colour. Names of pets and people are not: there may be several. */
const singleValuedFamily = /_size$|^favou?rite_/;

const trustOrder: readonly Trust[] = ['tool_external', 'model_inference', 'tool_internal', 'direct_user'];

/**
 * Decides what proposals mean against what is known: pure, so that it can be tested with a sentence and decided again under
 * the log's version check. Nothing is deleted; superseded facts keep their row and their sources.
 * - The same content (normalised) confirms and gains a source.
 * - Superseding needs the same subject and relation, and either a single-valued relation or an explicit `supersede`;
 *   otherwise both stand (a verdict about another relation never retires a fact: getzep/graphiti#1728).
 * - A fact that began earlier than the one that holds is born historical; equal starts go to the higher trust, then to an
 *   explicit correction; a tie is disputed and both stand.
 */
export function reconcile(input: ReconcileInput): ReconcileResult {
  const { scope, trust, proposals, hash, newId } = input;
  const facts = new Map(input.facts.map((fact) => [fact.fact, fact]));
  const procedures = new Map(input.procedures.map((procedure) => [normaliseText(procedure.goal), procedure]));
  const events: MemoryEvent[] = [];
  const outcomes: MemoryOutcome[] = [];
  const place = scope.fork === undefined ? {} : { fork: scope.fork };

  proposals.forEach((proposal, ordinal) => {
    outcomes.push(
      proposal.kind === 'procedure' ? learn(proposal, ordinal) : decide({ ...proposal, kind: proposal.kind }, ordinal),
    );
  });
  return { events, outcomes };

  function learn(proposal: MemoryProposal, ordinal: number): MemoryOutcome {
    if (proposal.action === 'retract' || proposal.action === 'confirm') {
      return rejected(proposal, 'a how-to can be stored or replaced, not taken back or confirmed');
    }
    const text = proposal.text.trim();
    if (text === '') return rejected(proposal, 'empty text');
    const goal = proposal.value.trim() || text;
    const contentHash = hash(`procedure|${normaliseText(goal)}|${normaliseContent(text)}`);
    const known = procedures.get(normaliseText(goal));
    if (known?.contentHash === contentHash) {
      return {
        outcome: 'duplicate',
        id: known.procedure,
        text,
        reason: `the same how-to is known as version ${known.version}`,
      };
    }
    const procedure = {
      procedure: known?.procedure ?? newId(ordinal),
      version: (known?.version ?? 0) + 1,
      goal,
      text,
      contentHash,
    };
    procedures.set(normaliseText(goal), procedure);
    events.push({
      type: 'ProcedureLearned',
      data: { ...procedure, scope, trust, validFrom: proposal.validFrom, source: proposal.source },
    });
    return known
      ? { outcome: 'superseding', id: known.procedure, text, reason: `version ${procedure.version} of this how-to` }
      : { outcome: 'stored', id: procedure.procedure, text, reason: 'new how-to' };
  }

  function decide(proposal: MemoryProposal & { readonly kind: FactKind }, ordinal: number): MemoryOutcome {
    const target = proposal.target === null ? undefined : facts.get(proposal.target);
    if (proposal.target !== null && !target)
      return rejected(proposal, `target ${proposal.target} is not a fact that holds in this scope`);
    if (proposal.action === 'retract')
      return target ? retract(proposal, target) : rejected(proposal, 'a retraction needs a target');
    if (proposal.action === 'confirm')
      return target ? confirm(proposal, target) : rejected(proposal, 'a confirmation needs a target');
    const text = proposal.text.trim();
    if (text === '' || proposal.subject.trim() === '' || proposal.relation.trim() === '') {
      return rejected(proposal, 'text, subject and relation must not be empty');
    }
    const contentHash = factHash(proposal, hash);
    const same = [...facts.values()].find((fact) => fact.contentHash === contentHash);
    if (same) return confirm(proposal, same);

    const start = Date.parse(proposal.validFrom);
    if (Number.isNaN(start)) return rejected(proposal, `"${proposal.validFrom}" is not a time`);
    const rivals = findRivals(proposal, target);
    const rival = rivals[0];
    const id = newId(ordinal);
    if (!rival) {
      assert(id, proposal, contentHash, {});
      return { outcome: 'stored', id, text, reason: 'new' };
    }
    // Times are compared as times: the same instant has many spellings.
    const rivalStart = Date.parse(rival.validFrom);
    if (start < rivalStart) {
      const next = rivals.findLast(({ validFrom }) => Date.parse(validFrom) > start) ?? rival;
      assert(id, proposal, contentHash, { validTo: next.validFrom });
      return { outcome: 'historical', id, text, reason: `had ended when "${next.text}" began` };
    }
    const equals = rivals.filter(({ validFrom }) => Date.parse(validFrom) === rivalStart);
    const moreTrusted = trustOrder.indexOf(trust) - Math.max(...equals.map((fact) => trustOrder.indexOf(fact.trust)));
    if (start > rivalStart || moreTrusted > 0 || (moreTrusted === 0 && proposal.action === 'supersede')) {
      assert(id, proposal, contentHash, { replaces: rival.fact });
      // All of them: two that were disputed must not leave the other one standing.
      for (const { fact } of rivals) {
        events.push({
          type: 'FactSuperseded',
          data: { fact, ...place, by: id, validTo: proposal.validFrom, source: proposal.source },
        });
        facts.delete(fact);
      }
      return { outcome: 'superseding', id, text, reason: `replaces "${rival.text}"` };
    }
    assert(id, proposal, contentHash, { disputedWith: rival.fact });
    return {
      outcome: 'disputed',
      id,
      text,
      reason: `contradicts "${rival.text}" from the same time with the same trust`,
    };
  }

  /** The facts that hold now and cannot hold together with the proposal, the one that began last first. */
  function findRivals(proposal: MemoryProposal, target: KnownFact | undefined): readonly KnownFact[] {
    const family = [...facts.values()].filter((fact) => sameFamily(proposal, fact));
    const relation = relationKey(proposal.relation);
    if (singleValued.has(relation) || singleValuedFamily.test(relation)) {
      return family.sort((a, b) => Date.parse(b.validFrom) - Date.parse(a.validFrom));
    }
    if (proposal.action !== 'supersede') return [];
    if (target) return family.filter((fact) => fact === target);
    // Which of many values is meant cannot be told without a target.
    return family.length === 1 ? family : [];
  }

  function assert(
    fact: string,
    proposal: MemoryProposal & { readonly kind: FactKind },
    contentHash: string,
    links: { readonly validTo?: string; readonly replaces?: string; readonly disputedWith?: string },
  ): void {
    const { kind, subject, relation, value, validFrom, source } = proposal;
    const text = proposal.text.trim();
    events.push({
      type: 'FactAsserted',
      data: {
        fact,
        scope,
        kind,
        subject,
        relation,
        value,
        text,
        contentHash,
        confidence: Math.min(1, Math.max(0, proposal.confidence)),
        trust,
        validFrom,
        validTo: links.validTo ?? null,
        replaces: links.replaces ?? null,
        disputedWith: links.disputedWith ?? null,
        source,
      },
    });
    if (links.validTo === undefined)
      facts.set(fact, { fact, kind, subject, relation, value, text, contentHash, trust, validFrom });
  }

  function confirm(proposal: MemoryProposal, known: KnownFact): MemoryOutcome {
    events.push({ type: 'FactConfirmed', data: { fact: known.fact, ...place, source: proposal.source } });
    return { outcome: 'duplicate', id: known.fact, text: known.text, reason: 'known already; this source was added' };
  }

  function retract(proposal: MemoryProposal, known: KnownFact): MemoryOutcome {
    // Only the user's own words may take a fact back; a model's guess may not.
    if (trust !== 'direct_user') return rejected(proposal, 'only the user can take a fact back');
    events.push({
      type: 'FactRetracted',
      data: { fact: known.fact, ...place, validTo: proposal.validFrom, reason: proposal.text, source: proposal.source },
    });
    facts.delete(known.fact);
    return { outcome: 'retracted', id: known.fact, text: known.text, reason: 'taken back by the user' };
  }
}

/** Digest of what a fact says, equal for different spellings of the same content. */
export function factHash(
  fact: { readonly subject: string; readonly relation: string; readonly value: string; readonly text: string },
  hash: (text: string) => string,
): string {
  const value = normaliseContent(fact.value) || normaliseContent(fact.text);
  return hash(`fact|${normaliseText(fact.subject)}|${relationKey(fact.relation)}|${value}`);
}

function sameFamily(a: { subject: string; relation: string }, b: { subject: string; relation: string }): boolean {
  return normaliseText(a.subject) === normaliseText(b.subject) && relationKey(a.relation) === relationKey(b.relation);
}

function relationKey(relation: string): string {
  return normaliseText(relation).replaceAll(' ', '_');
}

function rejected(proposal: MemoryProposal, reason: string): MemoryOutcome {
  return { outcome: 'rejected', id: null, text: proposal.text, reason };
}
