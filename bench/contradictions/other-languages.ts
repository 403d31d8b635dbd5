import type { Conversation } from './conversation.ts';

const move = (name: string, [first, a]: [string, string], [second, b]: [string, string]): Conversation => ({
  name,
  lines: [
    ['2026-01-10', first, `+user|lives_in|${a}`],
    ['2026-05-10', second, `~user|lives_in|${a}>${b}`],
  ],
  now: [`user|lives_in|${b}`],
  past: [`user|lives_in|${a}`],
});
const stands = (name: string, [first, fact]: [string, string], ...others: readonly string[]): Conversation => ({
  name,
  lines: [['2026-01-10', first, `+${fact}`], ...others.map((text, at) => [`2026-02-1${at}`, text] as const)],
  now: [fact],
});
const over = (name: string, [first, fact]: [string, string], second: string): Conversation => ({
  name,
  lines: [
    ['2026-01-10', first, `+${fact}`],
    ['2026-05-10', second, `-${fact}`],
  ],
  now: [],
  past: [fact],
});
const turned = (name: string, [first, fact]: [string, string], [second, other]: [string, string]): Conversation => ({
  name,
  lines: [
    ['2026-01-10', first, `+${fact}`],
    ['2026-05-10', second, `+${other}`],
  ],
  now: [other],
  past: [fact],
});

/** Conversations in German. */
export const german: readonly Conversation[] = [
  move('de: Umzug', ['Ich wohne in Köln.', 'Köln'], ['Ich bin nach Bonn gezogen.', 'Bonn']),
  turned(
    'de: neue Stelle',
    ['Ich arbeite bei Bosch.', 'user|works_at|Bosch'],
    ['Ich arbeite jetzt bei Miele.', 'user|works_at|Miele'],
  ),
  over('de: gekündigt', ['Ich arbeite bei Bosch.', 'user|works_at|Bosch'], 'Ich habe bei Bosch gekündigt.'),
  over('de: nicht mehr', ['Ich spiele Geige.', 'user|plays|Geige'], 'Ich spiele nicht mehr Geige.'),
  stands(
    'de: Hörensagen',
    ['Ich wohne in Ulm.', 'user|lives_in|Ulm'],
    'Mein Nachbar behauptet, ich wohne in Köln.',
    'Angeblich arbeite ich bei Siemens.',
  ),
  stands(
    'de: Frage und Wunsch',
    ['Ich wohne in Ulm.', 'user|lives_in|Ulm'],
    'Wo wohne ich?',
    'Wenn ich in Wien wohnen würde, wäre ich froh.',
  ),
  stands('de: Ironie', ['Ich hasse Regen.', 'user|dislikes|Regen'], 'Ja klar, ich liebe Regen.'),
  {
    name: 'de: nicht, sondern',
    lines: [
      ['2026-01-10', 'Meine Schwester wohnt in Bremen.', '+schwester|lives_in|Bremen'],
      ['2026-01-11', 'Nein, nicht in Bremen, sondern in Kiel.', '~schwester|lives_in|Bremen>Kiel'],
    ],
    now: ['schwester|lives_in|Kiel'],
    past: ['schwester|lives_in|Bremen'],
  },
  {
    name: 'de: früher',
    lines: [
      [
        '2026-01-10',
        'Früher wohnte ich in Jena. Jetzt wohne ich in Gera.',
        '+user|lives_in|Jena..2026-01-10',
        '+user|lives_in|Gera',
      ],
    ],
    now: ['user|lives_in|Gera'],
    past: ['user|lives_in|Jena'],
  },
  {
    name: 'de: auf Reisen',
    lines: [
      ['2026-01-10', 'Ich wohne in Graz.', '+user|lives_in|Graz'],
      ['2026-02-10', 'Ich bin diese Woche in Rom.', '+user|staying_in|Rom'],
    ],
    now: ['user|lives_in|Graz', 'user|staying_in|Rom'],
  },
  turned(
    'de: kein Fleisch',
    ['Ich esse Fleisch.', 'user|eats|Fleisch'],
    ['Ich esse kein Fleisch mehr.', 'user|does_not_eat|Fleisch'],
  ),
];

/** Conversations in French. */
export const french: readonly Conversation[] = [
  move('fr: déménagement', ["J'habite à Lyon.", 'Lyon'], ["J'ai déménagé à Lille.", 'Lille']),
  turned(
    'fr: nouvel emploi',
    ['Je travaille chez Renault.', 'user|works_at|Renault'],
    ['Je travaille maintenant chez Alstom.', 'user|works_at|Alstom'],
  ),
  over('fr: quitté', ['Je travaille chez Renault.', 'user|works_at|Renault'], "J'ai quitté Renault."),
  over('fr: ne plus', ['Je joue du piano.', 'user|plays|piano'], 'Je ne joue plus du piano.'),
  stands(
    'fr: ouï-dire',
    ["J'habite à Nice.", 'user|lives_in|Nice'],
    "Il paraît que j'habite à Metz.",
    'Mon voisin dit que je travaille chez Thales.',
  ),
  stands(
    'fr: question et souhait',
    ["J'habite à Nice.", 'user|lives_in|Nice'],
    "Où est-ce que j'habite ?",
    "Si j'habitais à Rome, je serais heureux.",
  ),
  stands('fr: ironie', ['Je déteste la pluie.', 'user|dislikes|pluie'], "Mais bien sûr, j'adore la pluie."),
  {
    name: 'fr: correction',
    lines: [['2026-01-10', 'Je m’appelle Luc. Pardon, je m’appelle Lucas.', '+user|name|Luc', '~user|name|Luc>Lucas']],
    now: ['user|name|Lucas'],
    past: ['user|name|Luc'],
  },
  {
    name: 'fr: avant',
    lines: [
      [
        '2026-01-10',
        "Avant, j'habitais à Brest. J'habite à Nantes depuis 2020.",
        '+user|lives_in|Brest..2020-01-01',
        '+user|lives_in|Nantes@2020-01-01',
      ],
    ],
    now: ['user|lives_in|Nantes'],
    past: ['user|lives_in|Brest'],
  },
  {
    name: 'fr: deux Camille',
    lines: [
      [
        '2026-01-10',
        'Ma sœur Camille habite à Pau. Ma collègue Camille habite à Albi.',
        '+Camille (sœur)|lives_in|Pau',
        '+Camille (collègue)|lives_in|Albi',
      ],
      ['2026-03-10', 'Ma sœur Camille a déménagé à Tarbes.', '~Camille (sœur)|lives_in|Pau>Tarbes'],
    ],
    now: ['Camille (sœur)|lives_in|Tarbes', 'Camille (collègue)|lives_in|Albi'],
    past: ['Camille (sœur)|lives_in|Pau'],
  },
];

/** Conversations in Spanish. */
export const spanish: readonly Conversation[] = [
  move('es: mudanza', ['Vivo en Madrid.', 'Madrid'], ['Me mudé a Valencia.', 'Valencia']),
  turned(
    'es: otro trabajo',
    ['Trabajo en Iberia.', 'user|works_at|Iberia'],
    ['Ahora trabajo en Telefónica.', 'user|works_at|Telefónica'],
  ),
  over('es: dejar', ['Trabajo en Iberia.', 'user|works_at|Iberia'], 'Dejé Iberia.'),
  over('es: ya no', ['Hablo ruso.', 'user|speaks|ruso'], 'Ya no hablo ruso.'),
  stands(
    'es: rumores',
    ['Vivo en Cádiz.', 'user|lives_in|Cádiz'],
    'Dicen que vivo en Bilbao.',
    'Mi vecino dice que trabajo en Seat.',
  ),
  stands(
    'es: pregunta y deseo',
    ['Vivo en Cádiz.', 'user|lives_in|Cádiz'],
    '¿Dónde vivo?',
    'Ojalá viviera en París. Si viviera en Roma, sería feliz.',
  ),
  stands('es: ironía', ['Odio la lluvia.', 'user|dislikes|lluvia'], 'Sí, claro, me encanta la lluvia.'),
  turned('es: gustos', ['Me gusta el café.', 'user|likes|café'], ['Odio el café.', 'user|dislikes|café']),
  {
    name: 'es: visita',
    lines: [
      ['2026-01-10', 'Vivo en Burgos.', '+user|lives_in|Burgos'],
      ['2026-02-10', 'Esta semana estoy en Lima.', '+user|staying_in|Lima'],
    ],
    now: ['user|lives_in|Burgos', 'user|staying_in|Lima'],
  },
  {
    name: 'es: antes',
    lines: [
      [
        '2026-01-10',
        'Antes vivía en Murcia. Vivo en Alicante desde hace dos años.',
        '+user|lives_in|Murcia..2024-01-10',
        '+user|lives_in|Alicante@2024-01-10',
      ],
    ],
    now: ['user|lives_in|Alicante'],
    past: ['user|lives_in|Murcia'],
  },
];

/** Conversations in Portuguese. */
export const portuguese: readonly Conversation[] = [
  move('pt: mudança', ['Moro em Lisboa.', 'Lisboa'], ['Mudei-me para Braga.', 'Braga']),
  turned(
    'pt: outro emprego',
    ['Trabalho na Galp.', 'user|works_at|Galp'],
    ['Agora trabalho na Sonae.', 'user|works_at|Sonae'],
  ),
  over('pt: saída', ['Trabalho na Galp.', 'user|works_at|Galp'], 'Saí da Galp.'),
  over('pt: já não', ['Toco violino.', 'user|plays|violino'], 'Já não toco violino.'),
  stands(
    'pt: boatos',
    ['Moro em Évora.', 'user|lives_in|Évora'],
    'Dizem que moro em Faro.',
    'O meu vizinho diz que trabalho na TAP.',
  ),
  stands(
    'pt: pergunta e desejo',
    ['Moro em Évora.', 'user|lives_in|Évora'],
    'Onde é que eu moro?',
    'Se eu morasse em Roma, seria feliz.',
  ),
  stands('pt: ironia', ['Odeio chuva.', 'user|dislikes|chuva'], 'Pois sim, adoro chuva.'),
  turned('pt: gostos', ['Gosto de café.', 'user|likes|café'], ['Não gosto de café.', 'user|dislikes|café']),
  {
    name: 'pt: antes',
    lines: [
      [
        '2026-01-10',
        'Antes morava em Beja. Moro em Sintra desde 2021.',
        '+user|lives_in|Beja..2021-01-01',
        '+user|lives_in|Sintra@2021-01-01',
      ],
    ],
    now: ['user|lives_in|Sintra'],
    past: ['user|lives_in|Beja'],
  },
  {
    name: 'pt: irmã',
    lines: [
      [
        '2026-01-10',
        'A minha irmã mora em Leiria e eu moro em Tomar.',
        '+irmã|lives_in|Leiria',
        '+user|lives_in|Tomar',
      ],
      ['2026-03-10', 'A minha irmã mudou-se para Ovar.', '~irmã|lives_in|Leiria>Ovar'],
    ],
    now: ['irmã|lives_in|Ovar', 'user|lives_in|Tomar'],
    past: ['irmã|lives_in|Leiria'],
  },
];
