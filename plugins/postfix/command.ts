// Postfix's commands, run with argument arrays and without a shell. They get a fixed environment: MAIL_CONFIG or a PATH of
// the server's own would lead them elsewhere.
import { spawn } from 'node:child_process'
import { AppError } from '../../src/domain/errors.ts'
import { errno } from '../../src/plugin-files.ts'

export type Command = {
  name: 'postmap' | 'postconf' | 'postsuper' | 'postqueue' | 'postcat' | 'id'
  args: readonly string[]
  /** For its standard input, which is closed afterwards. */
  input?: string
  signal: AbortSignal
  /** Exit codes that are answers; 0 unless said. Not for an exit with `fatal:`. */
  answers?: readonly number[]
}
export type Outcome = { code: number; stdout: string; stderr: string }

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin', LC_ALL: 'C' }
const TIMEOUT_MS = 20_000
/** Bytes of output: a queue of 100,000 messages is some 40 MB. */
const LONGEST_OUTPUT = 64 * 1024 * 1024

/** Words of a program, safe for a log: one line, no control characters, not endless. */
export const said = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 500)

const failed = (name: string, reason: string, cause?: unknown): AppError =>
  new AppError(/No space left on device|quota exceeded/i.test(reason) ? 'storage_full' : 'service_unavailable', {
    detail: `${name}: ${reason}`,
    cause,
  })

/**
 * Runs one command to its end. Throws `service_unavailable` (or `storage_full`) with what it wrote to standard error;
 * the signal's reason when that aborts. A command that is cut off leaves a lookup table as it was: its change is one
 * transaction.
 */
export async function command({ name, args, input = '', signal, answers = [0] }: Command): Promise<Outcome> {
  signal.throwIfAborted()
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const outcome = await ran(name, args, input, AbortSignal.any([signal, timeout])).catch((error: unknown) => {
    signal.throwIfAborted()
    if (timeout.aborted) throw failed(name, `gave no answer in ${TIMEOUT_MS / 1000} s`, error)
    throw failed(name, errno(error) === 'ENOENT' ? 'is not installed' : String(errno(error) ?? error), error)
  })
  if (!answers.includes(outcome.code) || /\bfatal: /.test(outcome.stderr))
    throw failed(name, said(outcome.stderr) || `ended with exit code ${outcome.code}`)
  return outcome
}

const ran = (name: string, args: readonly string[], input: string, signal: AbortSignal): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = spawn(name, args, { env: ENVIRONMENT, cwd: '/', signal, killSignal: 'SIGKILL' })
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
    let bytes = 0
    const keep = (chunks: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= LONGEST_OUTPUT) chunks.push(chunk)
      else child.kill('SIGKILL')
    }
    child.stdout.on('data', keep(stdout))
    child.stderr.on('data', keep(stderr))
    child.stdin.on('error', () => undefined) // it may end before it has read everything: its exit code says why
    child.on('error', reject)
    child.on('close', (code) => {
      if (bytes > LONGEST_OUTPUT) reject(new Error('wrote too much'))
      else resolve({ code: code ?? -1, stdout: String(Buffer.concat(stdout)), stderr: String(Buffer.concat(stderr)) })
    })
    child.stdin.end(input)
  })
