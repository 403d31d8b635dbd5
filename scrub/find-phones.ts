import { findPhoneNumbersInText, isSupportedCountry } from 'libphonenumber-js/max';
import type { Found } from './found.ts';

/** Phone numbers: international ones (`+49 …`), and national ones of the policy's country. Only numbers that could be given out. */
export function findPhones(text: string, { country }: { readonly country?: string } = {}): Found[] {
  const own = country?.toUpperCase();
  const options = own !== undefined && isSupportedCountry(own) ? { defaultCountry: own } : {};
  return findPhoneNumbersInText(text, options).flatMap(({ number, startsAt, endsAt }): Found[] => {
    const raw = text.slice(startsAt, endsAt);
    // A date, a price and an amount have few digits, or none of the signs of a number to call.
    const isAmount = /^\d{1,3}(?:[ .,]\d{3})+(?:[.,]\d{1,2})?$/.test(raw) || /\d[.,]\d{2}$/.test(raw);
    const isOrder = /[#№A-Za-z-]$/.test(text.slice(0, startsAt)) && !raw.startsWith('+');
    return number.isValid() && !isAmount && !isOrder ? [{ from: startsAt, to: endsAt }] : [];
  });
}

/** True when phone numbers of this country (two letters) are known. */
export function isPhoneCountry(country: string): boolean {
  return isSupportedCountry(country.toUpperCase());
}
