// What an import would do, member by member, and as a report for a person.
import type { Member } from '../ports.ts'
import type { Refusal, Remark, Roster, RosterRow } from '../rosters/roster.ts'
import { LONGEST_NUMBER } from './members.ts'

/** What a row of the file would do. */
export type Change = { row: RosterRow; member: Member | undefined; differences: string[]; removal: boolean }

export type ImportReport = {
  format: string
  encoding: string
  separator: string
  rows: number
  new: number
  changed: number
  unchanged: number
  /** Members of the file who would lose access by it. */
  removals: number
  of: number
  refused: Refusal[]
  remarks: Remark[]
  ignoredColumns: string[]
}
const count = <T>(list: readonly T[], counts: (one: T) => boolean): number => list.filter(counts).length

export function reportOf(roster: Roster, changes: readonly Change[], refused: Refusal[], of: number): ImportReport {
  return {
    format: roster.format,
    encoding: roster.encoding,
    separator: roster.separator,
    rows: roster.rows.length,
    new: count(changes, ({ member }) => !member),
    changed: count(changes, ({ member, differences }) => !!member && differences.length > 0),
    unchanged: count(changes, ({ member, differences }) => !!member && differences.length === 0),
    removals: count(changes, ({ removal }) => removal),
    of,
    refused,
    remarks: roster.remarks,
    ignoredColumns: roster.columns.ignored.map(({ header }) => header),
  }
}

/** Why a row that could be read cannot be taken. */
export function refusalOf(row: RosterRow, change: Change | 'ambiguous', file: string): Refusal | undefined {
  const about = { file, line: row.line }
  if (row.memberNumber.length > LONGEST_NUMBER) {
    const reason = `a member number has ${LONGEST_NUMBER} characters at most`
    return { ...about, field: 'number', value: `${row.memberNumber.slice(0, 59)}…`, code: 'cell_too_long', reason }
  }
  if (change !== 'ambiguous') return undefined
  const reason = 'several members have this address; give their numbers'
  return { ...about, field: 'email', value: row.email ?? '', code: 'email_twice', reason }
}

/** A report in lines for a person. */
export function describe(report: ImportReport): string[] {
  const { format, encoding, separator, rows, refused, remarks, removals, of } = report
  return [
    `${rows} members in a ${format} file (${encoding}, separator ${separator === '\t' ? 'tab' : separator}).`,
    `  new ${report.new}   changed ${report.changed}   unchanged ${report.unchanged}   refused ${refused.length}`,
    ...(report.ignoredColumns.length > 0 ? [`  not used: ${report.ignoredColumns.join(', ')}`] : []),
    ...(removals > 0 ? [`  ${removals} of ${of} members would lose access.`] : []),
    ...refused.map(
      ({ file, line, field, value, reason }) =>
        `  refused ${file} line ${line}: ${field}${value ? ` «${value}»` : ''}: ${reason}`,
    ),
    ...remarks.map(
      ({ file, line, field, value, reason }) =>
        `  note ${file} line ${line}: ${field}${value ? ` «${value}»` : ''}: ${reason}`,
    ),
  ]
}
