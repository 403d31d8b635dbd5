import type { LanguagePack } from './language-pack.ts';

const kin =
  'esposa|esposo|mulher|marido|companheiro|companheira|namorada|namorado|filho|filha|irmão|irmã|mãe|pai|tia|tio|prima|primo|chefe|vizinho|vizinha|amigo|amiga|colega|avó|avô';

/** How Portuguese says what the rules read. */
export const portuguese: LanguagePack = {
  language: 'pt',
  common:
    'eu o os as e é não meu minha moro trabalho sou tenho chamo gosto já desde em no na com para por um uma muito agora mora trabalha se me do da mas anos há está estou alérgico alérgica odeio como falo mais mudei vivo',
  me: '(?:eu |nós )?(?:me |não )?(?:sou |estou )?',
  elided: '',
  adverbs: 'agora|atualmente|também|ainda|sempre|realmente|já|só|finalmente|recentemente',
  kin: `(?:o |a )?(?:meu|minha|nosso|nossa) (?<kin>${kin})(?:,? (?<kinName>\\p{Lu}[\\p{L}'-]+),?)?`,
  sayings: [
    { relation: 'name', me: '(?:chamo-me|chamo) VALUE' },
    { relation: 'name', whole: true, me: '(?:o )?(?:meu nome é|me chame de|chama-me) VALUE' },
    {
      relation: 'lives_in',
      me: '(?:morava|vivia)(?: antes)? (?:em|no|na) VALUE',
      they: '(?:morava|vivia) (?:em|no|na) VALUE',
      isPast: true,
    },
    { relation: 'lives_in', whole: true, me: 'antes (?:eu )?(?:morava|vivia) (?:em|no|na) VALUE', isPast: true },
    {
      relation: 'lives_in',
      me: '(?:moro|vivo|resido)(?: agora)? (?:em|no|na) VALUE',
      they: '(?:mora|vive)(?: agora)? (?:em|no|na) VALUE',
    },
    {
      relation: 'lives_in',
      me: '(?:mudei(?:-me)?)(?: de (?<from>\\p{L}+))? para (?:o |a )?VALUE',
      they: '(?:se )?mudou(?:-se)?(?: de (?<from>\\p{L}+))? para (?:o |a )?VALUE',
    },
    { relation: 'staying_in', kind: 'task_state', me: '(?:em|no|na) VALUE', only: /^\p{Lu}[\p{L}-]+(?: \p{L}+)*$/u },
    {
      relation: 'works_at',
      me: 'trabalhava(?: antes)? (?:em|na|no|para a|para o|para) VALUE',
      they: 'trabalhava (?:na|no|em) VALUE',
      isPast: true,
    },
    { relation: 'works_at', whole: true, me: 'antes (?:eu )?trabalhava (?:em|na|no) VALUE', isPast: true },
    {
      relation: 'works_at',
      me: 'trabalho(?: agora)? (?:em|na|no|para a|para o|para) VALUE',
      they: 'trabalha(?: agora)? (?:em|na|no|para) VALUE',
    },
    {
      relation: 'works_at',
      me: '(?:comecei|entrei) (?:a trabalhar )?(?:na|no|em) VALUE',
      they: 'começou (?:a trabalhar )?(?:na|no|em) VALUE',
    },
    {
      relation: 'works_at',
      me: '(?:deixei|saí d[ao]|larguei|fui demitid[oa] d[ao]|demiti-me d[ao]) (?:a |o )?VALUE',
      they: '(?:deixou|saiu d[ao]) VALUE',
      isEnd: true,
      only: /^\p{Lu}/u,
    },
    { relation: 'works_at', me: '(?:deixei|perdi|larguei) (?:o )?meu (?:trabalho|emprego)', value: '', isEnd: true },
    { relation: 'diet', me: '(?:virei |tornei-me )*VALUE', they: 'é VALUE', only: /^(?:vegan[oa]|vegetarian[oa])$/i },
    {
      relation: 'relationship_status',
      me: '(?:estou )?VALUE',
      they: 'está VALUE',
      only: /^(?:casad[oa]|divorciad[oa]|solteir[oa]|noiv[oa]|viúv[oa])$/i,
    },
    {
      relation: 'allergic_to',
      me: '(?:sou |tenho )?alérgic[oa] (?:a |ao |à |aos |às )VALUE',
      they: 'é alérgic[oa] (?:a |ao |à |aos |às )VALUE',
      isList: true,
    },
    {
      relation: 'job',
      me: 'VALUE',
      they: 'é VALUE',
      only: /^(?:\p{Ll}+(?:eiro|eira|or|ora|ista|ogo|oga|ico|ica|nte|ado|ada)|médic[oa])$/u,
    },
    { relation: 'job', me: 'trabalho como VALUE', they: 'trabalha como VALUE' },
    { relation: 'age', me: 'tenho VALUE anos', they: 'tem VALUE anos', only: /^\d{1,3}$/ },
    { relation: 'birthday', whole: true, me: '(?:o )?meu aniversário é (?:em |no dia )?VALUE' },
    { relation: 'email', whole: true, me: '(?:o )?meu (?:novo )?e-?mail é (?:agora )?VALUE', only: /@/ },
    {
      relation: 'phone',
      whole: true,
      me: '(?:o )?meu (?:novo )?(?:telefone|número|celular|telemóvel) é (?:agora )?(?:o )?VALUE',
      only: /\d{3}/,
    },
    {
      relation: 'prefers_contact',
      kind: 'preference',
      whole: true,
      me: '(?:por favor,? )?(?:contacte-me|contata-me|me contate|me avise|avise-me) por VALUE',
    },
    {
      relation: 'eats',
      me: 'como VALUE',
      they: 'come VALUE',
      only: /^(?:carne|peixe|ovos|porco|glúten)(?: de novo)?$/i,
    },
    {
      relation: 'dislikes',
      kind: 'preference',
      me: '(?:odeio|detesto) VALUE',
      they: '(?:odeia|detesta) VALUE',
      isList: true,
    },
    {
      relation: 'likes',
      kind: 'preference',
      me: '(?:gosto(?: muito)? d(?:e|o|a|os|as)|adoro|amo) VALUE',
      they: '(?:gosta d(?:e|o|a|os|as)|adora) VALUE',
      isList: true,
    },
    {
      relation: 'PET_name',
      whole: true,
      me: '(?:o |a )?(?:meu|minha|nosso|nossa) (?<pet>cão|cachorro|cadela|gato|gata|coelho) (?:se chama|chama-se) VALUE',
    },
    {
      relation: 'KIN_name',
      whole: true,
      me: `(?:o |a )?(?:meu|minha|nosso|nossa) (?<kinOf>${kin}) (?:se chama|chama-se) VALUE`,
    },
    { relation: 'speaks', me: 'falo VALUE', they: 'fala VALUE', isList: true },
    { relation: 'plays', me: '(?:toco|jogo) VALUE', they: '(?:toca|joga) VALUE', isList: true },
    { relation: 'studies', me: 'estudo VALUE', they: 'estuda VALUE' },
    {
      relation: 'FAVOURITE',
      kind: 'preference',
      whole: true,
      me: '(?:o |a )?(?:meu|minha) (?<thing>\\p{L}+) (?:favorit[oa]|preferid[oa]) é (?:agora )?(?:o |a )?VALUE',
    },
  ],
  fillers:
    /^(?:(?:olá|oi|bom dia|boa tarde|pois|sim|e|mas|a propósito|ok|bem|então|lembra-te que|lembre que|lembre-se de que)(?:[,:!.-]+\s*|\s+))+/i,
  corrections:
    /^(?:(?:não|desculpe?|perdão|na verdade|correção|quis dizer|queria dizer|enganei-me|me enganei|aliás|espera)(?:[,:;.!—-]+\s*))+/i,
  questions: /^(?:o que|quem|onde|quando|como é|por que|qual|quanto|sabes|sabe|podes|pode|diz-me|me diga)(?![\p{L}])/iu,
  hypotheticals:
    /(?<!\p{L})(?:se (?:eu|morasse|tivesse|fosse)|imagine?|suponha(?:mos)?|quem me dera|gostaria|queria|poderia|moraria|viveria|trabalharia|seria|talvez)(?!\p{L})/iu,
  hearsay:
    /(?<!\p{L})(?:dizem que|parece que|segundo|supostamente|ouvi dizer|li que|me disseram|disseram-me|(?:ele|ela|\p{Lu}\p{L}+|(?:o |a )?(?:meu|minha) \p{L}+) (?:diz|disse|acha|pensa|afirma|acredita))(?!\p{L})/iu,
  sarcasm: /(?<!\p{L})(?:pois sim|sim,? claro|que maravilha|até parece|claro que sim, pois)(?!\p{L})|🙄|\/s\b/iu,
  temporary:
    /(?<!\p{L})(?:esta semana|este (?:mês|fim de semana|verão)|por (?:uns|umas|dois|duas|três|um|uma) (?:dias?|semanas?|m[eê]s(?:es)?)|temporariamente|por enquanto|de férias|em viagem|de visita)(?!\p{L})/iu,
  negations: [
    { find: /(?<!\p{L})já não\s+/iu, put: '', longer: true },
    {
      find: /(?<!\p{L})não (moro|vivo|trabalho|como|falo|toco|sou|gosto|mora|vive|trabalha) mais(?!\p{L})/iu,
      put: '$1',
      longer: true,
    },
    { find: /^(?:eu )?não (?=(?:moro|vivo|trabalho|como|falo|toco|sou|gosto|estudo)\s)/iu, put: '', longer: false },
  ],
  swaps: [
    /^(?:é|era)?\s*(?:em |no |na )?(?<now>[^,]+?),? (?:e )?não (?:em |no |na |de )?(?<before>[^,.!]+)$/iu,
    /^não (?:é |era |em |no |na )?(?<before>[^,]+?),? mas(?: sim)? (?:em |no |na )?(?<now>[^,.!]+)$/iu,
  ],
  forgets: /^(?:por favor,? )?(?:esquece|esqueça|apaga|apague)(?: que)? (?<what>.+)$/i,
  joins: /\s*(?:,?\s+(?:e|mas|porque|enquanto)\s+|;\s*|,\s*|\s+[—–-]\s+|:\s+)/i,
  tails: /[,\s]+(?:agora|já|mais|também|por favor|obrigad[oa]|a propósito|atualmente|muito|nada|de novo|na verdade)$/i,
  articles: /^(?:os?|as?|um|uma|uns|umas|(?:o |a )?meu|(?:o |a )?minha) /i,
};
