import { describe, expect, test } from 'vitest';
import { loadConfig, usesDemoModel } from '../../config/config.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';

test('hours of consolidation are whole, 0 is off, and anything else is refused by name', () => {
  expect(loadConfig({ HOLDFAST_CONSOLIDATE_HOURS: '0' }).consolidateHours).toBe(0);
  for (const given of ['-1', '1.5', 'often', '9000'])
    expect(() => loadConfig({ HOLDFAST_CONSOLIDATE_HOURS: given })).toThrow('HOLDFAST_CONSOLIDATE_HOURS');
});

test('the size from which pgvector is used is a whole number or "off"', () => {
  expect(loadConfig({}).pgvectorFrom).toBe(150_000);
  expect(loadConfig({ HOLDFAST_PGVECTOR_FROM: 'off' }).pgvectorFrom).toBeNull();
  expect(loadConfig({ HOLDFAST_PGVECTOR_FROM: '20000' }).pgvectorFrom).toBe(20_000);
  for (const given of ['0', '-1', '1.5', 'on', '9999999999'])
    expect(() => loadConfig({ HOLDFAST_PGVECTOR_FROM: given })).toThrow(
      'HOLDFAST_PGVECTOR_FROM must be "off" or a whole',
    );
});

describe('with an empty environment', () => {
  test('every setting has its default', () => {
    expect(loadConfig({}, '/project')).toMatchObject({
      stateDir: '/project/.holdfast',
      configFile: '/project/holdfast.config.ts',
      tenant: 'default',
      user: 'me',
      databaseUrl: null,
      adminDatabaseUrl: null,
      temporal: { address: null, namespace: 'default', apiKey: null, taskQueue: 'holdfast' },
      model: { baseUrl: null, apiKey: null, name: null, timeoutMs: 120_000 },
      embedder: { kind: 'hash', model: 'text-embedding-3-small' },
      heartbeatMs: 5_000,
      consolidateHours: 24,
      failpoint: null,
    });
  });

  test('turns go to the demo model, until a base URL or a key is set', () => {
    expect(usesDemoModel(loadConfig({}))).toBe(true);
    expect(usesDemoModel(loadConfig({ OPENAI_API_KEY: 'k' }))).toBe(false);
    expect(usesDemoModel(loadConfig({ HOLDFAST_LLM_BASE_URL: 'http://localhost:1' }))).toBe(false);
  });

  test('an empty variable counts as not set', () => {
    const empty = { HOLDFAST_TENANT: '', DATABASE_URL: '', HOLDFAST_HEARTBEAT_MS: '', HOLDFAST_EMBEDDER: '' };
    expect(loadConfig(empty, '/project')).toEqual(loadConfig({}, '/project'));
  });
});

describe('a variable', () => {
  test.each([
    ['HOLDFAST_DATABASE_URL', 'postgres://a/b', { databaseUrl: 'postgres://a/b', adminDatabaseUrl: 'postgres://a/b' }],
    ['DATABASE_URL', 'postgresql://a/b', { databaseUrl: 'postgresql://a/b' }],
    ['HOLDFAST_ADMIN_DATABASE_URL', 'postgres://x/y', { databaseUrl: null, adminDatabaseUrl: 'postgres://x/y' }],
    ['HOLDFAST_DIR', 'state', { stateDir: '/project/state' }],
    ['HOLDFAST_CONFIG', '/etc/agents.ts', { configFile: '/etc/agents.ts' }],
    ['HOLDFAST_TENANT', 'acme', { tenant: 'acme' }],
    ['USER', 'ana', { user: 'ana' }],
    ['TEMPORAL_ADDRESS', 'host:1', { temporal: { address: 'host:1' } }],
    ['HOLDFAST_TASK_QUEUE', 'q', { temporal: { taskQueue: 'q' } }],
    ['HOLDFAST_MODEL_TIMEOUT_MS', '100', { model: { timeoutMs: 100 } }],
    ['HOLDFAST_HEARTBEAT_MS', '3600000', { heartbeatMs: 3_600_000 }],
    ['HOLDFAST_EMBEDDER', 'openai', { embedder: { kind: 'openai' } }],
  ])('%s=%s is read', (name, value, expected) => {
    expect(loadConfig({ [name]: value }, '/project')).toMatchObject(expected);
  });

  test.each([
    ['HOLDFAST_DATABASE_URL', 'DATABASE_URL', 'postgres://own', 'postgres://other', (c: Loaded) => c.databaseUrl],
    ['HOLDFAST_TEMPORAL_ADDRESS', 'TEMPORAL_ADDRESS', 'own:1', 'other:1', (c: Loaded) => c.temporal.address],
    ['HOLDFAST_LLM_API_KEY', 'OPENAI_API_KEY', 'own', 'other', (c: Loaded) => c.model.apiKey],
    ['HOLDFAST_LLM_BASE_URL', 'OPENAI_BASE_URL', 'own', 'other', (c: Loaded) => c.model.baseUrl],
  ])('%s goes before %s', (own, other, value, ignored, read) => {
    expect(read(loadConfig({ [other]: ignored, [own]: value }))).toBe(value);
  });
});

type Loaded = ReturnType<typeof loadConfig>;

describe('an invalid value is refused in words that name variable, expectation and value', () => {
  test.each([
    ['HOLDFAST_MODEL_TIMEOUT_MS', 'soon', 'a whole number of milliseconds from 100 to 3600000', 'soon'],
    ['HOLDFAST_MODEL_TIMEOUT_MS', '99', 'from 100 to 3600000', '99'],
    ['HOLDFAST_HEARTBEAT_MS', '3600001', 'from 100 to 3600000', '3600001'],
    ['HOLDFAST_HEARTBEAT_MS', '1.5', 'a whole number', '1.5'],
    ['HOLDFAST_HEARTBEAT_MS', '-1', 'from 100', '-1'],
    ['HOLDFAST_EMBEDDER', 'word2vec', '"hash" or "openai"', 'word2vec'],
    ['DATABASE_URL', 'mysql://a/b', 'a URL that begins with postgres://', 'mysql://a/b'],
    ['HOLDFAST_ADMIN_DATABASE_URL', 'localhost', 'a URL that begins with postgres://', 'localhost'],
  ])('%s=%s', (name, value, expected, given) => {
    let error: unknown;
    try {
      loadConfig({ [name]: value });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining('docs/configuration.md') as string,
    });
    expect(String(error)).toContain(name);
    expect(String(error)).toContain(expected);
    expect(String(error)).toContain(`"${given}"`);
  });

  test('never shows the password of a database URL', () => {
    for (const url of ['mysql://ana:s3cret@host/db', 'mysql://ana:s3c/ret@host/db', 'mysql://ana:s3:cret@host/db']) {
      expect(() => loadConfig({ DATABASE_URL: url })).toThrow(/it is "mysql:\/\/ana:\*\*\*@host\/db"/);
    }
  });
});
