// The thread in which one bank statement is read (reader.ts).
import { parentPort, workerData } from 'node:worker_threads'
import { AppError } from '../domain/errors.ts'
import type { Told } from './reader.ts'
import { type BankLine, readStatement, type StatementOptions } from './statement.ts'

/** Lines told at a time: about a millisecond to take over. */
const AT_ONCE = 500

const { bytes, options } = workerData as { bytes: Uint8Array; options: StatementOptions }
const tell = (told: Told): void => parentPort!.postMessage(told)

function* some(lines: readonly BankLine[]): Generator<BankLine[]> {
  for (let from = 0; from < lines.length; from += AT_ONCE) yield lines.slice(from, from + AT_ONCE)
}

try {
  const { statements, ...file } = readStatement(bytes, options)
  const rest = statements.flatMap(({ lines }) => [...some(lines)]).values()
  parentPort!.on('message', () => {
    const { value: lines } = rest.next()
    if (lines) tell({ lines })
  })
  tell({ head: { ...file, statements: statements.map(({ lines, ...head }) => ({ ...head, count: lines.length })) } })
} catch (error) {
  if (!(error instanceof AppError)) throw error
  const { code, field, detail, params } = error
  tell({ refused: { code, field, detail, params } })
}
