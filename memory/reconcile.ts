import type { EntityNames } from './entities/names.ts';
import { isAlias, separateNames } from './entities/names.ts';
import type { FactKind, MemoryEvent, MemoryOutcome, Source, Trust } from './events.ts';
import type { Scope } from './scope.ts';
import { canonicalData, familyOf, holdsOne, isTyped, keyOf } from './kinds.ts';
import { oppositeOf, relationKey } from './relations.ts';
import { normaliseContent, normaliseText } from './text.ts';
import { overlaps, placeOnTimeline, toSpan } from './timeline.ts';
import { lessTrusted, mayNotEnd, trustRank } from './trust.ts';

/** A memory somebody (a model, a tool, an extractor) would like to store. Only `reconcile` decides. */
export interface MemoryProposal {
  readonly action: 'assert' | 'confirm' | 'supersede' | 'retract';
  /** Id of the known fact that `confirm`, `supersede` or `retract` is about. A retraction without one is of the same content. */
  readonly target: string | null;
  readonly kind: FactKind;
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  /** The memory as one self-contained sentence. */
  readonly text: string;
  readonly confidence: number;
  /** World time from which it holds; `unknownStart` when nobody said. */
  readonly validFrom: string;
  /** When it had ended, where the words say that it is over. @default it goes on */
  readonly validTo?: string | null;
  /** The user's own words ask for the retraction, whoever proposes it: code has checked that. @default false */
  readonly isAsked?: boolean;
  /** The user's own words of the turn state it: code has checked that. @default false */
  readonly isStated?: boolean;
  /** Trusted no more than this: the least trusted thing it may rest on. @default as the write */
  readonly trust?: Trust;
  /** The value of a kind of its author's own, as its schema gave it. @default the kind is a built-in one */
  readonly data?: unknown;
  /** The fields of it that tell values apart: a newer one with the same ends the older. @default every value stands for itself */
  readonly keyFields?: readonly string[];
  readonly source: Source;
}

/** A fact of the scope: one that holds, or (for single-valued relations) one that held. */
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
  /** When it ended. @default it holds */
  readonly validTo?: string | null;
  /** When it is recalled no more. @default never */
  readonly expiresAt?: string | null;
  /** The value of a kind of its author's own. @default the kind is a built-in one */
  readonly data?: unknown;
  /** What tells values of such a kind apart. @default every value stands for itself */
  readonly key?: string | null;
  /** It was taken back: it says nothing about when others began or ended, only that older words do not bring it back. @default false */
  readonly isTakenBack?: boolean;
}

/** A procedure in its current version, or in the last one of one that has none. */
export interface KnownProcedure {
  readonly procedure: string;
  /** 0 when none stands: the last one was rolled back. */
  readonly version: number;
  /** The highest version there ever was. @default the version */
  readonly latest?: number;
  /** Digests of versions that were rolled back. @default none */
  readonly rolledBack?: readonly {
    readonly version: number;
    readonly contentHash: string;
    /** Who took it back. */
    readonly actor?: string;
  }[];
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
  /** Which names are of one thing: facts about them are about one subject. @default every name stands for itself */
  readonly names?: EntityNames;
  /** When a new fact of a kind is recalled no more. @default never */
  readonly expiresAt?: (kind: FactKind) => string | undefined;
}

/** A proposal with what tells it apart from others of its kind. */
type KeyedProposal = MemoryProposal & { readonly key: string | null };

/** The decision: events to append and what to tell the proposer. */
export interface ReconcileResult {
  readonly events: readonly MemoryEvent[];
  /** One per proposal, in order. */
  readonly outcomes: readonly MemoryOutcome[];
}

/**
 * Decides what proposals mean against what is known: pure, so that it can be tested with a sentence and decided again under
 * the log's version check. Nothing is deleted; superseded facts keep their row and their sources.
 * - The same content (normalised, whatever name of its family the relation has) confirms and gains a source.
 * - Names that were joined are one subject, and one value. A new fact keeps the words it was said with: parted again, each name has its own.
 * - Superseding needs the same subject and relation family (for a kind of its author's own: the same kind and key), and either a
 *   single-valued relation (a kind with a key) or an explicit `supersede`;
 *   otherwise both stand (a verdict about another relation never retires a fact: getzep/graphiti#1728).
 * - A value that began earlier than the next one is born historical; equal starts go to the higher trust, then to an
 *   explicit correction; a tie is disputed and both stand (timeline.ts).
 * - A retraction ends a fact, by its id or by its content. Only the user's own words can.
 * - What an outside tool said ends nothing that somebody better vouches for: it is disputed, and both stand. It teaches no how-to.
 * - A fact with an expiry that is said again is written anew, with the expiry of the later words.
 */
export function reconcile(input: ReconcileInput): ReconcileResult {
  const { scope, proposals, hash, newId, names = separateNames } = input;
  const facts = new Map(input.facts.map((fact) => [fact.fact, fact]));
  const procedures = new Map(input.procedures.map((procedure) => [normaliseText(procedure.goal), procedure]));
  const events: MemoryEvent[] = [];
  const outcomes: MemoryOutcome[] = [];
  const place = scope.fork === undefined ? {} : { fork: scope.fork };

  proposals.forEach((proposal, ordinal) => {
    outcomes.push(
      proposal.kind === 'procedure'
        ? learn(proposal, ordinal)
        : decide({ ...proposal, key: keyOf(proposal.data, proposal.keyFields) }, ordinal),
    );
  });
  return { events, outcomes };

  function learn(proposal: MemoryProposal, ordinal: number): MemoryOutcome {
    if (proposal.action === 'retract' || proposal.action === 'confirm') {
      return rejected(proposal, 'a how-to can be stored or replaced, not taken back or confirmed');
    }
    const text = proposal.text.trim();
    if (text === '') return rejected(proposal, 'empty text');
    const trust = trustOf(proposal);
    if (trust === 'tool_external') return rejected(proposal, 'a how-to is not taken from what an outside tool says');
    const goal = proposal.value.trim() || text;
    const contentHash = procedureHash({ goal, text }, hash);
    const known = procedures.get(normaliseText(goal));
    const bad = known?.rolledBack?.find((one) => one.contentHash === contentHash);
    if (bad) return rejected(proposal, `version ${bad.version} of this how-to said the same and was rolled back`);
    if (known && known.version > 0 && known.contentHash === contentHash) {
      return {
        outcome: 'duplicate',
        id: known.procedure,
        text,
        reason: `the same how-to is known as version ${known.version}`,
      };
    }
    const procedure = {
      procedure: known?.procedure ?? newId(ordinal),
      version: (known?.latest ?? known?.version ?? 0) + 1,
      goal,
      text,
      contentHash,
    };
    procedures.set(normaliseText(goal), { ...procedure, rolledBack: known?.rolledBack ?? [] });
    events.push({
      type: 'ProcedureLearned',
      data: { ...procedure, scope, trust, validFrom: proposal.validFrom, source: proposal.source },
    });
    return known
      ? { outcome: 'superseding', id: known.procedure, text, reason: `version ${procedure.version} of this how-to` }
      : { outcome: 'stored', id: procedure.procedure, text, reason: 'new how-to' };
  }

  function decide(proposal: KeyedProposal, ordinal: number): MemoryOutcome {
    const target = proposal.target === null ? undefined : current(facts.get(proposal.target));
    if (proposal.target !== null && !target)
      return rejected(proposal, `target ${proposal.target} is not a fact that holds in this scope`);
    const contentHash = factHash(proposal, hash);
    const same = [...facts.values()].filter((fact) => fact.contentHash === contentHash || saySame(fact, proposal));
    if (proposal.action === 'retract') {
      const meant = target ?? same.find(current);
      return meant
        ? retract(proposal, meant)
        : rejected(proposal, 'a retraction needs a target, or the content of a fact');
    }
    if (proposal.action === 'confirm')
      return target ? confirm(proposal, target) : rejected(proposal, 'a confirmation needs a target');
    const text = proposal.text.trim();
    if (text === '' || proposal.subject.trim() === '' || proposal.relation.trim() === '') {
      return rejected(proposal, 'text, subject and relation must not be empty');
    }

    const start = Date.parse(proposal.validFrom);
    const over = proposal.validTo == null ? null : Date.parse(proposal.validTo);
    if (Number.isNaN(start)) return rejected(proposal, `"${proposal.validFrom}" is not a time`);
    if (over !== null && !(over >= start))
      return rejected(proposal, `"${proposal.validTo}" is not a time after its start`);
    const known = same.find((fact) => overlaps(toSpan(fact), { start, end: over ?? Infinity }));
    // "I lived there until May" of what is taken to go on: it ended.
    if (known && over !== null && current(known))
      return retract({ ...proposal, validFrom: proposal.validTo ?? '' }, known);
    const trust = trustOf(proposal);
    const renewed =
      known && current(known) && known.expiresAt != null && !mayNotEnd(trust, known.trust) ? known : undefined;
    // Heard from an outside tool so far, and now from somebody better: it is written anew, with that trust.
    const weak = known && current(known) && mayNotEnd(known.trust, trust) ? known : undefined;
    if (known && !renewed && !weak) return confirm(proposal, known);
    if (renewed && !weak) return renew(proposal, renewed, { id: newId(ordinal), contentHash });

    const rivals = findRivals(proposal, target);
    const { validTo, next, ends, ties } = placeOnTimeline({ start, end: over }, rivals);
    const moreTrusted = trustRank(trust) - Math.max(-1, ...ties.map((fact) => trustRank(fact.trust)));
    const tied =
      over === null && ties.length > 0 && moreTrusted <= 0 && !(moreTrusted === 0 && proposal.action === 'supersede');
    const contradicted = tied || over !== null ? ends : [...ties, ...ends];
    const wouldEnd = weak && !contradicted.includes(weak) ? [...contradicted, weak] : contradicted;
    const better = wouldEnd.find((fact) => mayNotEnd(trust, fact.trust));
    const ended = better ? [] : wouldEnd;
    const disputed = better ?? (tied ? ties[0] : undefined);
    const replaced = validTo === null && !disputed ? ended[0] : undefined;
    const id = newId(ordinal);
    assert(id, proposal, contentHash, {
      ...(validTo === null ? {} : { validTo }),
      ...(replaced ? { replaces: replaced.fact } : {}),
      ...(disputed ? { disputedWith: disputed.fact } : {}),
    });
    // All of them: two that were disputed must not leave the other one standing.
    for (const fact of ended) {
      end(fact, proposal.validFrom);
      events.push({
        type: 'FactSuperseded',
        data: { fact: fact.fact, ...place, by: id, validTo: proposal.validFrom, source: proposal.source },
      });
    }
    if (disputed) {
      const reason = better
        ? `contradicts "${disputed.text}", for which somebody vouches better than an outside tool`
        : `contradicts "${disputed.text}" from the same time with the same trust`;
      return { outcome: 'disputed', id, text, reason };
    }
    if (next) return { outcome: 'historical', id, text, reason: `had ended when "${next.text}" began` };
    if (validTo !== null) return { outcome: 'historical', id, text, reason: 'is over, as it was said' };
    return replaced
      ? { outcome: 'superseding', id, text, reason: `replaces "${replaced.text}"` }
      : { outcome: 'stored', id, text, reason: 'new' };
  }

  function renew(
    proposal: KeyedProposal,
    known: KnownFact,
    { id, contentHash }: { readonly id: string; readonly contentHash: string },
  ): MemoryOutcome {
    // It has held since the earlier words; from when these were said on, the new row says so.
    const since = proposal.validFrom > known.validFrom ? proposal.validFrom : known.validFrom;
    assert(id, { ...proposal, validFrom: known.validFrom }, contentHash, { replaces: known.fact });
    end(known, since);
    events.push({
      type: 'FactSuperseded',
      data: { fact: known.fact, ...place, by: id, validTo: since, source: proposal.source },
    });
    return { outcome: 'superseding', id, text: proposal.text.trim(), reason: 'said again: it is recalled for longer' };
  }

  function trustOf(proposal: MemoryProposal): Trust {
    return proposal.trust === undefined ? input.trust : lessTrusted(input.trust, proposal.trust);
  }

  /** The facts that cannot hold together with the proposal. */
  function findRivals(proposal: KeyedProposal, target: KnownFact | undefined): readonly KnownFact[] {
    const family = [...facts.values()].filter(
      (fact) => fact.isTakenBack !== true && familyOf(fact, names) === familyOf(proposal, names),
    );
    // One that is named is meant, whatever tells it apart.
    const isMeant = proposal.action === 'supersede' && target && isTyped(target) && target.kind === proposal.kind;
    if (holdsOne(proposal)) return isMeant ? [...new Set([...family, target])] : family;
    const opposite = isTyped(proposal) ? null : oppositeOf(proposal.relation);
    const contrary =
      opposite === null
        ? []
        : [...facts.values()].filter(
            (fact) =>
              familyOf({ ...proposal, relation: opposite }, names) === familyOf(fact, names) &&
              valueOf(fact) === valueOf(proposal),
          );
    if (proposal.action !== 'supersede') return contrary;
    const standing = family.filter(current);
    if (target) return [...contrary, ...standing.filter((fact) => fact === target)];
    // Which of many values is meant cannot be told without a target.
    return standing.length === 1 ? [...contrary, ...standing] : contrary;
  }

  /** The same content under joined names; without them digests tell. */
  function saySame(a: KnownFact, b: KeyedProposal): boolean {
    if (names.groups.length === 0 || isAlias(a.relation)) return false;
    if (familyOf(a, names) !== familyOf(b, names)) return false;
    if (isTyped(a)) return canonicalData(a.data) === canonicalData(b.data);
    return (valueOf(a) || normaliseContent(a.text)) === (valueOf(b) || normaliseContent(b.text));
  }

  function valueOf({ value }: { readonly value: string }): string {
    return names.groupOf(value)?.key ?? normaliseContent(value);
  }

  function end(fact: KnownFact, validTo: string): void {
    facts.set(fact.fact, { ...fact, validTo });
  }

  function assert(
    fact: string,
    proposal: KeyedProposal,
    contentHash: string,
    links: { readonly validTo?: string; readonly replaces?: string; readonly disputedWith?: string },
  ): void {
    const { kind, subject, relation, value, validFrom, source, data, key } = proposal;
    const trust = trustOf(proposal);
    const text = proposal.text.trim();
    const expiresAt = input.expiresAt?.(kind);
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
        ...(expiresAt === undefined ? {} : { expiresAt }),
        ...(isTyped(proposal) ? { data, ...(key === null ? {} : { key }) } : {}),
        source,
      },
    });
    const validTo = links.validTo ?? null;
    facts.set(fact, {
      ...{ fact, kind, subject, relation, value, text, contentHash, trust, validFrom, validTo, data, key },
      expiresAt: expiresAt ?? null,
    });
  }

  function confirm(proposal: MemoryProposal, known: KnownFact): MemoryOutcome {
    events.push({ type: 'FactConfirmed', data: { fact: known.fact, ...place, source: proposal.source } });
    const reason = known.validTo == null ? 'known already' : `known already, and over since ${known.validTo}`;
    return { outcome: 'duplicate', id: known.fact, text: known.text, reason: `${reason}; this source was added` };
  }

  function retract(proposal: MemoryProposal, known: KnownFact): MemoryOutcome {
    // Only the user's own words may take a fact back; a model's guess may not.
    if (trustOf(proposal) !== 'direct_user' && proposal.isAsked !== true)
      return rejected(proposal, 'only the user can take a fact back');
    // It cannot have ended before it began.
    const validTo = Date.parse(proposal.validFrom) < Date.parse(known.validFrom) ? known.validFrom : proposal.validFrom;
    events.push({
      type: 'FactRetracted',
      data: { fact: known.fact, ...place, validTo, reason: proposal.text, source: proposal.source },
    });
    facts.delete(known.fact);
    return { outcome: 'retracted', id: known.fact, text: known.text, reason: 'taken back by the user' };
  }
}

/** Digest of what a how-to says: two of the same goal and text are one version. */
export function procedureHash(
  { goal, text }: { readonly goal: string; readonly text: string },
  hash: (text: string) => string,
): string {
  return hash(`procedure|${normaliseText(goal)}|${normaliseContent(text)}`);
}

/** Digest of what a fact says, equal for different spellings of the same content. */
export function factHash(
  fact: Pick<MemoryProposal, 'subject' | 'relation' | 'value' | 'text' | 'data'> & { readonly kind?: FactKind },
  hash: (text: string) => string,
): string {
  if (isTyped(fact)) return hash(`own|${fact.kind}|${normaliseText(fact.subject)}|${canonicalData(fact.data)}`);
  const value = normaliseContent(fact.value) || normaliseContent(fact.text);
  return hash(`fact|${normaliseText(fact.subject)}|${relationKey(fact.relation)}|${value}`);
}

function current<Fact extends KnownFact>(fact: Fact | undefined): Fact | undefined {
  return fact?.validTo == null ? fact : undefined;
}

function rejected(proposal: MemoryProposal, reason: string): MemoryOutcome {
  return { outcome: 'rejected', id: null, text: proposal.text, reason };
}
