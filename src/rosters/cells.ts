// What one cell says: a text, a yes or no, a date, a language, a state. Each reader gives `undefined` for what it cannot
// read, so that the caller refuses the line; an empty cell is null. Cells are data whatever they begin with: a
// spreadsheet's `=`, `+`, `-` or `@` is never run here, and whoever writes a CSV file escapes it there.
import type { closingEvents } from '../domain/standing.ts'
import { type CivilDate, isCivilDate } from '../domain/time.ts'
import { plain } from './recognise.ts'

/** Longest cell, in characters, of a column that is used. */
export const MAX_CELL = 1000

/** One line of text: composed (NFC), without control characters or marks that turn the direction of writing. */
export const clean = (cell: string): string =>
  cell
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, '')
    .normalize('NFC')
    .trim()

/** A value for a message: one line, 60 characters at most. */
export const shorten = (value: string): string => {
  const text = clean(value.slice(0, 500))
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

const yes = new Set([
  '1',
  'oui',
  'yes',
  'ja',
  'o',
  'y',
  'j',
  't',
  'true',
  'vrai',
  'wahr',
  'waar',
  'actif',
  'active',
  'aktiv',
  'x',
])
const no = new Set([
  '0',
  'non',
  'no',
  'nein',
  'nee',
  'n',
  'f',
  'false',
  'faux',
  'falsch',
  'onwaar',
  'inactif',
  'inactive',
  'inaktiv',
])

export function yesNo(cell: string): boolean | null | undefined {
  const word = plain(cell)
  if (word === '') return null
  return yes.has(word) ? true : no.has(word) ? false : undefined
}

/** Languages that the house speaks. */
export type Language = 'fr' | 'nl' | 'en' | 'de'
const languages: Record<Language, RegExp> = {
  fr: /^(fr|fre|fra|francais|french|franzosisch|frans)\b/,
  nl: /^(nl|dut|nld|nederlands|neerlandais|dutch|niederlandisch|vlaams|flamand)\b/,
  en: /^(en|eng|english|anglais|englisch|engels)\b/,
  de: /^(de|ger|deu|deutsch|allemand|german|duits)\b/,
}

/** `fr_FR.utf8`, `nl-BE`, `Français` → a language; one that the house does not speak is null. */
export const language = (cell: string): Language | null => {
  const word = plain(cell).replaceAll('_', ' ')
  return (Object.keys(languages) as Language[]).find((code) => languages[code].test(word)) ?? null
}

const associations =
  /^(mor|morale?|moral person|personne morale|association|asbl|aisbl|vzw|ivzw|verein|vereniging|organi[sz]ation|organisatie|organisme|corporation|company|societe|entreprise|firma|legal( person)?)$/
const people =
  /^(phy|physique|physical|personne( physique)?|person|persoon|individual|individu|particulier|natural( person)?|household|menage)$/

/** Whether a member is a body or a human being, where a column says so (Dolibarr `mor`/`phy`, CiviCRM's contact type). */
export function kindOf(cell: string): 'person' | 'association' | null {
  const word = plain(cell)
  return associations.test(word) ? 'association' : people.test(word) ? 'person' : null
}

export type Closing = (typeof closingEvents)[number]
export type State = {
  closed: Closing | null
  active: boolean | null /** False: applied for, not paid or not admitted. */
  covers: boolean
}
const open: State = { closed: null, active: null, covers: true }

/** Dolibarr `llx_adherent.statut`: −2 excluded, −1 draft, 0 terminated, 1 validated. */
const dolibarrStates: Record<string, State> = {
  '-2': { closed: 'expelled', active: null, covers: true },
  '-1': { closed: null, active: false, covers: false },
  '0': { closed: 'resigned', active: null, covers: true },
  '1': { closed: null, active: true, covers: true },
}
const words: [RegExp, State][] = [
  [/exclu|expel|struck off|radie|ausgeschlossen|uitgesloten|geschrapt/, { ...open, closed: 'expelled' }],
  [
    /resil|demission|terminated|cancel|annule|resigned|ausgetreten|gekundigt|ontslag|opgezegd/,
    { ...open, closed: 'resigned' },
  ],
  [/deceased|decede|verstorben|overleden/, { ...open, closed: 'deceased' }],
  [/dissolved|dissou|aufgelost|ontbonden/, { ...open, closed: 'dissolved' }],
  [/draft|brouillon|pending|en attente|a valider|entwurf|ausstehend/, { closed: null, active: null, covers: false }],
]

/** What a membership's state says beyond its dates. A word that is not known says nothing. */
export function stateOf(cell: string, codes: boolean): State {
  const word = plain(cell)
  return (codes ? dolibarrStates[word] : undefined) ?? words.find(([pattern]) => pattern.test(word))?.[1] ?? open
}

// ── Dates ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const TIME = String.raw`(?:[T ,]+\d{1,2}[:h]\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?`
const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})${TIME}$`)
const YEAR_LAST = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})${TIME}$`)
const COMPACT = /^(\d{4})(\d{2})(\d{2})(?:\d{6})?$/
/** How managers write «no date»: MySQL's zero, Galette's 1901-01-01 (IO/MembersCsv.php). */
const NONE = /^(0000-00-00|1901-01-01|00\/00\/0000|01\/01\/1901)( 00:00:00)?$/

const civil = (year: string, month: string, day: string): CivilDate | undefined => {
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  return Number(year) >= 1900 && isCivilDate(date) ? date : undefined
}

type Votes = { day: number; month: number; either: number }

/** For each value that could be day/month or month/day: which of the two it can only be. Dots are always day first. */
function vote(values: Iterable<string>): Votes {
  const votes = { day: 0, month: 0, either: 0 }
  for (const value of values) {
    const [, first, separator, second] = YEAR_LAST.exec(value) ?? []
    if (first === undefined || separator === '.') continue
    if (Number(first) > 12) votes.day++
    else if (Number(second) > 12) votes.month++
    else if (Number(first) !== Number(second)) votes.either++
  }
  return votes
}

/** Month first only if some value can be nothing else and none can only be day first. Undefined: nothing decides. */
const dayFirstBy = ({ day, month }: Votes): boolean | undefined => (day > 0 ? true : month > 0 ? false : undefined)

export type DateReader = {
  read(
    cell: string,
  ): CivilDate | null | undefined /** True if nothing showed whether the day or the month comes first. */
  guessed: boolean
}

/**
 * A reader for one column. What comes first, day or month, is decided by the manager if it is known, else by all values
 * of the column, else by the file's other dates, else it is the day, as everywhere in Europe.
 */
export function dateReader(
  column: readonly string[],
  otherColumns: readonly string[],
  pinned: true | undefined,
): DateReader {
  const votes = vote(column)
  const decided = pinned ?? dayFirstBy(votes) ?? dayFirstBy(vote(otherColumns))
  const dayFirst = decided ?? true
  const parse = (cell: string): CivilDate | null | undefined => {
    if (cell === '' || cell === 'NULL' || NONE.test(cell)) return null
    const ymd = YEAR_FIRST.exec(cell)
    if (ymd) return civil(ymd[1]!, ymd[3]!, ymd[4]!)
    const compact = COMPACT.exec(cell)
    if (compact) return civil(compact[1]!, compact[2]!, compact[3]!)
    const [, first, separator, second, year] = YEAR_LAST.exec(cell) ?? []
    if (first === undefined) return undefined
    return dayFirst || separator === '.' ? civil(year!, second!, first) : civil(year!, first, second!)
  }
  const known = new Map<string, CivilDate | null | undefined>()
  const read = (cell: string): CivilDate | null | undefined => {
    if (!known.has(cell)) known.set(cell, parse(cell))
    return known.get(cell)
  }
  return { read, guessed: decided === undefined && votes.either > 0 }
}
