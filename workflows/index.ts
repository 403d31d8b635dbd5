/** Every workflow of Holdfast: the entry point of the bundle that workers run. */
export { agentTurn } from './agent-turn.ts';
export { extractThread } from './extract-thread.ts';
export { consolidate, consolidateDue } from './consolidate.ts';
export { sweep } from './sweep.ts';
export { scheduledTurn } from './scheduled-turn.ts';
