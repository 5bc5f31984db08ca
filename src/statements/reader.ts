// Reads a bank statement beside the event loop: ten thousand entries take half a second, and nobody's sign-in waits that long.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { AppError, type ErrorCode } from '../domain/errors.ts'
import {
  type BankLine,
  type BankStatement,
  readStatement,
  type StatementFile,
  type StatementOptions,
} from './statement.ts'

/** Read in a few milliseconds, which is less than a thread takes to start. */
const SMALL = 32 * 1024

export type Refused = {
  code: ErrorCode
  field: string | undefined
  detail: string | undefined
  params: AppError['params']
}
/** What the thread tells: first the file without its lines, or why it is refused; then, each time it is asked, some lines. */
export type Head = Omit<StatementFile, 'statements'> & {
  statements: (Omit<BankStatement, 'lines'> & { count: number })[]
}
export type Told = { head: Head } | { refused: Refused } | { lines: BankLine[] }

/** As `readStatement`. */
export async function readBeside(bytes: Uint8Array, options: StatementOptions): Promise<StatementFile> {
  if (bytes.length <= SMALL) return readStatement(bytes, options)
  const worker = new Worker(new URL('./reader-worker.ts', import.meta.url), { workerData: { bytes, options } })
  const told = async (): Promise<Told> => (await once(worker, 'message'))[0]
  try {
    const first = await told()
    if ('refused' in first) throw new AppError(first.refused.code, first.refused)
    if (!('head' in first)) throw new Error('the reader began in the middle')
    // A few at a time: taking them all over at once would stop everything for as long as a sign-in takes.
    const { statements, ...head } = first.head
    const file: StatementFile = { ...head, statements: [] }
    for (const { count, ...statement } of statements) {
      const lines: BankLine[] = []
      while (lines.length < count) {
        worker.postMessage('more')
        const next = await told()
        if ('lines' in next) lines.push(...next.lines)
      }
      file.statements.push({ ...statement, lines })
    }
    return file
  } finally {
    await worker.terminate()
  }
}
