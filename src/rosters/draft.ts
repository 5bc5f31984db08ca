// One line by itself: the cells of known columns → a row, and what of it cannot be read.
import { canonical, isEmail, isUsername } from '../domain/names.ts'
import type { CivilDate } from '../domain/time.ts'
import { type DateReader, kindOf, language, shorten, stateOf, yesNo } from './cells.ts'
import type { Field, Format } from './formats.ts'
import type { Refusal, RefusalCode, Remark, RemarkCode, RosterRow } from './rows.ts'

export type Cells = Partial<Record<Field, string>>
/** `broken`: fewer cells than columns, so that the cells may stand in the wrong columns. */
export type Line = { line: number; cells: Cells; broken: boolean; refusals: Refusal[] }
export type Draft = { row: RosterRow; refusals: Refusal[] }

export const dateFields = ['joined', 'end', 'end2'] as const
type DateField = (typeof dateFields)[number]

/** What is the same for all lines of a table; `remarks` are added to. */
export type Context = {
  file: string
  format: Format
  /** The column that numbers the members. */
  numberField: Field
  readers: Record<DateField, DateReader>
  remarks: Remark[]
}

/** The later of two dates; no date is earlier than any. */
export const latest = (a: CivilDate | null, b: CivilDate | null): CivilDate | null =>
  a === null || (b !== null && b > a) ? b : a

type Reader = {
  text(field: Field): string
  flag(field: Field): boolean | null
  date(field: DateField): CivilDate | null
  refuse(code: RefusalCode, field: Field, reason: string): void
  remark(code: RemarkCode, field: Field, reason: string): void
}

/** Reads the cells of one line; what it cannot read it refuses, and gives null for. */
function readerOf({ line, cells, broken, refusals }: Line, { file, readers, remarks }: Context): Reader {
  const text = (field: Field): string => cells[field] ?? ''
  const about = (field: Field) => ({ file, line, field, value: shorten(text(field)) })
  const refuse: Reader['refuse'] = (code, field, reason) => {
    // Of a broken line its being broken is all that is worth saying.
    if (!broken) refusals.push({ ...about(field), code, reason })
  }
  return {
    text,
    refuse,
    remark: (code, field, reason) => {
      if (!broken) remarks.push({ ...about(field), code, reason })
    },
    flag: (field) => {
      const answer = yesNo(text(field))
      if (answer === undefined) refuse('not_yes_or_no', field, 'this is neither yes nor no')
      return answer ?? null
    },
    date: (field) => {
      const on = readers[field].read(text(field))
      const reason = 'this is no date, or a day that does not exist; write the year with four digits'
      if (on === undefined) refuse('date_impossible', field, reason)
      return on ?? null
    },
  }
}

type Names = Pick<RosterRow, 'kind' | 'givenName' | 'familyName' | 'organisationName'>

/** The kind of member, by the column that says so or by which names there are; a body's own name is the organisation's. */
function namesOf({ text }: Reader, format: Format): Names {
  const organisationName = text('organisation')
  const givenName = text('given')
  const familyName = text('family') || (givenName ? '' : text('name'))
  const bodyByName = organisationName !== '' && (format.organisationIsMember || (!givenName && !familyName))
  const kind = kindOf(text('kind')) ?? (bodyByName ? 'association' : 'person')
  if (kind === 'person' || organisationName !== '') return { kind, givenName, familyName, organisationName }
  const whole = [givenName, familyName].filter(Boolean).join(' ')
  return { kind, givenName: '', familyName: '', organisationName: whole }
}

type Keys = Pick<RosterRow, 'memberNumber' | 'email' | 'username'>

function keysOf({ text, refuse, remark }: Reader, numberField: Field): Keys {
  const memberNumber = text(numberField).normalize('NFKC')
  const email = canonical(text('email'))
  const username = canonical(text('username'))
  if (email !== '' && !isEmail(email)) refuse('email_invalid', 'email', 'this is not one e-mail address')
  if (memberNumber === '' && email === '') {
    refuse('no_key', numberField, 'no member number and no e-mail address: nothing to know this member by again')
  }
  if (username !== '' && !isUsername(username)) {
    remark('username_unusable', 'username', 'this cannot be a username here; another will be proposed')
  }
  return { memberNumber, email: email || null, username: isUsername(username) ? username : null }
}

/** CiviCRM writes a lifetime membership as one in force without an end. */
const isInForce = (status: string): boolean => /^(new|current|nouveau|courant|neu|aktuell)/i.test(status)

type Dues = Pick<RosterRow, 'joinedOn' | 'coveredUntilOn' | 'exempt' | 'closed' | 'active'>

function duesOf({ text, flag, date, remark }: Reader, format: Format): Dues {
  const state = stateOf(text('status'), format.id === 'dolibarr')
  const paid = flag('paid') !== false
  if (!paid) remark('unpaid', 'paid', 'this subscription is not paid, so it covers nothing')
  const until = latest(date('end'), date('end2'))
  const forLife = format.id === 'civicrm' && until === null && isInForce(text('status'))
  if (forLife) remark('for_life', 'end', 'a membership in force without an end: exempt from dues')
  return {
    joinedOn: date('joined'),
    coveredUntilOn: paid && state.covers ? until : null,
    exempt: forLife || flag('exempt') === true,
    closed: flag('deceased') ? 'deceased' : state.closed,
    active: flag('active') ?? state.active,
  }
}

/** What can be read is filled in even if the line is refused, so that the checks between lines see it. */
export function draftOf(line: Line, context: Context): Draft {
  const reader = readerOf(line, context)
  const { text, flag, refuse } = reader
  const keys = keysOf(reader, context.numberField)
  if (flag('test')) refuse('test_membership', 'test', 'this is a test membership')
  const row: RosterRow = {
    line: line.line,
    ...keys,
    ...namesOf(reader, context.format),
    ...duesOf(reader, context.format),
    username: line.broken ? null : keys.username,
    locale: language(text('language')),
    category: text('category') || null,
  }
  return { row, refusals: line.refusals }
}
