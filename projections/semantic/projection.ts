import { close, ensure, open, replace } from '../../eventstore/index.ts';
import type { Operation, Projection } from '../../eventstore/index.ts';
import type { FactRestored } from '../../memory/care-events.ts';
import type { FactAsserted, MemoryEvent, Source } from '../../memory/events.ts';
import { scopeColumns } from '../scope-columns.ts';
import { factEndView, factSourceView, factView } from './views.ts';

/** Typed facts with their sources, bitemporal: positions say when it was known, valid_from and valid_to when it held. */
export const semanticProjection: Projection<MemoryEvent> = {
  name: 'semantic',
  version: 2,
  views: [factView, factEndView, factSourceView],
  project({ type, data }) {
    switch (type) {
      case 'FactAsserted':
        return [...open(factView, factRow(data, data.validTo)), ...sourceRow(data.fact, data.scope.fork, data.source)];
      case 'FactConfirmed':
        return sourceRow(data.fact, data.fork, data.source);
      case 'FactSuperseded':
        return [
          ...close(factView, { fact: data.fact, fork: data.fork ?? '' }),
          // Again when a value between the two is learnt of later.
          ...replace(factEndView, {
            fact: data.fact,
            fork: data.fork ?? '',
            valid_to: new Date(data.validTo),
            replaced_by: data.by,
            reason: 'superseded',
          }),
        ];
      case 'FactRetracted':
        return [
          ...close(factView, { fact: data.fact, fork: data.fork ?? '' }),
          ...replace(factEndView, {
            fact: data.fact,
            fork: data.fork ?? '',
            valid_to: new Date(data.validTo),
            replaced_by: null,
            reason: data.reason,
          }),
        ];
      case 'FactRetired':
        return [
          ...close(factView, { fact: data.fact, fork: '' }),
          ...replace(factEndView, {
            fact: data.fact,
            fork: '',
            valid_to: new Date(data.validTo),
            replaced_by: data.into,
            reason: data.why,
          }),
          ...data.sources.flatMap((source) => (data.into === null ? [] : sourceRow(data.into, '', source))),
        ];
      case 'FactRestored':
        return [
          ...close(factEndView, { fact: data.fact, fork: '' }),
          ...open(factView, factRow(data, null)),
          ...(data.from === null ? [] : lentBack(data.from.into, data.from.turns)),
        ];
      case 'ObservationDerived':
        return [
          ...open(factView, {
            fact: data.observation,
            ...scopeColumns(data.scope),
            kind: 'observation',
            subject: 'user',
            relation: 'observation',
            value: '',
            content: data.text,
            content_hash: data.contentHash,
            confidence: data.confidence,
            trust: data.trust,
            valid_from: new Date(data.validFrom),
            valid_to: null,
            replaces: null,
            disputed_with: null,
            expires_at: null,
            data: null,
            data_key: null,
          }),
          ...data.sources.flatMap((source) => sourceRow(data.observation, '', source)),
        ];
      default:
        return [];
    }
  },
};

/** The row of a fact that is told in full. */
function factRow(data: FactAsserted['data'] | FactRestored['data'], validTo: string | null) {
  return {
    fact: data.fact,
    ...scopeColumns(data.scope),
    kind: data.kind,
    subject: data.subject,
    relation: data.relation,
    value: data.value,
    content: data.text,
    content_hash: data.contentHash,
    confidence: data.confidence,
    trust: data.trust,
    valid_from: new Date(data.validFrom),
    valid_to: validTo === null ? null : new Date(validTo),
    replaces: data.replaces,
    disputed_with: data.disputedWith,
    expires_at: data.expiresAt == null ? null : new Date(data.expiresAt),
    data: data.data ?? null,
    data_key: data.key ?? null,
  };
}

function sourceRow(fact: string, fork = '', { turn, thread, branch, quote }: Source): Operation[] {
  return ensure(factSourceView, { fact, fork, turn, thread, branch, quote });
}

/** The sources that a fact had from another one that holds again. */
function lentBack(fact: string, turns: readonly string[]): Operation[] {
  return turns.flatMap((turn) => close(factSourceView, { fact, turn }));
}
