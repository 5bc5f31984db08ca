// Distinguished names as strings (RFC 4514): values escaped on the way out, names taken apart on the way in.
// ldapts' own `DN` wraps values with outer spaces in quotes, a form that RFC 4514 no longer has.

type Rdn = { attribute: string; value: string }

const hexPairs = (character: string): string =>
  [...Buffer.from(character)].map((octet) => `\\${octet.toString(16).padStart(2, '0')}`).join('')

/** A value for use in a DN (RFC 4514 §2.4). Control characters go out as hex pairs, which the RFC allows for any octet. */
export const escapeValue = (value: string): string =>
  value.replace(/^[ #]| $|["+,;<>=\\]|\p{Cc}/gu, (character) =>
    /\p{Cc}/u.test(character) ? hexPairs(character) : `\\${character}`,
  )

/** The DN of an entry right under `base`. */
export const childDn = (attribute: string, value: string, base: string): string =>
  `${attribute}=${escapeValue(value)},${base}`

/** Cuts at separators that no backslash precedes. */
function split(text: string, separator: string): string[] {
  const parts = ['']
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (character === separator) parts.push('')
    else parts[parts.length - 1] += character === '\\' ? character + (text[++at] ?? '') : character
  }
  return parts
}

const unescapeValue = (text: string): string =>
  text
    .replace(/^ +/, '')
    .replace(/^((?:\\.|[^\\])*?) +$/su, '$1')
    .replace(/((?:\\[0-9a-f]{2})+)|\\(.)/giu, (_, pairs?: string, character?: string) =>
      pairs ? Buffer.from(pairs.replaceAll('\\', ''), 'hex').toString() : character!,
    )

function rdn(text: string): Rdn | undefined {
  const [attribute = '', ...value] = split(text, '=')
  if (value.length === 0 || split(text, '+').length > 1) return undefined
  return { attribute: attribute.trim().toLowerCase(), value: unescapeValue(value.join('=')) }
}

/** The parts of a DN, the entry's own first; undefined if it is not one, or has an RDN of several values. */
export function parseDn(dn: string): Rdn[] | undefined {
  const parts = split(dn, ',').map(rdn)
  return parts.every((part) => part !== undefined) ? parts : undefined
}

/** One spelling of a DN, for comparison: servers keep the case and the spaces that people typed. */
const sameDn = (parts: readonly Rdn[]): string =>
  parts.map(({ attribute, value }) => `${attribute}=${escapeValue(value.toLowerCase())}`).join(',')

/** The cn that names `dn` right under `base`; undefined if it lives elsewhere or is named otherwise. */
export function cnUnder(dn: string, base: string): string | undefined {
  const [own, ...parents] = parseDn(dn) ?? []
  const above = parseDn(base)
  return own?.attribute === 'cn' && above && sameDn(parents) === sameDn(above) ? own.value : undefined
}

/** True if `dn` is `base` or lies under it. */
export function isUnder(dn: string, base: string): boolean {
  const [below, above] = [parseDn(dn), parseDn(base)]
  return !!below && !!above && sameDn(below.slice(Math.max(0, below.length - above.length))) === sameDn(above)
}
