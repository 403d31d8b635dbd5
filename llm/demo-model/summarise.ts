import { sentencesOf } from './clauses.ts';
import { type DemoMessage, isRecord, toObject } from './conversation.ts';
import { isQuestion } from './statement.ts';

/** Most lines of a summary; the newest are kept. */
const mostLines = 40;

/** A summary, where the messages ask for one of a conversation; else null. It says what the user stated, in the user's words. */
export function summaryReply(messages: readonly DemoMessage[]): string | null {
  const isAsked = messages.some(
    ({ role, content }) => role === 'system' && content.startsWith('You summarise the earliest part of a conversation'),
  );
  const payload = isAsked ? toObject(messages.at(-1)?.content ?? '') : {};
  const said = payload['messages'];
  if (!Array.isArray(said)) return null;
  const previous = typeof payload['previous'] === 'string' ? payload['previous'].split('\n') : [];
  const stated = said.filter(isRecord).flatMap(({ speaker, text }) =>
    speaker === 'user' && typeof text === 'string'
      ? sentencesOf(text.slice(0, 4_000))
          .filter((sentence) => !isQuestion(sentence) && sentence.length > 8)
          .map((sentence) => `- user: ${sentence.slice(0, 200)}`)
      : [],
  );
  const lines = [...new Set([...previous.filter((line) => line.startsWith('- ')), ...stated])].slice(-mostLines);
  return lines.length === 0 ? '- Nothing was stated.' : lines.join('\n');
}
