import type { Conversation } from './conversation.ts';

/** Conversations in English. */
export const english: readonly Conversation[] = [
  {
    name: 'a move',
    lines: [
      ['2026-01-10', 'I live in Lisbon.', '+user|lives_in|Lisbon'],
      ['2026-04-02', 'We moved to Porto last month.', '~user|lives_in|Lisbon>Porto@2026-03-02'],
    ],
    now: ['user|lives_in|Porto'],
    past: ['user|lives_in|Lisbon'],
  },
  {
    name: 'two moves and a return',
    lines: [
      ['2026-01-10', 'I live in Ghent.', '+user|lives_in|Ghent'],
      ['2026-03-01', 'I moved to Bruges.', '+user|lives_in|Bruges'],
      ['2026-06-01', 'I moved back to Ghent.', '+user|lives_in|Ghent'],
    ],
    now: ['user|lives_in|Ghent'],
    past: ['user|lives_in|Ghent', 'user|lives_in|Bruges'],
  },
  {
    name: 'a move from a place nobody knew',
    lines: [
      [
        '2026-02-01',
        'I moved from Leeds to Cardiff in January 2024.',
        '+user|lives_in|Leeds..2024-01-01',
        '+user|lives_in|Cardiff@2024-01-01',
      ],
    ],
    now: ['user|lives_in|Cardiff'],
    past: ['user|lives_in|Leeds'],
  },
  {
    name: 'what used to be',
    lines: [
      [
        '2026-02-01',
        'I used to live in Bern. I live in Basel now.',
        '+user|lives_in|Bern..2026-02-01',
        '+user|lives_in|Basel',
      ],
    ],
    now: ['user|lives_in|Basel'],
    past: ['user|lives_in|Bern'],
  },
  {
    name: 'the past told after the present',
    lines: [
      ['2026-02-01', 'I live in Basel.', '+user|lives_in|Basel'],
      ['2026-02-02', 'I lived in Rome from 2015 to 2018.', '+user|lives_in|Rome@2015-01-01..2018-01-01'],
    ],
    now: ['user|lives_in|Basel'],
    past: ['user|lives_in|Rome'],
  },
  {
    name: 'a stay is no move',
    lines: [
      ['2026-02-01', 'I live in Galway.', '+user|lives_in|Galway'],
      ['2026-03-01', "I'm in Berlin this week.", '+user|staying_in|Berlin'],
    ],
    now: ['user|lives_in|Galway', 'user|staying_in|Berlin'],
  },
  {
    name: 'a plan is no move',
    lines: [
      ['2026-02-01', 'I live in Galway.', '+user|lives_in|Galway'],
      ['2026-03-01', "I'm moving to Cork next month."],
    ],
    now: ['user|lives_in|Galway'],
  },
  {
    name: 'a change of jobs',
    lines: [
      ['2026-01-05', 'I work at Acme.', '+user|works_at|Acme'],
      ['2026-05-05', 'I started working at Globex.', '~user|employer|Acme>Globex'],
    ],
    now: ['user|works_at|Globex'],
    past: ['user|works_at|Acme'],
  },
  {
    name: 'a job that is over',
    lines: [
      ['2026-01-05', 'I work at Initech.', '+user|employer|Initech'],
      ['2026-05-05', 'I quit my job.', '-user|works_at|Initech'],
    ],
    now: [],
    past: ['user|works_at|Initech'],
  },
  {
    name: 'the employer changes, the home stays',
    lines: [
      ['2026-01-05', 'I live in Turin and work at Fiat.', '+user|lives_in|Turin', '+user|works_at|Fiat'],
      ['2026-05-05', 'I joined Ferrero.', '~user|works_at|Fiat>Ferrero'],
    ],
    now: ['user|lives_in|Turin', 'user|works_at|Ferrero'],
    past: ['user|works_at|Fiat'],
  },
  {
    name: 'laid off',
    lines: [
      ['2026-01-05', 'I work for Umbrella.', '+user|works_for|Umbrella'],
      ['2026-02-05', 'I was laid off by Umbrella.', '-user|works_at|Umbrella'],
    ],
    now: [],
    past: ['user|works_at|Umbrella'],
  },
  {
    name: 'a correction within a message',
    lines: [
      [
        '2026-01-05',
        'I live in Lisbon. Sorry, I meant I live in Leiria.',
        '+user|lives_in|Lisbon',
        '~user|lives_in|Lisbon>Leiria',
      ],
    ],
    now: ['user|lives_in|Leiria'],
    past: ['user|lives_in|Lisbon'],
  },
  {
    name: 'a correction that names only the values',
    lines: [
      ['2026-01-05', 'My sister lives in Milan.', '+sister|lives_in|Milan'],
      ['2026-01-06', "Actually, it's Monza, not Milan.", '~sister|lives_in|Milan>Monza'],
    ],
    now: ['sister|lives_in|Monza'],
    past: ['sister|lives_in|Milan'],
  },
  {
    name: 'tea given up',
    lines: [
      ['2026-01-05', 'I like tea and coffee.', '+user|likes|tea', '+user|likes|coffee'],
      ['2026-02-05', "I don't like tea anymore.", '-user|likes|tea'],
    ],
    now: ['user|likes|coffee'],
    past: ['user|likes|tea'],
  },
  {
    name: 'a liking turned round',
    lines: [
      ['2026-01-05', 'I love olives.', '+user|likes|olives'],
      ['2026-02-05', 'I hate olives.', '+user|dislikes|olives'],
    ],
    now: ['user|dislikes|olives'],
    past: ['user|likes|olives'],
  },
  {
    name: 'likes stand side by side',
    lines: [
      ['2026-01-05', 'I like jazz.', '+user|likes|jazz'],
      ['2026-02-05', 'I like techno.', '+user|likes|techno'],
    ],
    now: ['user|likes|jazz', 'user|likes|techno'],
  },
  {
    name: 'meat no longer',
    lines: [
      ['2026-01-05', 'I eat meat.', '+user|eats|meat'],
      ['2026-02-05', 'I no longer eat meat.', '+user|does_not_eat|meat'],
    ],
    now: ['user|does_not_eat|meat'],
    past: ['user|eats|meat'],
  },
  {
    name: 'a diet',
    lines: [
      ['2026-01-05', "I'm vegetarian.", '+user|diet|vegetarian'],
      ['2026-04-05', 'I became vegan.', '~user|diet|vegetarian>vegan'],
    ],
    now: ['user|diet|vegan'],
    past: ['user|diet|vegetarian'],
  },
  {
    name: 'hearsay',
    lines: [
      ['2026-01-05', 'I live in Leeds.', '+user|lives_in|Leeds'],
      ['2026-02-05', 'My neighbour says that I live in York.'],
      ['2026-02-06', 'Apparently I work at the circus.'],
    ],
    now: ['user|lives_in|Leeds'],
  },
  {
    name: 'irony',
    lines: [
      ['2026-01-05', 'I hate rain.', '+user|dislikes|rain'],
      ['2026-02-05', 'Oh great, more rain. Of course I love rain.'],
    ],
    now: ['user|dislikes|rain'],
  },
  {
    name: 'what might be',
    lines: [
      ['2026-01-05', 'I work at Acme.', '+user|works_at|Acme'],
      ['2026-02-05', 'If I worked at Globex, I would live in Paris. I wish I lived in Paris.'],
      ['2026-02-06', 'Imagine I live in Tokyo.'],
    ],
    now: ['user|works_at|Acme'],
  },
  {
    name: 'questions',
    lines: [
      ['2026-01-05', 'Where do I live?'],
      ['2026-01-06', 'Do I live in Madrid?'],
      ['2026-01-07', 'I live in Seville.', '+user|lives_in|Seville'],
    ],
    now: ['user|lives_in|Seville'],
  },
  {
    name: 'two people with one name',
    lines: [
      [
        '2026-01-05',
        'My sister Anna lives in Rome. My boss Anna lives in Oslo.',
        '+Anna (sister)|lives_in|Rome',
        '+Anna (boss)|lives_in|Oslo',
      ],
      ['2026-03-05', 'My boss Anna moved to Bergen.', '~Anna (boss)|lives_in|Oslo>Bergen'],
    ],
    now: ['Anna (sister)|lives_in|Rome', 'Anna (boss)|lives_in|Bergen'],
    past: ['Anna (boss)|lives_in|Oslo'],
  },
  {
    name: 'another person’s move leaves mine',
    lines: [
      [
        '2026-01-05',
        'I live in Derby and my brother lives in Derby.',
        '+user|lives_in|Derby',
        '+brother|lives_in|Derby',
      ],
      ['2026-03-05', 'My brother moved to Hull.', '~brother|lives_in|Derby>Hull'],
    ],
    now: ['user|lives_in|Derby', 'brother|lives_in|Hull'],
    past: ['brother|lives_in|Derby'],
  },
  {
    name: 'two dogs',
    lines: [
      ['2026-01-05', 'My dog is called Bruno.', '+user|dog_name|Bruno'],
      ['2026-03-05', 'We adopted a dog called Kira.', '+user|dog_name|Kira'],
    ],
    now: ['user|dog_name|Bruno', 'user|dog_name|Kira'],
  },
  {
    name: 'a name corrected',
    lines: [
      ['2026-01-05', 'My name is Jon.', '+user|name|Jon'],
      ['2026-01-05T10:00:00Z', 'Correction: my name is Joan.', '~user|name|Jon>Joan'],
    ],
    now: ['user|name|Joan'],
    past: ['user|name|Jon'],
  },
  {
    name: 'the same said three times',
    lines: [
      ['2026-01-05', 'I live in Vigo.', '+user|lives_in|Vigo'],
      ['2026-02-05', 'As I said: I live in vigo!', '+user|lives_in|vigo'],
      ['2026-03-05', 'I live in Vigo.', '+user|residence|VIGO'],
    ],
    now: ['user|lives_in|Vigo'],
  },
  {
    name: 'an address changes',
    lines: [
      ['2026-01-05', 'My email is ana@old.example.', '+user|email|ana@old.example'],
      ['2026-03-05', 'My new email is ana@new.example.', '~user|email|ana@old.example>ana@new.example'],
    ],
    now: ['user|email|ana@new.example'],
    past: ['user|email|ana@old.example'],
  },
  {
    name: 'forgetting one thing',
    lines: [
      [
        '2026-01-05',
        'My shoe size is 42 and my favourite colour is green.',
        '+user|shoe_size|42',
        '+user|favourite_colour|green',
      ],
      ['2026-02-05', 'Please forget my shoe size.', '-user|shoe_size|42'],
    ],
    now: ['user|favourite_colour|green'],
    past: ['user|shoe_size|42'],
  },
  {
    name: 'a quotation is not the speaker',
    lines: [
      ['2026-01-05', '> I live in Paris.\nThat is what the form says. I live in Nantes.', '+user|lives_in|Nantes'],
    ],
    now: ['user|lives_in|Nantes'],
  },
  {
    name: 'a marriage ends',
    lines: [
      ['2026-01-05', "I'm married.", '+user|relationship_status|married'],
      ['2026-06-05', "I'm divorced now.", '~user|relationship_status|married>divorced'],
    ],
    now: ['user|relationship_status|divorced'],
    past: ['user|relationship_status|married'],
  },
  {
    name: 'a sentence the rules do not know',
    lines: [
      ['2026-01-05', 'I live in Utrecht.', '+user|lives_in|Utrecht'],
      ['2026-04-05', 'We finally got the keys to the flat in Delft, boxes everywhere!', '~user|lives_in|Utrecht>Delft'],
    ],
    now: ['user|lives_in|Delft'],
    past: ['user|lives_in|Utrecht'],
  },
];
