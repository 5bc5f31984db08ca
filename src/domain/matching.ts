// Whose payment a bank line is. Pure: what is known of references, accounts and names is given; the answer is sure only
// when a reference of ours says so, anything else is put before a person.
type Line = { cents: number; counterName: string | null; text: string }
/** What is known about the line beside itself. */
export type Known = {
  /** The payer of the call with the line's reference, and whether something of that call is still open. */
  called?: { payerId: string; open: boolean }
  /** Whose payments came from the line's account before. */
  payers: readonly string[]
  /** What each of the candidates still owes, and how they are called. */
  owing: readonly Named[]
}
export type Owing = { payerId: string; name: string; cents: number }
/** With the words of the name, worked out once for all lines of a file. */
export type Named = Owing & { words: ReadonlySet<string> }

export const matchRules = ['reference', 'old_reference', 'account', 'name', 'none'] as const
export type MatchRule = (typeof matchRules)[number]
export type Match = {
  rule: MatchRule
  /** Null when a person has to say. */
  payerId: string | null
  /** To be recorded without asking. */
  sure: boolean
}

const nobody: Match = { rule: 'none', payerId: null, sure: false }

/** The words of a name without accents or case, in no order: banks write «LEFEVRE ZOE» and «MME Z LEFEVRE». */
const words = (name: string): Set<string> =>
  new Set(
    name
      .normalize('NFKD')
      .replace(/\p{M}+/gu, '')
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word.length > 1),
  )

export type Names = {
  add(owing: readonly Owing[]): void
  nameOf(payerId: string): string | undefined
  /** Those of whom `match` may say that a line is theirs: a few of perhaps ten thousand. */
  near(line: Pick<Line, 'counterName' | 'text'>, payers: readonly string[]): Named[]
}

/** Who owes something, found by their words, which are worked out once for all lines of a file. */
export function newNames(): Names {
  const byPayer = new Map<string, Named>()
  const byWord = new Map<string, Named[]>()
  function add(one: Owing): void {
    const named = { ...one, words: words(one.name) }
    byPayer.set(one.payerId, named)
    for (const word of named.words) {
      const there = byWord.get(word)
      if (there) there.push(named)
      else byWord.set(word, [named])
    }
  }
  // A name has two words in common with the text, so that its commonest word need not be looked under.
  const sharing = (text: string): Named[] =>
    [...words(text)]
      .map((word) => byWord.get(word) ?? [])
      .toSorted((a, b) => b.length - a.length)
      .slice(1)
      .flat()
  return {
    add: (owing) => owing.forEach(add),
    nameOf: (payerId) => byPayer.get(payerId)?.name,
    near: ({ counterName, text }, payers) => [
      ...new Set([
        ...payers.flatMap((payerId) => byPayer.get(payerId) ?? []),
        ...sharing(counterName ?? ''),
        ...sharing(text),
      ]),
    ],
  }
}

/** True when all words of the smaller set, two at least, are in the other. */
function within(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  const [smaller, larger] = one.size <= other.size ? [one, other] : [other, one]
  return smaller.size >= 2 && smaller.isSubsetOf(larger)
}

/** True when two names are of the same words, or one is part of the other. */
export const alike = (one: string, other: string): boolean => within(words(one), words(other))

/**
 * The first rule that names one payer: a reference of an open call; one of an older call; an account that only one payer
 * used, with the exact amount that this payer owes; a name that only one payer who owes has. Money that leaves is nobody's
 * payment.
 */
export function match(line: Line, known: Known): Match {
  if (line.cents <= 0) return nobody
  if (known.called) {
    const { payerId, open } = known.called
    return { rule: open ? 'reference' : 'old_reference', payerId, sure: open }
  }
  const [payer, ...others] = known.payers
  if (payer !== undefined && others.length === 0) {
    const owes = known.owing.find(({ payerId }) => payerId === payer)?.cents
    if (owes === line.cents) return { rule: 'account', payerId: payer, sure: false }
  }
  const said = [words(line.counterName ?? ''), words(line.text)]
  const [one, ...more] = known.owing.filter((owing) => said.some((text) => within(owing.words, text)))
  return one && more.length === 0 ? { rule: 'name', payerId: one.payerId, sure: false } : nobody
}
