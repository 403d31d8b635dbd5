import validator from 'validator';
import type { Found } from './found.ts';
import { findAll } from './found.ts';

/** Tokens whose makers gave them a form of their own, so that they are found. */
const known: readonly RegExp[] = [
  // Amazon
  /\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b/g,
  // GitHub
  /\bgh[pousr]_[A-Za-z0-9]{36,255}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{22,255}\b/g,
  // GitLab
  /\bgl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,64}/g,
  // Slack
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,250}/g,
  /https:\/\/hooks\.slack\.com\/services\/[A-Za-z0-9/_-]{20,}/g,
  // OpenAI, Anthropic, Stripe, and others that begin likewise
  /\bsk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{20,250}/g,
  /\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,250}\b/g,
  /\bwhsec_[A-Za-z0-9+/=]{24,}/g,
  // Google
  /\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/g,
  /\bya29\.[0-9A-Za-z_-]{20,}/g,
  /\bGOCSPX-[0-9A-Za-z_-]{20,}/g,
  // npm, PyPI, Hugging Face, DigitalOcean, SendGrid, Twilio, Telegram, Shopify, Square
  /\bnpm_[A-Za-z0-9]{36}\b/g,
  /\bpypi-[A-Za-z0-9_-]{50,}/g,
  /\bhf_[A-Za-z0-9]{30,}\b/g,
  /\bdo[opr]_v1_[a-f0-9]{64}\b/g,
  /\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g,
  /\b(?:AC|SK)[a-f0-9]{32}\b/g,
  /\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g,
  /\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b/g,
  /\bsq0(?:atp|csp)-[0-9A-Za-z_-]{22,43}/g,
  // Private keys, whole
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|$)/g,
  // A password inside a URL
  /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{1,100}:(?<it>[^\s/@]{1,200})@/gi,
  // Headers
  /\b(?:Bearer|Basic)\s+(?<it>[A-Za-z0-9._~+/-]{16,}=*)/g,
];

/** What people write before a password, in the languages of the rules; then the password itself. */
const named =
  /(?:\b(?:api[ _-]?key|access[ _-]?key|secret(?:[ _-]?key)?|client[ _-]?secret|auth[ _-]?token|access[ _-]?token|token|password|passwd|passphrase|passwort|kennwort|mot de passe|contraseña|clave|senha|pin|pwd)\b)["'`]?\s*(?:(?:is|ist|lautet|est|es|é)(?!\p{L})\s*:?|[:=]{1,2}>?)\s*["'`]?(?<it>[^\s"'`,;]{3,199}[^\s"'`,;.!?)])/giu;

/** Keys, tokens and passwords: those of a known form, JSON web tokens, and what is called one and looks like none of the words people use. */
export function findSecrets(text: string): Found[] {
  return [
    ...known.flatMap((pattern) => findAll(text, pattern)),
    ...findAll(text, /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, (it) => validator.isJWT(it)),
    ...findAll(text, named, looksLikePassword),
  ];
}

/** "My password is wrong" gives no password away; "hunter2" does. */
function looksLikePassword(it: string): boolean {
  if (/^[[<$%{*]/.test(it)) return false;
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(it)).length;
  return /\p{N}/u.test(it) || (kinds >= 3 && it.length >= 8);
}
