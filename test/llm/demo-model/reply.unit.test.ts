import { describe, expect, it } from 'vitest';
import type { DemoMessage } from '../../../llm/demo-model/conversation.ts';
import { decideReply, type DemoReply } from '../../../llm/demo-model/reply.ts';

const MEMORY = `You are a support agent.
What you remember:
[m1] fact · The user's name is Ana Ruiz. (since 2026-11-21, thread support-1, turn t-1)
[m2] preference · Ana Ruiz prefers SMS over email. (since 2026-11-21, thread support-1, turn t-3)
[m3] fact · Ana Ruiz's dog is called Bruno (a poodle). (since 2026-11-21, turn t-3)
[m4] fact · Ana Ruiz lives in Lisbon. (since 2026-11-21, turn t-3)
[m5] fact · Ana Ruiz's shoe size is 42. (since 2026-11-21, turn t-3)
[m6] procedure · To return shoes, first print the label, then drop the box. (since 2026-11-21, turn t-3)
[m7] preference · Ana Ruiz likes hiking. (since 2026-11-21, turn t-3)
[m8] preference · Ana Ruiz likes tea. (since 2026-11-21, turn t-3)`;
const TOOLS = ['memory_remember', 'lookup_order', 'refund_order', 'deploy'];

function message(role: DemoMessage['role'], content: string): DemoMessage {
  return { role, content, toolCalls: [], toolCallId: null };
}

function say(text: string, tools: readonly string[] = TOOLS, system = MEMORY): DemoReply {
  return decideReply({ messages: [message('system', system), message('user', text)], tools, format: null });
}

/** Plays a turn to its end, giving each tool the result named here. */
function play(
  text: string,
  results: Readonly<Record<string, string>>,
  tools = TOOLS,
): { called: string[]; text: string } {
  const messages = [message('system', MEMORY), message('user', text)];
  const called: string[] = [];
  for (let step = 0; step < 10; step += 1) {
    const reply = decideReply({ messages, tools, format: null });
    if ('text' in reply) return { called, text: reply.text };
    const calls = reply.calls.map((call, at) => ({
      id: `${String(step)}.${String(at)}`,
      name: call.name,
      arguments: JSON.stringify(call.arguments),
    }));
    called.push(...calls.map((call) => `${call.name} ${call.arguments}`));
    messages.push({ ...message('assistant', ''), toolCalls: calls });
    messages.push(...calls.map((call) => ({ ...message('tool', results[call.name] ?? ''), toolCallId: call.id })));
  }
  throw new Error('The turn was expected to end within 10 steps.');
}

describe('answers from memory', () => {
  it.each([
    ['How should I contact Ana?', 'Ana Ruiz prefers SMS over email. [m2]'],
    ['What is the best way to get in touch with me about the delivery?', 'Ana Ruiz prefers SMS over email. [m2]'],
    ["What is my dog's name?", "Ana Ruiz's dog is called Bruno (a poodle). [m3]"],
    ['whats my name', "The user's name is Ana Ruiz. [m1]"],
    ['Do you remember my name?', "The user's name is Ana Ruiz. [m1]"],
    ['Which city am I in?', 'Ana Ruiz lives in Lisbon. [m4]'],
    ['How do I return shoes?', 'To return shoes, first print the label, then drop the box. [m6]'],
    ['What is my shoe size?', "Ana Ruiz's shoe size is 42. [m5]"],
    ['What do I like?', 'Ana Ruiz likes hiking. [m7] Ana Ruiz likes tea. [m8]'],
    [
      'Where do I live and what is my dog called?',
      "Ana Ruiz lives in Lisbon. [m4] Ana Ruiz's dog is called Bruno (a poodle). [m3]",
    ],
    [
      "Tell me my shoe size, my dog's name and how to contact me",
      "Ana Ruiz's shoe size is 42. [m5] Ana Ruiz's dog is called Bruno (a poodle). [m3] Ana Ruiz prefers SMS over email. [m2]",
    ],
  ])('"%s"', (question, answer) => {
    expect(say(question)).toEqual({ text: `From what I remember: ${answer}` });
  });

  it('lists at most four memories for a general question', () => {
    const reply = say('What do you know about me?');
    expect('text' in reply ? (reply.text.match(/\[m\d\]/g) ?? []) : []).toHaveLength(4);
  });

  it.each([
    'What is my t-shirt size?',
    "What's my favourite colour?",
    'When is my birthday?',
    'What is the capital of France?',
  ])('does not know "%s"', (question) => {
    expect(say(question)).toMatchObject({ text: expect.stringContaining('I do not know that yet.') as string });
  });

  it('falls back on what was said before in the conversation', () => {
    const messages = [
      message('user', 'My gate code is 4471.'),
      message('assistant', 'Understood.'),
      message('user', 'What is my gate code?'),
    ];
    expect(decideReply({ messages, tools: [], format: null })).toEqual({
      text: 'Earlier in this conversation you said: "My gate code is 4471."',
    });
  });
});

describe('small talk', () => {
  it.each([
    ['Hi', 'Hello, Ana. How can I help?'],
    ['', 'Hello. How can I help?'],
    ['Thanks a lot!', 'You are welcome.'],
    ['My parcel is late', 'Understood.'],
    ['𝕳𝖊𝖑𝖑𝖔 \u0000 \ud800', 'Understood.'],
  ])('"%s"', (text, reply) => {
    expect(say(text)).toEqual({ text: reply });
  });

  it('says what it is', () => {
    expect(say('Are you an AI?')).toMatchObject({ text: expect.stringContaining('a script, not an AI') as string });
  });
});

describe('tools', () => {
  const ORDER = '{"order":"A-1001","item":"running shoes","amount":120,"currency":"EUR","status":"shipped"}';
  const REFUND = '{"refund":"re_1","order":"A-1001","amount":80,"currency":"EUR"}';

  it('remembers five things with one call', () => {
    const stored = '{"memories":[{"outcome":"stored","text":"Ana Ruiz likes tea.","reason":"new"}]}';
    const { called, text } = play(
      'Please remember these five things: 1) I like tea; 2) I live in Rome; 3) my cat is called Tom; 4) I am vegan; 5) buy milk',
      { memory_remember: stored },
    );
    expect(called).toHaveLength(1);
    const { memories } = JSON.parse((called[0] ?? '').replace('memory_remember ', '')) as { memories: unknown[] };
    expect(memories).toHaveLength(5);
    expect(memories[1]).toEqual({
      kind: 'fact',
      subject: 'user',
      relation: 'lives_in',
      value: 'Rome',
      text: 'Ana Ruiz lives in Rome.',
    });
    expect(text).toMatch(/^Noted: Ana Ruiz likes tea; Ana Ruiz lives in Rome; .*Buy milk\.$/);
  });

  it('says which memories were refused', () => {
    const result = '{"memories":[{"outcome":"rejected","text":"Ana Ruiz likes tea.","reason":"quota"}]}';
    expect(play('Remember that I like tea', { memory_remember: result }).text).toBe(
      'Not stored: Ana Ruiz likes tea (quota).',
    );
  });

  it('answers the question that came with a request to remember', () => {
    const { text } = play('Remember that I am vegan. What is my shoe size?', { memory_remember: '{}' });
    expect(text).toBe("Noted: Ana Ruiz is vegan. From what I remember: Ana Ruiz's shoe size is 42. [m5]");
  });

  it('acknowledges where no memory tool is offered', () => {
    expect(say('Remember that I am vegan', [])).toEqual({ text: 'Understood.' });
  });

  it('looks an order up', () => {
    expect(play('Where is order a-1001?', { lookup_order: ORDER })).toEqual({
      called: ['lookup_order {"order":"A-1001"}'],
      text: 'Order A-1001: running shoes, 120 EUR, shipped.',
    });
  });

  it('looks up, then refunds, then says so', () => {
    expect(
      play('Please refund 80 EUR for order A-1001 because the sole broke', {
        lookup_order: ORDER,
        refund_order: REFUND,
      }),
    ).toEqual({
      called: [
        'lookup_order {"order":"A-1001"}',
        'refund_order {"order":"A-1001","amount":80,"currency":"EUR","reason":"the sole broke"}',
      ],
      text: 'Refunded 80 EUR for order A-1001.',
    });
  });

  it.each([
    ['refund €12.50 for A-1001', 12.5, 'EUR'],
    ['I want my money back for A-1001, 30 dollars', 30, 'USD'],
    ['Can you refund 120 on order A-1001? 120 pounds', 120, 'GBP'],
    ['refund order A-1001 in full', 120, 'EUR'],
    ['refund 1,200 EUR for A-1001', 1200, 'EUR'],
    ['refund $1.234,50 for A-1001', 1234.5, 'USD'],
    ['refund 80 for A-1001', 80, 'EUR'],
  ])('reads the amount of "%s"', (text, amount, currency) => {
    const { called } = play(text, { lookup_order: ORDER, refund_order: REFUND });
    expect(JSON.parse((called[1] ?? '').replace('refund_order ', ''))).toMatchObject({
      order: 'A-1001',
      amount,
      currency,
    });
  });

  it('reports the amount an approver changed it to', () => {
    const { text } = play('refund 120 EUR for order A-1001', { refund_order: REFUND }, ['refund_order']);
    expect(text).toBe('Refunded 80 EUR for order A-1001.');
  });

  it.each(['refund order A-1001', 'Did you refund 80 EUR for order A-1001?', 'Do not refund 80 EUR for A-1001'])(
    'does not refund on "%s"',
    (text) => {
      const { called } = play(text, { lookup_order: ORDER });
      expect(called).toEqual(['lookup_order {"order":"A-1001"}']);
    },
  );

  it('does not refund an order that was not found', () => {
    const { called, text } = play('refund 5 EUR for A-1001', { lookup_order: '{"error":"no such order"}' });
    expect(called).toHaveLength(1);
    expect(text).toBe('The call of lookup_order failed: no such order.');
  });

  it('asks for what is missing', () => {
    expect(say('Refund me 20 EUR')).toEqual({ text: 'Which order is it? Please give its number, for example A-1001.' });
    expect(say('Refund order A-1001', ['refund_order'])).toMatchObject({
      text: expect.stringContaining('How much') as string,
    });
  });

  it.each([
    ['Rejected by ana: amount too high', 'rejected, the reason given: amount too high.'],
    ['{"outcome":"rejected","reason":"too high"}', 'rejected, the reason given: too high.'],
    ['{"approved":false}', 'rejected, no reason was given.'],
    ['{"error":{"message":"card closed"}}', 'failed: card closed.'],
  ])('reports the tool result %s', (result, ending) => {
    const { called, text } = play('refund 80 EUR for order A-1001', { refund_order: result }, ['refund_order']);
    expect(called).toHaveLength(1);
    expect(text).toBe(`The call of refund_order was ${ending}`.replace('was failed', 'failed'));
  });

  it('claims nothing on words instead of a record', () => {
    const { text } = play('refund 80 EUR for order A-1001', { refund_order: 'Offer a voucher instead.' }, [
      'refund_order',
    ]);
    expect(text).toBe('refund_order answered: Offer a voucher instead.');
  });

  it('uses any tool with any JSON on request', () => {
    const { called, text } = play('Please use the tool deploy with {"service":"api","tags":{"a":[1,2]}} now {sic}', {
      deploy: '{"version":3,"ok":true}',
    });
    expect(called).toEqual(['deploy {"service":"api","tags":{"a":[1,2]}}']);
    expect(text).toBe('deploy answered: version 3, ok true.');
  });

  it('says when a tool is not offered or the JSON cannot be read', () => {
    expect(say('use the tool nope with {}')).toMatchObject({
      text: expect.stringContaining('no tool called nope') as string,
    });
    expect(say('use the tool deploy with {bad')).toMatchObject({
      text: expect.stringContaining('could not read the JSON') as string,
    });
  });
});

describe('long messages', () => {
  it.each([
    ['questions', 'what is it? '.repeat(80_000)],
    ['refunds', 'what refund did you refund '.repeat(40_000)],
    ['orders', Array.from({ length: 100_000 }, (_, at) => `A-${String(at)}`).join(' ')],
    ['braces', `use the tool deploy with ${'{'.repeat(500_000)}${'}'.repeat(500_000)}`],
    ['requests to remember', 'remember that I like tea. '.repeat(40_000)],
    ['numbers', `remember ${Array.from({ length: 50_000 }, (_, at) => `${String(at + 1)}) x`).join(' ')}`],
    ['amounts', 'refund 1,000,'.repeat(80_000)],
  ])('are answered quickly: %s', (_, text) => {
    const start = performance.now();
    say(text);
    expect(performance.now() - start).toBeLessThan(3_000);
  });
});
