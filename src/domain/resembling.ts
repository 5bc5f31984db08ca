// Whether two lines of bank statements may tell of one payment: the same day fetched as CODA and again as camt.053 or CSV
// has other keys. Never sure, so that a person decides.
import type { CivilDate } from './time.ts'

export type Told = {
  valueOn: CivilDate
  cents: number
  counterIban: string | null
  /** A structured communication, whatever its kind. */
  reference: string | null
  text: string
}

const differ = (one: string | null, other: string | null): boolean => one !== null && other !== null && one !== other
const same = (one: string | null, other: string | null): boolean => one !== null && one === other

/** Formats cut, pad and fold communications each in its own way, and some put more round them. */
const bare = (text: string): string =>
  text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '')
/** Shorter ones say too little to be told apart. */
const TELLING = 5

/** With its words as they are compared, worked out once. */
type Read<T extends Told = Told> = { line: T; words: string }
const read = <T extends Told>(line: T): Read<T> => ({ line, words: bare(line.text) })

function within(one: string, other: string): boolean {
  const [shorter, longer] = one.length <= other.length ? [one, other] : [other, one]
  return shorter.length >= TELLING && longer.includes(shorter)
}

/** Of one payment, for all that is known: a reference or an account that both have, and that differs, makes them two. */
function compatible({ line: one, words }: Read, { line: other, words: others }: Read): boolean {
  if (one.valueOn !== other.valueOn || one.cents !== other.cents) return false
  if (differ(one.reference, other.reference) || differ(one.counterIban, other.counterIban)) return false
  return same(one.reference, other.reference) || same(one.counterIban, other.counterIban) || within(words, others)
}

/** Whether two lines look alike: the same value date and amount, and the same reference, account or words. */
export const alike = (one: Told, other: Told): boolean => compatible(read(one), read(other))

/** What lines are looked up by, the surest first: the reference, the account, the very words; then the place itself. */
function keysOf({ line: { valueOn, cents, reference, counterIban }, words }: Read): string[] {
  const place = `${valueOn} ${cents}`
  return [
    ...(reference === null ? [] : [`${place} reference ${reference}`]),
    ...(counterIban === null ? [] : [`${place} account ${counterIban}`]),
    ...(words.length < TELLING ? [] : [`${place} words ${words}`]),
    place,
  ]
}

/** How many of a place are compared word by word: of thousands, those that are alike have more in common. */
const MOST = 500

export type Pairs<K> = {
  /** More lines that are here; one that is known already is known once. */
  add(known: readonly K[]): void
  /** For each line the one here that it is most like. Each is given once, for two payments in a file are two. */
  among(lines: readonly Told[]): (K | undefined)[]
  /** These, which are known, were given for good. */
  take(given: readonly K[]): void
}

export function openPairs<K extends Told & { id: string }>(): Pairs<K> {
  const seen = new Set<string>()
  const there = new Map<string, Map<string, Read<K>>>()

  function find(line: Read, given: ReadonlySet<string>): K | undefined {
    for (const key of keysOf(line)) {
      let looked = 0
      for (const [id, one] of there.get(key) ?? []) {
        if (!given.has(id) && compatible(line, one)) return one.line
        if (++looked === MOST) break
      }
    }
    return undefined
  }

  return {
    add(known) {
      for (const line of known.filter(({ id }) => !seen.has(id))) {
        seen.add(line.id)
        const one = read(line)
        for (const key of keysOf(one)) there.set(key, (there.get(key) ?? new Map()).set(line.id, one))
      }
    },
    among(lines) {
      const given = new Set<string>()
      return lines.map((line) => {
        const found = find(read(line), given)
        if (found) given.add(found.id)
        return found
      })
    },
    take(given) {
      for (const line of given) for (const key of keysOf(read(line))) there.get(key)?.delete(line.id)
    },
  }
}
