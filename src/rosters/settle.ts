// Lines against each other: a member number, or an e-mail address without one, may belong to one member only, and a
// username to one person. Where lines contradict each other all of them are refused: nothing tells which is right.
import { canonical } from '../domain/names.ts'
import type { CivilDate } from '../domain/time.ts'
import { shorten } from './cells.ts'
import { type Context, type Draft, latest } from './draft.ts'
import type { Field } from './formats.ts'
import { giveWay } from './pace.ts'
import type { RefusalCode, RosterRow } from './rows.ts'

const key = ({ memberNumber, email, line }: RosterRow): string => {
  if (memberNumber !== '') return `number ${canonical(memberNumber)}`
  return email !== null ? `email ${email}` : `line ${line}`
}

/** Groups in the order of their first line. */
async function groupsBy(drafts: readonly Draft[], name: (row: RosterRow) => string | null): Promise<Draft[][]> {
  const groups = new Map<string, Draft[]>()
  for (const [n, draft] of drafts.entries()) {
    const of = name(draft.row)
    const group = of === null ? undefined : groups.get(of)
    if (group) group.push(draft)
    else if (of !== null) groups.set(of, [draft])
    await giveWay(n)
  }
  return [...groups.values()]
}

/** What must be the same on all lines of one member where a file has a line for each membership. */
const person = ({ memberNumber, kind, givenName, familyName, organisationName, email, username }: RosterRow): string =>
  JSON.stringify([canonical(memberNumber), kind, givenName, familyName, organisationName, email, username])
const whole = (row: RosterRow): string => JSON.stringify({ ...row, line: 0 })

const agree = (drafts: readonly Draft[], on: (row: RosterRow) => string): boolean => {
  const first = on(drafts[0]!.row)
  return drafts.every(({ row }) => on(row) === first)
}

const earliest = (a: CivilDate | null, b: CivilDate | null): CivilDate | null =>
  a === null || (b !== null && b < a) ? b : a

/** Several memberships of one member: closed ones count only if all are closed; the latest last day counts. */
function join(rows: readonly RosterRow[]): RosterRow {
  const open = rows.filter((row) => row.closed === null)
  const counting = open.length > 0 ? open : rows
  const last = counting.reduce((best, row) =>
    latest(best.coveredUntilOn, row.coveredUntilOn) === best.coveredUntilOn ? best : row,
  )
  return {
    ...last,
    line: rows[0]!.line,
    joinedOn: rows.reduce<CivilDate | null>((first, row) => earliest(first, row.joinedOn), null),
    exempt: counting.some((row) => row.exempt),
    active: counting.some((row) => row.active === true) ? true : last.active,
  }
}

/** The lines of the others, five at most. */
const others = (drafts: readonly Draft[], but: Draft): string => {
  const lines = drafts.slice(0, 6).flatMap((draft) => (draft === but ? [] : [draft.row.line]))
  return lines.slice(0, 5).join(', ')
}

type Contradiction = { code: RefusalCode; field: Field; value(row: RosterRow): string; reason(others: string): string }

const contradictions = {
  number: {
    code: 'number_twice',
    field: 'number',
    value: (row) => row.memberNumber,
    reason: (lines) => `the same member number is on line ${lines}, with other values`,
  },
  email: {
    code: 'email_twice',
    field: 'email',
    value: (row) => row.email ?? '',
    reason: (lines) => `the same e-mail address is on line ${lines}, and neither line has a member number`,
  },
  username: {
    code: 'username_twice',
    field: 'username',
    value: (row) => row.username ?? '',
    reason: (lines) => `the same username is on line ${lines}`,
  },
  otherLine: {
    code: 'other_line_refused',
    field: 'number',
    value: (row) => row.memberNumber,
    reason: (lines) => `another line of this member is refused: line ${lines}`,
  },
} as const satisfies Record<string, Contradiction>

/** Refuses each of `which`, for what it has in common with the lines of `group`. */
function refuse(file: string, group: readonly Draft[], which: readonly Draft[], contradiction: Contradiction): void {
  const { code, field, value, reason } = contradiction
  for (const draft of which) {
    const { row, refusals } = draft
    const about = { file, line: row.line, field, value: shorten(value(row)) }
    refusals.push({ ...about, code, reason: reason(others(group, draft)) })
  }
}

/** The drafts of one key: joined into one, or all refused. */
function settleGroup(group: Draft[], { file, format, remarks }: Context): Draft[] {
  const [first, second] = group
  if (!first || !second) return group
  const same = agree(group, whole)
  if (!same && !(format.repeats && agree(group, person))) {
    refuse(file, group, group, first.row.memberNumber !== '' ? contradictions.number : contradictions.email)
    return group
  }
  const refused = group.filter(({ refusals }) => refusals.length > 0)
  if (refused.length > 0) {
    const sound = group.filter(({ refusals }) => refusals.length === 0)
    refuse(file, refused, sound, contradictions.otherLine)
    return group
  }
  const about = { file, line: second.row.line, field: 'number', value: shorten(first.row.memberNumber) } as const
  const reason = `this line says the same as line ${others(group, second)}`
  if (!format.repeats) remarks.push({ ...about, code: 'same_line_twice', reason })
  return [{ row: join(group.map(({ row }) => row)), refusals: [] }]
}

/** Not one remark a member: where a file has a line for each membership, all of them may stand on several. */
function remarkOnJoined([first, ...more]: readonly Draft[], { file, remarks }: Context): void {
  if (!first) return
  const { line, memberNumber } = first.row
  const reason = `${more.length + 1} members stand on more than one line; of their memberships in force the latest last day counts`
  remarks.push({ file, line, field: 'number', value: shorten(memberNumber), code: 'lines_joined', reason })
}

/** One draft for each member, in the order of the file; those with refusals are not to be taken. */
export async function settle(drafts: readonly Draft[], context: Context): Promise<Draft[]> {
  const settled: Draft[] = []
  const joined: Draft[] = []
  for (const group of await groupsBy(drafts, key)) {
    const left = settleGroup(group, context)
    for (const draft of left) settled.push(draft)
    if (left.length < group.length) joined.push(group[1]!)
    await giveWay(settled.length)
  }
  if (context.format.repeats) remarkOnJoined(joined, context)
  for (const claims of await groupsBy(settled, ({ username }) => username)) {
    if (claims.length > 1) refuse(context.file, claims, claims, contradictions.username)
  }
  return settled
}
