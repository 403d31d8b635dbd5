import { ModelError } from '../llm/model-error.ts';
import type { ChatReply } from '../llm/ports.ts';

/**
 * Throws ModelError when a reply is none: filtered (MODEL_FILTERED), at its limit before the first word (MODEL_CUT_OFF), both for
 * good; or empty without a reason (MODEL_BAD_REPLY), which is tried again. Half a filtered reply is no reply either.
 */
export function assertUsable(reply: ChatReply): void {
  if (reply.finishReason === 'content_filter') {
    throw new ModelError(
      'MODEL_FILTERED',
      `The reply of model "${reply.model}" was stopped by the provider's content filter.`,
    );
  }
  if ((reply.text ?? reply.refusal ?? '').trim() !== '' || reply.toolCalls.length > 0) return;
  if (reply.finishReason === 'length') {
    throw new ModelError(
      'MODEL_CUT_OFF',
      `Model "${reply.model}" reached its longest output before it had said anything.`,
    );
  }
  throw new ModelError('MODEL_BAD_REPLY', `Model "${reply.model}" answered with neither text nor tool calls.`, {
    retryable: true,
  });
}

/** What is to be known of a final reply that is not a whole one. */
export function completionCode(reply: ChatReply): { readonly code?: string } {
  if (reply.refusal !== null && reply.text === null) return { code: 'MODEL_REFUSED' };
  return reply.finishReason === 'length' ? { code: 'MODEL_CUT_OFF' } : {};
}
