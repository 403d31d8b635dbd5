import type { LanguagePack } from './language-pack.ts';

const kin =
  'esposa|esposo|mujer|marido|pareja|novia|novio|hijo|hija|hermano|hermana|madre|padre|tía|tío|prima|primo|jefe|jefa|vecino|vecina|amigo|amiga|colega|abuela|abuelo';

/** How Spanish says what the rules read. */
export const spanish: LanguagePack = {
  language: 'es',
  common:
    'yo el la los las y es no mi mis vivo trabajo soy tengo llamo gusta ya desde en con para por un una muy ahora vive trabaja se me del al pero años años hace está estoy alérgico alérgica odio como hablo sino mudé',
  me: '(?:yo |nosotros )?(?:me |no )?(?:he |soy |estoy )?',
  elided: '',
  adverbs: 'ahora|actualmente|también|todavía|aún|siempre|realmente|ya|solo|por fin|recientemente',
  kin: `(?:mi|nuestra|nuestro) (?<kin>${kin})(?:,? (?<kinName>\\p{Lu}[\\p{L}'-]+),?)?`,
  sayings: [
    { relation: 'name', me: 'llamo VALUE' },
    { relation: 'name', whole: true, me: '(?:mi nombre es|llámame|llámeme) VALUE' },
    { relation: 'lives_in', me: 'vivía(?: antes)? en VALUE', they: 'vivía en VALUE', isPast: true },
    { relation: 'lives_in', whole: true, me: 'antes (?:yo )?vivía en VALUE', isPast: true },
    {
      relation: 'lives_in',
      me: '(?:vivo|resido|viviendo)(?: ahora)? en VALUE',
      they: '(?:vive|reside|vive ahora) en VALUE',
    },
    {
      relation: 'lives_in',
      me: '(?:mudé|mudado|trasladé|nos mudamos)(?: de (?<from>\\p{L}+))? a VALUE',
      they: 'se (?:ha )?(?:mudó|mudado|trasladó)(?: de (?<from>\\p{L}+))? a VALUE',
    },
    {
      relation: 'staying_in',
      kind: 'task_state',
      me: '(?:en|de visita en) VALUE',
      only: /^\p{Lu}[\p{L}-]+(?: \p{Lu}\p{L}+)?$/u,
    },
    {
      relation: 'works_at',
      me: 'trabajaba(?: antes)? (?:en|para) VALUE',
      they: 'trabajaba (?:en|para) VALUE',
      isPast: true,
    },
    { relation: 'works_at', whole: true, me: 'antes (?:yo )?trabajaba (?:en|para) VALUE', isPast: true },
    {
      relation: 'works_at',
      me: '(?:trabajo|trabajando)(?: ahora)? (?:en|para) VALUE',
      they: 'trabaja(?: ahora)? (?:en|para) VALUE',
    },
    {
      relation: 'works_at',
      me: '(?:empecé|empezado|entré) (?:a trabajar )?(?:en|para) VALUE',
      they: 'empezó (?:a trabajar )?en VALUE',
    },
    {
      relation: 'works_at',
      me: '(?:dejé|renuncié a|despidieron de|despedido de|dejado) VALUE',
      they: '(?:dejó|renunció a) VALUE',
      isEnd: true,
      only: /^\p{Lu}/u,
    },
    { relation: 'works_at', me: '(?:dejé|perdí|he dejado) mi (?:trabajo|empleo)', value: '', isEnd: true },
    {
      relation: 'diet',
      me: '(?:he vuelto |hice |hecho |volví |vuelto )*VALUE',
      they: 'es VALUE',
      only: /^(?:vegan[oa]|vegetarian[oa])$/i,
    },
    {
      relation: 'relationship_status',
      me: '(?:estoy )?VALUE',
      they: 'está VALUE',
      only: /^(?:casad[oa]|divorciad[oa]|solter[oa]|prometid[oa]|viud[oa])$/i,
    },
    {
      relation: 'allergic_to',
      me: '(?:soy |tengo )?al[ée]rgic[oa] (?:a la |a los |a las |al |a )VALUE',
      they: 'es alérgic[oa] (?:a la |a los |a las |al |a )VALUE',
      isList: true,
    },
    {
      relation: 'job',
      me: 'VALUE',
      they: 'es VALUE',
      only: /^(?:\p{Ll}+(?:ero|era|or|ora|ista|ogo|oga|ico|ica|nte|ado|ada)|médic[oa])$/u,
    },
    { relation: 'job', me: 'trabajo (?:de|como) VALUE', they: 'trabaja (?:de|como) VALUE' },
    { relation: 'age', me: 'tengo VALUE años', they: 'tiene VALUE años', only: /^\d{1,3}$/ },
    { relation: 'birthday', whole: true, me: 'mi cumpleaños es (?:el )?VALUE' },
    {
      relation: 'email',
      whole: true,
      me: 'mi (?:nuevo )?(?:correo(?: electrónico)?|e-?mail) es (?:ahora )?VALUE',
      only: /@/,
    },
    {
      relation: 'phone',
      whole: true,
      me: 'mi (?:nuevo )?(?:teléfono|número(?: de teléfono)?|móvil|celular) es (?:ahora )?(?:el )?VALUE',
      only: /\d{3}/,
    },
    {
      relation: 'prefers_contact',
      kind: 'preference',
      whole: true,
      me: '(?:por favor,? )?(?:contáctame|contácteme|avísame|escríbeme) por VALUE',
    },
    { relation: 'does_not_eat', me: 'como(?: nunca)? VALUE', only: /^never$/ },
    {
      relation: 'eats',
      me: 'como VALUE',
      they: 'come VALUE',
      only: /^(?:carne|pescado|huevos|cerdo|gluten)(?: otra vez)?$/i,
    },
    {
      relation: 'dislikes',
      kind: 'preference',
      me: '(?:odio|detesto) VALUE',
      they: '(?:odia|detesta) VALUE',
      isList: true,
    },
    {
      relation: 'likes',
      kind: 'preference',
      whole: true,
      me: '(?:a mí )?(?:me )(?:gustan?|encantan?)(?: mucho)? VALUE',
      isList: true,
    },
    { relation: 'likes', kind: 'preference', me: '(?:amo|adoro) VALUE', isList: true },
    {
      relation: 'PET_name',
      whole: true,
      me: '(?:mi|nuestro|nuestra) (?<pet>perro|perra|gato|gata|conejo|caballo) se llama VALUE',
    },
    { relation: 'KIN_name', whole: true, me: `(?:mi|nuestro|nuestra) (?<kinOf>${kin}) se llama VALUE` },
    { relation: 'speaks', me: 'hablo VALUE', they: 'habla VALUE', isList: true },
    { relation: 'plays', me: '(?:toco|juego al?) VALUE', they: '(?:toca|juega al?) VALUE', isList: true },
    { relation: 'studies', me: 'estudio VALUE', they: 'estudia VALUE' },
    { relation: 'drives', me: 'conduzco un VALUE' },
    {
      relation: 'FAVOURITE',
      kind: 'preference',
      whole: true,
      me: 'mi (?<thing>\\p{L}+) (?:favorit[oa]|preferid[oa]) es (?:ahora )?VALUE',
    },
    { relation: 'SIZE', whole: true, me: 'mi (?<thing>talla) (?:de \\p{L}+ )?es (?:la )?VALUE' },
  ],
  fillers:
    /^(?:(?:hola|buenos días|buenas(?: tardes)?|pues|sí|y|pero|por cierto|vale|bueno|oye|ok|recuerda que|ten en cuenta que|apunta que)(?:[,:!.-]+\s*|\s+))+/i,
  corrections:
    /^(?:(?:no|perdón|perdona|en realidad|corrección|quise decir|quería decir|me equivoqué|mejor dicho|espera|lo siento)(?:[,:;.!—-]+\s*|(?=\sno\b)\s+))+/i,
  questions: /^(?:qué|quién|dónde|cuándo|cómo|por qué|cuál|cuánto|sabes|puedes|dime|recuérdame)(?![\p{L}])/iu,
  hypotheticals:
    /(?<!\p{L})(?:si (?:yo |viviera|tuviera|fuera|me|pudiera|trabajara)|imagina|supongamos|ojalá|me gustaría|quisiera|podría|viviría|trabajaría|sería|quizás?|tal vez)(?!\p{L})/iu,
  hearsay:
    /(?<!\p{L})(?:dicen que|al parecer|según|se rumorea|supuestamente|he (?:oído|leído)|me (?:dijeron|han dicho)|(?:él|ella|\p{Lu}\p{L}+|mi \p{L}+) (?:dice|dijo|cree|piensa|afirma|asegura|me dijo))(?!\p{L})/iu,
  sarcasm:
    /(?<!\p{L})(?:sí,? claro|claro que sí, cómo no|qué maravilla|ya, ya|cómo no|qué suerte la mía)(?!\p{L})|🙄|\/s\b/iu,
  temporary:
    /(?<!\p{L})(?:esta semana|este (?:mes|fin de semana|verano|invierno)|por (?:unos|unas|dos|tres|un|una) (?:días?|semanas?|mes(?:es)?)|temporalmente|de momento|por ahora|de vacaciones|de viaje|de visita)(?!\p{L})/iu,
  negations: [
    { find: /(?<!\p{L})ya no (?:me )(gusta)/iu, put: 'me $1', longer: true },
    { find: /(?<!\p{L})ya no\s+/iu, put: '', longer: true },
    { find: /(?<!\p{L})no (vivo|trabajo|como|hablo|toco|soy) más(?!\p{L})/iu, put: '$1', longer: true },
    { find: /(?<!\p{L})no me (gustan?|encantan?)(?: nada)?/iu, put: 'me $1', longer: false },
    { find: /^(?:yo )?no (?=(?:vivo|trabajo|como|hablo|toco|soy|estudio)\s)/iu, put: '', longer: false },
    {
      find: /^((?:mi|nuestr[oa]) \p{L}+|\p{Lu}\p{L}+) (?:ya )?no (?=(?:vive|trabaja|come|habla|toca|es)\s)/iu,
      put: '$1 ',
      longer: false,
    },
  ],
  swaps: [
    /^(?:es|era)?\s*(?:en )?(?<now>[^,]+?),? (?:y )?no (?:en |de )?(?<before>[^,.!]+)$/iu,
    /^no (?:es |era |en )?(?<before>[^,]+?),? sino (?:en |de )?(?<now>[^,.!]+)$/iu,
  ],
  forgets: /^(?:por favor,? )?(?:olvida|borra|elimina|olvídate de)(?: que)? (?<what>.+)$/i,
  joins: /\s*(?:,?\s+(?:y|pero|porque|mientras que|e)\s+|;\s*|,\s*|\s+[—–-]\s+|:\s+)/i,
  tails: /[,\s]+(?:ahora|ya|más|también|por favor|gracias|por cierto|actualmente|mucho|nada|otra vez|en realidad)$/i,
  articles: /^(?:el|la|los|las|un|una|unos|unas|mi|mis) /i,
};
