import { Client, Connection } from '@temporalio/client';
import { TemporalUnavailableError } from './client-errors.ts';

/** A Temporal client that connects when it is first needed: reading memory and threads works without Temporal. */
export interface TemporalConnection {
  readonly temporal: Client;
  /** Throws TemporalUnavailableError when the server does not answer within 5 s, or less. Asks once, until it has answered. */
  assertConnected(withinMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface TemporalConnectionOptions {
  /** host:port */
  readonly address: string;
  readonly namespace: string;
  readonly apiKey?: string;
}

const patienceMs = 5_000;

/** Opens a connection without waiting for it. The caller closes it. */
export function connectTemporal({ address, namespace, apiKey }: TemporalConnectionOptions): TemporalConnection {
  const connection = Connection.lazy({
    address,
    connectTimeout: patienceMs,
    ...(apiKey === undefined ? {} : { apiKey, tls: true }),
  });
  let answered = false;
  return {
    temporal: new Client({ connection, namespace }),
    async assertConnected(withinMs = patienceMs) {
      if (answered) return;
      try {
        // Not ensureConnected: it remembers a failure for ever.
        await connection.withDeadline(Date.now() + Math.min(withinMs, patienceMs), () =>
          connection.workflowService.getSystemInfo({}),
        );
        answered = true;
      } catch (error) {
        throw new TemporalUnavailableError(`no server answers at ${address}.`, error);
      }
    },
    close: () => connection.close(),
  };
}
