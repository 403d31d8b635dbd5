import validator from 'validator';
import type { Found } from './found.ts';
import { findAll } from './found.ts';

/** E-mail addresses. */
export function findEmails(text: string): Found[] {
  const pattern =
    /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+'-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}(?![\p{L}\p{N}-]*@)/gu;
  return findAll(text, pattern, (it) => validator.isEmail(it, { allow_utf8_local_part: true }));
}

/** Numbers of payment cards: 13 to 19 digits that a card could have, with the check digit right. */
export function findCards(text: string): Found[] {
  const pattern = /(?<![\p{L}\p{N}.,+-])\d(?:[ -]?\d){12,18}(?![\p{L}\p{N}]|[.,-]\d)/gu;
  return findAll(text, pattern, (it) => validator.isCreditCard(it.replace(/[ -]/g, '')));
}

/** International bank account numbers with the length of their country and right check digits, in groups or in one. */
export function findIbans(text: string): Found[] {
  // Groups of any length: the longest beginning that is one.
  return findAll(text, /(?<![\p{L}\p{N}])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,32}/gu).flatMap(
    ({ from, to }): Found[] => {
      for (let end = to; end - from >= 15; end--) {
        if (/[\p{L}\p{N}]/u.test(text.slice(end, end + 1)) || /[ -]$/.test(text.slice(from, end))) continue;
        if (validator.isIBAN(text.slice(from, end).replace(/[ -]/g, '').toUpperCase())) return [{ from, to: end }];
      }
      return [];
    },
  );
}

/** Addresses of machines: IPv4 but not a version number of software, and IPv6 with at least three groups. */
export function findIpAddresses(text: string): Found[] {
  return [
    ...findAll(
      text,
      /(?<![\p{L}\p{N}.]|[vV]ersion |[vV]\. ?)(?<it>\d{1,3}(?:\.\d{1,3}){3})(?![\p{L}\p{N}]|\.\d)/gu,
      (it) => validator.isIP(it, 4),
    ),
    ...findAll(text, /(?<![\p{L}\p{N}:.])[0-9a-fA-F:]{6,39}(?![\p{L}\p{N}:])/gu, (it) => {
      return (it.match(/:/g) ?? []).length >= 3 && validator.isIP(it, 6);
    }),
  ];
}
