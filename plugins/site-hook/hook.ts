// One call of the administrator's program: by itself, without a shell, or behind a socket where systemd starts it.
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { AppError } from '../../src/domain/errors.ts'
import { errno } from '../../src/plugin-files.ts'

export type Verb = 'check' | 'state' | 'close' | 'open' | 'end'
type Request = { verb: Verb; site?: string; timeoutMs: number; signal: AbortSignal }

/** A PATH of the server's own could lead elsewhere. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' }
const LONGEST_OUTPUT = 64 * 1024
/** Between being asked to end and being killed. */
const GRACE_MS = 5000
/** How long output is read on once the program has ended. */
const LINGER_MS = 500
/** Ends the answer that comes over a socket. */
const END = /(?:^|\n)exit (\d{1,3})\n?$/

const jsonOf = ({ verb, site }: Request): string => `${JSON.stringify({ version: 1, verb, site: site ?? null })}\n`

/** For a log: one line, no control characters, not endless. */
const said = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 300)

function failed(where: string, { verb, site }: Request, reason: string, cause?: unknown): AppError {
  const code = /No space left on device/i.test(reason) ? 'storage_full' : 'service_unavailable'
  return new AppError(code, { detail: `${where} ${verb}${site === undefined ? '' : ` ${site}`}: ${reason}`, cause })
}

/** Waits for the answer until the signal or the time-out ends it. */
async function within<T>(where: string, request: Request, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { signal, timeoutMs } = request
  signal.throwIfAborted()
  const timeout = AbortSignal.timeout(timeoutMs)
  return work(AbortSignal.any([signal, timeout])).catch((error: unknown) => {
    signal.throwIfAborted()
    if (timeout.aborted) throw failed(where, request, `gave no answer in ${timeoutMs / 1000} s and was ended`, error)
    throw error instanceof AppError ? error : failed(where, request, String(errno(error) ?? error), error)
  })
}

type Outcome = { code: number; stdout: string; stderr: string }

/**
 * In a group of its own, so that what it started can end with it. At the signal it is asked to end, and may finish what it is
 * at: a program that writes /etc/shadow is not torn from it. Then all that is left of the group is killed.
 */
const ran = (run: string, args: readonly string[], input: string, signal: AbortSignal): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = spawn(run, args, { env: ENVIRONMENT, cwd: '/', detached: true })
    const send = (name: NodeJS.Signals, pid: number) => {
      try {
        process.kill(pid, name)
      } catch {
        // It is over already.
      }
    }
    const end = () => {
      if (child.pid === undefined) return
      const { pid } = child
      const late = setTimeout(() => send('SIGKILL', -pid), GRACE_MS)
      child.once('exit', () => {
        clearTimeout(late)
        send('SIGKILL', -pid)
      })
      send('SIGTERM', pid)
    }
    signal.addEventListener('abort', end, { once: true })
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
    let bytes = 0
    const keep = (chunks: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= LONGEST_OUTPUT) chunks.push(chunk)
    }
    child.stdout.on('data', keep(stdout))
    child.stderr.on('data', keep(stderr))
    child.stdin.on('error', () => undefined) // it need not read what it is given
    child.on('error', reject)
    const over = (code: number | null) => {
      signal.removeEventListener('abort', end)
      if (signal.aborted) reject(signal.reason)
      else resolve({ code: code ?? -1, stdout: String(Buffer.concat(stdout)), stderr: String(Buffer.concat(stderr)) })
    }
    child.on('close', over)
    // What it left running may hold its output open.
    child.on('exit', (code) => setTimeout(over, LINGER_MS, code).unref())
    child.stdin.end(input)
  })

/** What it wrote to its standard output. Throws `service_unavailable` with its standard error unless it exits with 0. */
export const runHook = (run: string, request: Request): Promise<string> =>
  within(run, request, async (signal) => {
    const args = request.site === undefined ? [request.verb] : [request.verb, request.site]
    const { code, stdout, stderr } = await ran(run, args, jsonOf(request), signal)
    if (code !== 0) throw failed(run, request, said(stderr) || `ended with exit code ${code}`)
    return stdout
  })

/** The same, told as a line `verb site` before the JSON; the answer's last line is `exit CODE`. */
export const askSocket = (path: string, request: Request): Promise<string> =>
  within(path, request, async (signal) => {
    const answer = await new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = connect(path)
      signal.addEventListener('abort', () => socket.destroy(signal.reason), { once: true })
      socket.setEncoding('utf8')
      socket.on('data', (chunk) => {
        if (text.length < LONGEST_OUTPUT) text += chunk
      })
      // A program that ends without reading all it was told resets the connection (unix(7)): what it said still counts.
      socket.on('error', (error) => (END.test(text) ? resolve(text) : reject(error))).on('end', () => resolve(text))
      socket.end(`${request.verb} ${request.site ?? '-'}\n${jsonOf(request)}`)
    })
    const code = END.exec(answer)?.[1]
    const words = answer.replace(END, '')
    if (code === undefined) throw failed(path, request, `gave no whole answer: ${said(words)}`)
    if (code !== '0') throw failed(path, request, said(words) || `ended with exit code ${code}`)
    return words
  })
