import type { Tool } from './define-tool.ts';

/** Tools that are known only when a worker runs: a server lists them. Stands in an agent's `tools` beside those of the code. */
export interface ToolSource {
  readonly kind: 'tool-source';
  /** Its tools are called `<name>_…`; unique in the agent. */
  readonly name: string;
  /** Connects, and keeps the connection until it is closed. Never throws: what goes wrong is told to the observer. */
  open(observer: ToolSourceObserver): OpenToolSource;
}

/** Who wants to know what a source has. */
export interface ToolSourceObserver {
  /** The tools it has now; called after every change. */
  onTools(tools: readonly Tool[]): void;
  /** It cannot be reached, in words for the worker's log; it goes on trying. */
  onDown(reason: string): void;
  /** A tool it cannot offer, and why. */
  onSkipped(tool: string, reason: string): void;
}

/** A source that is connected, or tries to be. */
export interface OpenToolSource {
  /** Settles when it was reached for the first time or could not be: never rejects. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}
