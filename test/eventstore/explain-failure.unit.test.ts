import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { explainFailure, isConnectionFailure } from '../../eventstore/explain-failure.ts';

/** What the driver throws for an error the server reports. */
function reported(code: string, message = 'said the server'): pg.DatabaseError {
  const error = new pg.DatabaseError(message, 1, 'error');
  error.code = code;
  return error;
}

describe('explainFailure', () => {
  test.each([
    ['53100', 'STORAGE_FULL', /Free space/],
    ['53000', 'STORE_OVERLOADED', /memory/],
    ['53200', 'STORE_OVERLOADED', /memory/],
    ['53400', 'STORE_OVERLOADED', /memory/],
    ['57014', 'STATEMENT_TIMEOUT', /pg_stat_activity/],
    ['25P04', 'STATEMENT_TIMEOUT', /transaction_timeout/],
    ['55P03', 'STATEMENT_TIMEOUT', /lock/],
    ['25006', 'STORE_READ_ONLY', /primary/],
    ['28000', 'STORE_REFUSED', /pg_hba/],
    ['28P01', 'STORE_REFUSED', /password/],
    ['3D000', 'STORE_REFUSED', /Create the database/],
    ['42501', 'STORE_REFUSED', /grant holdfast_app/],
    ['3F000', 'SCHEMA_DRIFT', /holdfast migrate/],
    ['42P01', 'SCHEMA_DRIFT', /holdfast migrate/],
    ['42703', 'SCHEMA_DRIFT', /holdfast migrate/],
    ['42883', 'SCHEMA_DRIFT', /holdfast migrate/],
  ])('%s is %s, with a next step, the cause and what the server said', (sqlState, code, hint) => {
    const cause = reported(sqlState);
    const error = explainFailure(cause);
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toMatchObject({
      code,
      cause,
      retryable: true,
      message: expect.stringContaining('said the server') as string,
      hint: expect.stringMatching(hint) as string,
    });
  });

  test.each([
    ['a full quota', 'could not extend file "base/5/16401": Disk quota exceeded'],
    ['a limit of file size', 'could not extend file "base/5/16401": File too large'],
  ])('%s, for which PostgreSQL has no state of its own, is STORAGE_FULL too', (_name, message) => {
    expect(explainFailure(reported('XX000', message))).toMatchObject({ code: 'STORAGE_FULL' });
  });

  test('a role that the server does not know is drift, another bad parameter is not', () => {
    expect(explainFailure(reported('22023', 'role "holdfast_app" does not exist'))).toMatchObject({
      code: 'SCHEMA_DRIFT',
    });
    const other = reported('22023', 'invalid value for parameter');
    expect(explainFailure(other)).toBe(other);
  });

  test('a broken connection is STORE_UNAVAILABLE after one attempt', () => {
    const cause = new Error('Connection terminated unexpectedly');
    expect(explainFailure(cause)).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true, cause });
  });

  test.each([
    ['a division by zero', reported('22012')],
    ['an error of ours', new HoldfastError('X', 'x')],
    ['an error without code', new Error('x')],
    ['no error at all', 'x'],
    ['nothing', undefined],
  ])('%s comes back as it came', (_name, thrown) => {
    expect(explainFailure(thrown)).toBe(thrown);
  });
});

describe('isConnectionFailure', () => {
  test.each([
    ...['08000', '08006', '57P01', '57P02', '57P03', '57P05', '53300', '25P03', '40001', '40P01'],
    ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
  ])('%s may be over soon', (code) => {
    expect(isConnectionFailure(reported(code))).toBe(true);
  });

  test.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Client has encountered a connection error and is not queryable',
    'Query read timeout',
    'timeout exceeded when trying to connect',
  ])('%s', (message) => {
    expect(isConnectionFailure(new Error(message))).toBe(true);
  });

  test('an error of ours that quotes one has been tried enough', () => {
    expect(isConnectionFailure(explainFailure(new Error('Connection terminated unexpectedly')))).toBe(false);
  });

  test.each(['53100', '57014', '28P01', '22012', '23505', '0800', 'X08006'])(
    '%s will not go away by itself',
    (code) => {
      expect(isConnectionFailure(reported(code))).toBe(false);
    },
  );
});
