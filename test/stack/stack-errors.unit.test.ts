import { expect, test } from 'vitest';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import {
  ChildStartFailedError,
  NoFreePortError,
  PostgresStartFailedError,
  PostgresVersionMismatchError,
  ProcessStuckError,
  StackOwnedError,
  TemporalStartFailedError,
} from '../../stack/stack-errors.ts';

test('every error has its own code and is a HoldfastError', () => {
  const cause = new Error('below');
  const errors = [
    new StackOwnedError({ dir: '/p/.holdfast', pid: 7, since: '2026-01-01T00:00:00.000Z', urls: [] }),
    new PostgresStartFailedError('no', { cause }),
    new PostgresVersionMismatchError('/p/data', '15', '18'),
    new TemporalStartFailedError('no', { hint: 'try' }),
    new ChildStartFailedError('no', '/p/worker.log'),
    new ProcessStuckError('worker', 7),
    new NoFreePortError(cause),
  ];
  expect(errors.map((error) => error.code)).toEqual([
    'STACK_OWNED',
    'POSTGRES_START_FAILED',
    'POSTGRES_VERSION_MISMATCH',
    'TEMPORAL_START_FAILED',
    'CHILD_START_FAILED',
    'PROCESS_STUCK',
    'NO_FREE_PORT',
  ]);
  expect(errors.every((error) => error instanceof HoldfastError)).toBe(true);
  expect(errors[1]?.cause).toBe(cause);
  expect(errors[3]?.hint).toBe('try');
});

test('an owned stack is told with process, time and addresses', () => {
  const owner = { dir: '/p/.holdfast', pid: 7, since: '2026-01-01T00:00:00.000Z', urls: ['http://a', 'http://b'] };
  expect(new StackOwnedError(owner).message).toBe(
    'The stack in /p/.holdfast is run by process 7 since 2026-01-01T00:00:00.000Z, at http://a, http://b.',
  );
  expect(new StackOwnedError({ ...owner, urls: [] }).message).toMatch(/000Z\.$/);
});
