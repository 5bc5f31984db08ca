// Sympa's own command, through a script of three verbs: run directly, or by systemd behind a socket. What it answers is read,
// in English, because its exit code is 0 when it included nothing at all.
import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { text } from 'node:stream/consumers'
import { AppError } from '../../src/domain/errors.ts'
import { errno } from '../../src/plugin-files.ts'
import type { SympaConfig } from './config.ts'
import { helperScript } from './kit-helper.ts'

type Verb = 'check' | 'include' | 'remove'
export type Sympa = {
  /** Throws `service_unavailable` when there is no such list, or Sympa cannot be worked with. */
  check(list: string, signal: AbortSignal): Promise<void>
  /** Has Sympa read every source of a list again. Throws `service_unavailable` unless it read `source`, and all others. */
  include(list: string, source: string, signal: AbortSignal): Promise<void>
  /** Takes addresses off a list, however they came on it; those that are not there, without complaint. */
  remove(list: string, addresses: readonly string[], signal: AbortSignal): Promise<void>
}

const TIMEOUT_MS = 110_000
/** The last line of an answer; what comes before it may hold words of strangers. */
const DONE = 'schedar-sympa: done'
const LONGEST_NAME = 15

const unavailable = (detail: string, cause?: unknown): AppError =>
  new AppError('service_unavailable', { detail, cause })

/** Words of a program, safe for a log. Sympa without a syslog says so each time. */
const said = (answer: string): string =>
  answer
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('setlogsock()'))
    .slice(-3)
    .join(' ')
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .slice(0, 500) || 'no answer'

/** The whole answer to lines of a verb, a list and addresses. */
type Run = (request: string, signal: AbortSignal) => Promise<string>

export function sympa({ helper, configFile }: Pick<SympaConfig, 'helper' | 'configFile'>): Sympa {
  const answerTo = helper === undefined ? directly(configFile) : throughHelper(helper)
  const run = async (verb: Verb, list: string, signal: AbortSignal, addresses: readonly string[] = []) =>
    (await answerTo([verb, list, ...addresses, ''].join('\n'), signal)).trimEnd()
  return {
    async check(list, signal) {
      const answer = await run('check', list, signal)
      if (!answer.endsWith(DONE)) throw unavailable(`Sympa does not know ${list}, or does not work: ${said(answer)}`)
    },
    async include(list, source, signal) {
      const answer = await run('include', list, signal)
      const isAtAll = /^include \[/m.test(answer)
      // A source that failed has Sympa keep everybody who was on the list, those who left too.
      if (isAtAll ? !/^include \[notice\] Inclusion succeeded /m.test(answer) : !answer.endsWith(DONE))
        throw unavailable(`Sympa did not bring ${list} up to date: ${said(answer)}`)
      if (!isAtAll || !answer.includes(`from data source "${source.slice(0, LONGEST_NAME)}"`))
        throw unavailable(`${list} does not follow Schedar yet: its configuration has no include_file of ${source}`)
    },
    async remove(list, addresses, signal) {
      const answer = await run('remove', list, signal, addresses)
      const isAnswer = answer.endsWith(DONE) || /^del \[user\] /m.test(answer)
      if (!isAnswer || answer.includes('[intern]'))
        throw unavailable(`Sympa did not clear ${list}: ${said(answer).replace(/\S+@\S+/g, '…')}`)
    },
  }
}

/** The same script, as root. Not ended with the signal: Sympa would leave its lock behind. */
const directly =
  (configFile: string): Run =>
  (request, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const child = execFile('/bin/sh', ['-c', helperScript(configFile)], { env: {}, cwd: '/' }, (error, answer) => {
        if (typeof error?.code === 'string') reject(unavailable(`sh: ${error.code}`, error))
        else resolve(answer)
      })
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      child.stdin?.on('error', () => undefined) // it may refuse before it has read everything, and says so
      child.stdin?.end(request)
    })

const throughHelper =
  (path: string): Run =>
  async (request, signal) => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    const socket = connect({ path, allowHalfOpen: true })
    try {
      addAbortSignal(AbortSignal.any([signal, timeout]), socket)
      socket.end(request)
      return await text(socket)
    } catch (error) {
      signal.throwIfAborted()
      if (timeout.aborted) throw unavailable(`the helper at ${path} gave no answer in ${TIMEOUT_MS / 1000} s`, error)
      throw unavailable(`the helper at ${path} does not answer (${errno(error) ?? error})`, error)
    } finally {
      socket.destroy()
    }
  }
