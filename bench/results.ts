// What a bench found, as a table for people or one JSON object a line.
import { rounded } from './statistics.ts'

export type Result = {
  bench: string
  case: string
  value: number
  unit: string
  /** What it is measured against in the same run, and `value` as a share of that. */
  against?: string
  ratio?: number
  /** Percentiles in milliseconds: of a request's latency where the value is a rate, of the value itself where it is a time. */
  p50?: number
  p99?: number
  /** How many were measured. */
  n: number
}

/** Prints a line for a person while a bench runs. */
export type Progress = (line: string) => void
export type Report = (result: Result) => void
/** `rounds`: fewer than it is made of, where a bench has rounds and somebody tries it out. */
export type Bench = (report: Report, progress: Progress, rounds?: number) => Promise<void>

const places = (value: number | undefined, digits: number): number | undefined =>
  value === undefined ? undefined : Number(value.toFixed(digits))

/** The same with digits that mean something. */
export const tidy = (result: Result): Result => ({
  ...result,
  value: rounded(result.value),
  ...(result.ratio !== undefined && { ratio: places(result.ratio, 2) }),
  ...(result.p50 !== undefined && { p50: places(result.p50, 1) }),
  ...(result.p99 !== undefined && { p99: places(result.p99, 1) }),
})

const columns = ['case', 'value', 'unit', 'against', 'ratio', 'p50', 'p99', 'n'] as const
const isNumber = (column: (typeof columns)[number]): boolean => !['case', 'unit', 'against'].includes(column)

const cell = (value: string | number | undefined): string =>
  typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 3 }) : (value ?? '')

/** Columns under their names, numbers to the right. */
export function table(results: readonly Result[]): string {
  const lines = [[...columns], ...results.map((result) => columns.map((column) => cell(tidy(result)[column])))]
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)))
  const padded = (text: string, at: number): string =>
    isNumber(columns[at]!) ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)
  return lines.map((line) => line.map(padded).join('  ').trimEnd()).join('\n')
}

export const jsonLine = (result: Result): string => JSON.stringify(tidy(result))
