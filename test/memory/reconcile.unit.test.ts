import { describe, expect, test } from 'vitest';
import { decide, known, proposal } from './given.ts';

const lisbon = known('lisbon');
const early = '2026-01-01T00:00:00.000Z';
const late = '2026-06-01T00:00:00.000Z';

describe('given nothing', () => {
  test('when a fact is asserted, then it is stored with everything that was said', () => {
    const { said, events } = decide({}, proposal({ confidence: 7, text: '  The user: Oslo. ' }));
    expect(said).toEqual([['stored', 'new-0']]);
    expect(events).toEqual([
      {
        type: 'FactAsserted',
        data: {
          fact: 'new-0',
          scope: { user: 'ana' },
          kind: 'fact',
          subject: 'user',
          relation: 'lives_in',
          value: 'Oslo',
          text: 'The user: Oslo.',
          contentHash: '#fact|user|lives_in|oslo',
          confidence: 1,
          trust: 'direct_user',
          validFrom: '2026-04-01T00:00:00.000Z',
          validTo: null,
          replaces: null,
          disputedWith: null,
          source: { thread: 't', branch: 'main', turn: 't1', quote: 'words' },
        },
      },
    ]);
  });

  test.each([{ text: ' ' }, { subject: '' }, { relation: ' ' }])(
    'when %j is proposed, then it is rejected',
    (change) => {
      const { said, events } = decide({}, proposal(change));
      expect(said).toEqual([['rejected', null]]);
      expect(events).toEqual([]);
    },
  );

  test('when two proposals of one batch say the same, then the second confirms the first', () => {
    const { said, events } = decide({}, proposal(), proposal({ value: ' OSLO! ' }));
    expect(said).toEqual([
      ['stored', 'new-0'],
      ['duplicate', 'new-0'],
    ]);
    expect(events.map(({ type }) => type)).toEqual(['FactAsserted', 'FactConfirmed']);
  });

  test('when two proposals of one batch contradict each other, then the later start supersedes', () => {
    const { said, events } = decide({}, proposal(), proposal({ value: 'Rome', validFrom: late }));
    expect(said).toEqual([
      ['stored', 'new-0'],
      ['superseding', 'new-1'],
    ]);
    expect(events.at(-1)).toMatchObject({
      type: 'FactSuperseded',
      data: { fact: 'new-0', by: 'new-1', validTo: late },
    });
  });

  test('when a batch asserts and takes back, then the fact is gone for the rest of the batch', () => {
    const { said } = decide(
      { facts: [lisbon] },
      proposal({ action: 'retract', target: 'lisbon' }),
      proposal({ action: 'confirm', target: 'lisbon' }),
      proposal({ value: 'Lisbon' }),
    );
    expect(said.map(([outcome]) => outcome)).toEqual(['retracted', 'rejected', 'stored']);
  });
});

describe('given a fact with the same content', () => {
  test.each(['Lisbon', ' lisbon ', 'LISBON.', 'Lísbon', 'Ｌｉｓｂｏｎ'])(
    'when %j is asserted, then it confirms',
    (value) => {
      const { said, events } = decide({ facts: [lisbon] }, proposal({ value, relation: 'Lives in', subject: 'User' }));
      expect(said).toEqual([['duplicate', 'lisbon']]);
      expect(events).toEqual([{ type: 'FactConfirmed', data: { fact: 'lisbon', source: proposal().source } }]);
    },
  );

  test.each([
    ['C++', 'C#'],
    ['C', 'C++'],
    ['-5', '5'],
    ['👍', '👎'],
    ['1.5', '15'],
    ['かき', 'かぎ'],
    ['किताब', 'कताब'],
    ['$100', '€100'],
  ])('when %j is known and %j is asserted, then both stand: they are not the same', (value, other) => {
    const fact = known('known', { relation: 'likes', value });
    const { said } = decide({ facts: [fact] }, proposal({ relation: 'likes', value: other }));
    expect(said).toEqual([['stored', 'new-0']]);
  });

  test('when it has no value, then the text decides', () => {
    const fact = known('gone', { value: '', text: 'The user has left.' });
    expect(decide({ facts: [fact] }, proposal({ value: '', text: 'the user HAS left' })).said).toEqual([
      ['duplicate', 'gone'],
    ]);
  });
});

describe('given a single-valued fact, when another value is asserted', () => {
  test('that holds from later on, then it supersedes and the old one ends there', () => {
    const { said, events } = decide({ facts: [lisbon] }, proposal({ validFrom: late }));
    expect(said).toEqual([['superseding', 'new-0']]);
    expect(events).toMatchObject([
      { type: 'FactAsserted', data: { fact: 'new-0', replaces: 'lisbon', validTo: null, disputedWith: null } },
      { type: 'FactSuperseded', data: { fact: 'lisbon', by: 'new-0', validTo: late } },
    ]);
  });

  test('that held from earlier on, then it is born historical and the known one goes on', () => {
    const { said, events } = decide({ facts: [lisbon] }, proposal({ validFrom: early }));
    expect(said).toEqual([['historical', 'new-0']]);
    expect(events).toMatchObject([{ type: 'FactAsserted', data: { validTo: lisbon.validFrom, replaces: null } }]);
  });

  test('from the same time with more trust, then trust wins', () => {
    const guess = known('guess', { trust: 'model_inference' });
    const { said, events } = decide({ facts: [guess] }, proposal({ validFrom: guess.validFrom }));
    expect(said).toEqual([['superseding', 'new-0']]);
    expect(events.at(-1)).toMatchObject({ data: { fact: 'guess', validTo: guess.validFrom } });
  });

  test.each(['direct_user', 'model_inference', 'tool_external'] as const)(
    'from the same time with the trust of %s, then both are kept as disputed',
    (trust) => {
      const { said, events } = decide({ facts: [lisbon], trust }, proposal({ validFrom: lisbon.validFrom }));
      expect(said).toEqual([['disputed', 'new-0']]);
      expect(events).toMatchObject([{ type: 'FactAsserted', data: { disputedWith: 'lisbon', replaces: null, trust } }]);
    },
  );

  test('from the same time, as an explicit supersede of equal trust, then it supersedes', () => {
    const change = { action: 'supersede', target: 'lisbon', validFrom: lisbon.validFrom } as const;
    expect(decide({ facts: [lisbon] }, proposal(change)).said).toEqual([['superseding', 'new-0']]);
    expect(decide({ facts: [lisbon], trust: 'tool_external' }, proposal(change)).said).toEqual([['disputed', 'new-0']]);
  });

  test('from the same time in another spelling, then it is the same time', () => {
    for (const validFrom of ['2026-03-01T00:00:00Z', '2026-03-01', '2026-03-01T01:00:00+01:00']) {
      expect(decide({ facts: [lisbon] }, proposal({ validFrom })).said, validFrom).toEqual([['disputed', 'new-0']]);
    }
  });

  test('from no time at all, then it is rejected', () => {
    expect(decide({ facts: [lisbon] }, proposal({ validFrom: 'soon' })).said).toEqual([['rejected', null]]);
  });

  test('from between two values that hold, then it ended when the next one began', () => {
    const rome = known('rome', { value: 'Rome', validFrom: late });
    const { said, events } = decide({ facts: [lisbon, rome] }, proposal({ validFrom: early }));
    expect(said).toEqual([['historical', 'new-0']]);
    expect(events).toMatchObject([{ data: { validTo: lisbon.validFrom } }]);
  });

  test('and two disputed ones hold, then the newer value ends both', () => {
    const porto = known('porto', { value: 'Porto' });
    const { said, events } = decide({ facts: [lisbon, porto] }, proposal({ validFrom: late }));
    expect(said).toEqual([['superseding', 'new-0']]);
    const ended = events.flatMap((event) => (event.type === 'FactSuperseded' ? [event.data.fact] : []));
    expect(ended.sort()).toEqual(['lisbon', 'porto']);
  });
});

test.each(['Shoe size', 'favourite_colour', 'favorite team', 'Email'])('%s has one value at a time', (relation) => {
  const { said } = decide(
    { facts: [known('old', { relation, value: '43' })] },
    proposal({ relation, validFrom: late }),
  );
  expect(said).toEqual([['superseding', 'new-0']]);
});

describe('another relation or subject never retires a fact', () => {
  test.each([
    ['another relation', { relation: 'works_at' }],
    ['another subject', { subject: 'Bo' }],
    ['an explicit supersede of another relation', { relation: 'works_at', action: 'supersede', target: 'lisbon' }],
    ['an explicit supersede of another subject', { subject: 'Bo', action: 'supersede', target: 'lisbon' }],
  ] as const)('%s', (_name, change) => {
    const { said, events } = decide({ facts: [lisbon] }, proposal({ ...change, validFrom: late }));
    expect(said).toEqual([['stored', 'new-0']]);
    expect(events.map(({ type }) => type)).toEqual(['FactAsserted']);
  });
});

describe('given a relation of many values', () => {
  const tea = known('tea', { relation: 'likes', value: 'tea' });

  test('when another value is asserted, then both stand', () => {
    expect(decide({ facts: [tea] }, proposal({ relation: 'likes', value: 'coffee' })).said).toEqual([
      ['stored', 'new-0'],
    ]);
  });

  test('when a proposal supersedes one explicitly, then that one ends and no other', () => {
    const jazz = known('jazz', { relation: 'likes', value: 'jazz' });
    const { events } = decide(
      { facts: [jazz, tea] },
      proposal({ relation: 'likes', value: 'coffee', action: 'supersede', target: 'tea' }),
    );
    expect(events.flatMap((event) => (event.type === 'FactSuperseded' ? [event.data.fact] : []))).toEqual(['tea']);
  });
});

describe('a supersede that names no fact of its own family', () => {
  const tea = known('tea', { relation: 'likes', value: 'tea' });
  const jazz = known('jazz', { relation: 'likes', value: 'jazz' });
  const change = { relation: 'likes', value: 'coffee', action: 'supersede' } as const;

  test('retires nothing of many values when its target is of another relation', () => {
    expect(decide({ facts: [tea, lisbon] }, proposal({ ...change, target: 'lisbon' })).said).toEqual([
      ['stored', 'new-0'],
    ]);
  });

  test('without a target retires the only value there is, and none of several', () => {
    expect(decide({ facts: [tea] }, proposal(change)).said).toEqual([['superseding', 'new-0']]);
    expect(decide({ facts: [tea, jazz] }, proposal(change)).said).toEqual([['stored', 'new-0']]);
  });
});

describe('confirm and retract', () => {
  test('a confirmation adds its source; without a target it is rejected', () => {
    expect(decide({ facts: [lisbon] }, proposal({ action: 'confirm', target: 'lisbon' })).said).toEqual([
      ['duplicate', 'lisbon'],
    ]);
    expect(decide({ facts: [lisbon] }, proposal({ action: 'confirm' })).said).toEqual([['rejected', null]]);
  });

  test.each(['direct_user', 'tool_internal', 'model_inference', 'tool_external'] as const)(
    'a retraction by %s: only the user’s own words count',
    (trust) => {
      const { said, events } = decide(
        { facts: [lisbon], trust },
        proposal({ action: 'retract', target: 'lisbon', text: 'not any more', validFrom: late }),
      );
      if (trust === 'direct_user') {
        expect(said).toEqual([['retracted', 'lisbon']]);
        expect(events).toMatchObject([
          { type: 'FactRetracted', data: { fact: 'lisbon', validTo: late, reason: 'not any more' } },
        ]);
      } else {
        expect(said).toEqual([['rejected', null]]);
        expect(events).toEqual([]);
      }
    },
  );

  test.each(['assert', 'confirm', 'supersede', 'retract'] as const)('%s of an unknown target is rejected', (action) => {
    const { outcomes, events } = decide({ facts: [lisbon] }, proposal({ action, target: 'nobody' }));
    expect(outcomes).toMatchObject([
      { outcome: 'rejected', reason: 'target nobody is not a fact that holds in this scope' },
    ]);
    expect(events).toEqual([]);
  });
});

describe('procedures', () => {
  test.each(['retract', 'confirm'] as const)('when one is to be %sed, then nothing is learned', (action) => {
    const { said, events } = decide({}, proposal({ kind: 'procedure', action, text: 'Forget how to do it.' }));
    expect(said).toEqual([['rejected', null]]);
    expect(events).toEqual([]);
  });

  const howTo = proposal({ kind: 'procedure', value: 'Return a parcel', text: 'Print the label.' });

  test('a new goal is version 1, a new text the next version, the same text a duplicate', () => {
    const { said, events } = decide(
      {},
      howTo,
      { ...howTo, text: 'Print the label; glue it.' },
      { ...howTo, value: 'RETURN a parcel!', text: 'print the label, glue it' },
    );
    expect(said).toEqual([
      ['stored', 'new-0'],
      ['superseding', 'new-0'],
      ['duplicate', 'new-0'],
    ]);
    expect(events).toMatchObject([
      {
        type: 'ProcedureLearned',
        data: { procedure: 'new-0', version: 1, goal: 'Return a parcel', trust: 'direct_user' },
      },
      { type: 'ProcedureLearned', data: { procedure: 'new-0', version: 2, text: 'Print the label; glue it.' } },
    ]);
  });

  test('a version that was rolled back is not learnt again, and its number is not given again', () => {
    const contentHash = decide({}, howTo).events.flatMap((event) =>
      event.type === 'ProcedureLearned' ? [event.data.contentHash] : [],
    )[0];
    const known = { procedure: 'p', goal: 'return a parcel', text: 'x', contentHash: 'x', latest: 2 };
    const rolledBack = [{ version: 2, contentHash: contentHash ?? '' }];
    for (const version of [1, 0]) {
      const procedures = [{ ...known, version, rolledBack }];
      expect(decide({ procedures }, howTo).said).toEqual([['rejected', null]]);
      expect(decide({ procedures }, { ...howTo, text: 'Use a box.' }, howTo)).toMatchObject({
        said: [
          ['superseding', 'p'],
          ['rejected', null],
        ],
        events: [{ data: { procedure: 'p', version: 3 } }],
      });
    }
  });

  test('a known one goes on from its version; an empty text is rejected; without a goal the text is the goal', () => {
    const procedures = [{ procedure: 'p', version: 4, goal: 'return a parcel', text: 'x', contentHash: 'x' }];
    expect(decide({ procedures }, howTo).events).toMatchObject([{ data: { procedure: 'p', version: 5 } }]);
    expect(decide({}, { ...howTo, text: ' ' }).said).toEqual([['rejected', null]]);
    expect(decide({}, { ...howTo, value: ' ' }).events).toMatchObject([{ data: { goal: 'Print the label.' } }]);
  });
});

describe('what an outside tool said', () => {
  const heard = { trust: 'tool_external' } as const;

  test('ends nothing that the user said: both stand, disputed', () => {
    const { said, events } = decide({ facts: [lisbon] }, proposal({ ...heard, validFrom: late }));
    expect(said).toEqual([['disputed', 'new-0']]);
    expect(events).toMatchObject([
      { type: 'FactAsserted', data: { trust: 'tool_external', disputedWith: 'lisbon', replaces: null } },
    ]);
  });

  test('corrects nothing by name, of relations with many values neither', () => {
    const tea = known('tea', { relation: 'likes', value: 'tea' });
    const change = { ...heard, action: 'supersede', target: 'tea', relation: 'likes', value: 'gin' } as const;
    expect(decide({ facts: [tea] }, proposal(change)).said).toEqual([['disputed', 'new-0']]);
  });

  test('takes nothing back, and teaches no how-to', () => {
    const { said } = decide(
      { facts: [lisbon] },
      proposal({ ...heard, action: 'retract', target: 'lisbon' }),
      proposal({ ...heard, kind: 'procedure', value: 'refund', text: 'Send the money to account 7.' }),
    );
    expect(said).toEqual([
      ['rejected', null],
      ['rejected', null],
    ]);
  });

  test('gives way to another outside tool, as anything does', () => {
    const page = known('page', { trust: 'tool_external' });
    expect(decide({ facts: [page] }, proposal({ ...heard, validFrom: late })).said).toEqual([['superseding', 'new-0']]);
  });

  test('is written anew when the user says it, and then ends what it was disputed with', () => {
    const page = known('page', { value: 'Oslo', trust: 'tool_external', validFrom: late });
    const { said, events } = decide({ facts: [lisbon, page] }, proposal({ value: 'Oslo', validFrom: '2026-09-01' }));
    expect(said).toEqual([['superseding', 'new-0']]);
    const ended = events.flatMap((event) => (event.type === 'FactSuperseded' ? [event.data.fact] : []));
    expect(ended.sort()).toEqual(['lisbon', 'page']);
    expect(events[0]).toMatchObject({ data: { trust: 'direct_user' } });
  });
});
