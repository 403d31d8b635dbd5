import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Position } from './event.ts';

/** Thrown when options of a consumer make no sense. Nothing was consumed. */
export class InvalidConsumerError extends HoldfastError {
  constructor(what: string, expected: string, given: unknown) {
    super('INVALID_CONSUMER', `${what} is ${String(given)}; expected ${expected}.`);
  }
}

/**
 * Thrown when another process has taken over a log from a consumer that did not renew its lease in time, or when a person has skipped
 * the event it was at. What the handler wrote in this transaction is undone.
 */
export class ConsumerLeaseLostError extends HoldfastError {
  constructor(consumer: string, tenant: string) {
    super('CONSUMER_LEASE_LOST', `Consumer "${consumer}" has lost its lease of tenant "${tenant}".`, {
      hint: 'Handle less at a time (`batchSize`) or raise `leaseMs`, if it happens often.',
      retryable: true,
    });
  }
}

/** Thrown when a decision names an event that is not parked, or was decided before. */
export class ParkedEventNotFoundError extends HoldfastError {
  constructor(consumer: string, tenant: string, position: Position) {
    super(
      'PARKED_EVENT_NOT_FOUND',
      `Consumer "${consumer}" has no parked event at position ${position} of tenant "${tenant}".`,
      { hint: 'See `holdfast consumers` for those that are parked.' },
    );
  }
}
