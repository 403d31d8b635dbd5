import { DefaultLogger } from '@temporalio/worker';
import type { LogLevel, LogMetadata } from '@temporalio/worker';

/** What the SDK warns of at each start of a worker without workflows. Ours of the background queue has none on purpose. */
const expectedWarning = 'No workflows registered, not polling for workflow tasks';

/** Temporal's own logger for a worker process, less the one warning about what is meant to be so. */
export class RuntimeLogger extends DefaultLogger {
  override log(level: LogLevel, message: string, meta?: LogMetadata): void {
    if (message !== expectedWarning) super.log(level, message, meta);
  }
}
