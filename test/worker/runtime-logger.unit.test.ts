import { expect, test } from 'vitest';
import { RuntimeLogger } from '../../worker/runtime-logger.ts';

test('everything is logged but the warning about the worker that has no workflows on purpose', () => {
  const said: string[] = [];
  const logger = new RuntimeLogger('INFO', ({ level, message }) => said.push(`${level} ${message}`));
  logger.warn('No workflows registered, not polling for workflow tasks', { taskQueue: 'q-background' });
  logger.warn('No workflows registered');
  logger.warn('Activity failed');
  logger.error('Worker failed');
  logger.info('Worker state changed');
  logger.debug('too much');
  expect(said).toEqual([
    'WARN No workflows registered',
    'WARN Activity failed',
    'ERROR Worker failed',
    'INFO Worker state changed',
  ]);
});
