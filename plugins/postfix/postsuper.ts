// The queue, as root: by Postfix's own commands when Schedar is root itself, else by the helper that the kit installs
// behind a socket, which knows the same five verbs and nothing more.
import { connect } from 'node:net'
import { AppError } from '../../src/domain/errors.ts'
import { errno } from '../../src/plugin-files.ts'
import { command, said } from './command.ts'
import type { PostfixConfig } from './config.ts'

export const verbs = ['list', 'hold', 'release', 'purge', 'headers'] as const
export type Verb = (typeof verbs)[number]

/** What the verb wrote. Ids that are no queue ids are left out, and gone ones too, without complaint. */
export type Postsuper = (verb: Verb, ids: readonly string[], signal: AbortSignal) => Promise<string>

/**
 * Short ids: hexadecimal microseconds and inode; long ones, in base 52 and 51 without vowels, parted by a `z` (postconf(5),
 * enable_long_queue_ids). `ALL` would be every message there is (postsuper(1)).
 */
const QUEUE_ID = /^(?:[0-9A-F]{6,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,30})$/
export const isQueueId = (text: string): boolean => QUEUE_ID.test(text)

/** So many single messages are sent on at once; for more, the whole queue is tried. */
const SINGLY = 20
const TIMEOUT_MS = 30_000
const LONGEST_OUTPUT = 64 * 1024 * 1024
/** The last line of the helper's answer; what comes before it may hold words of strangers. */
const DONE = 'schedar-postsuper: done'

const unavailable = (detail: string, cause?: unknown): AppError =>
  new AppError('service_unavailable', { detail, cause })

export function postsuper({ configDir, helper }: Pick<PostfixConfig, 'configDir' | 'helper'>): Postsuper {
  const work = helper === undefined ? asRoot(configDir) : throughHelper(helper)
  return async (verb, ids, signal) => {
    const usable = ids.filter(isQueueId)
    return verb !== 'list' && usable.length === 0 ? '' : work(verb, usable, signal)
  }
}

const asRoot = (configDir: string): Postsuper => {
  const args = ['-c', configDir]
  const change = async (flag: string, ids: readonly string[], signal: AbortSignal): Promise<void> => {
    await command({ name: 'postsuper', args: [...args, flag, '-'], input: `${ids.join('\n')}\n`, signal })
  }
  /** What is released goes out at once; while Postfix is down, when it is up again. */
  async function flush(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const tries = ids.length > SINGLY ? [['-f']] : ids.map((id) => ['-i', id])
    for (const flags of tries)
      await command({ name: 'postqueue', args: [...args, ...flags], signal }).catch(() => signal.throwIfAborted())
  }
  return async (verb, ids, signal) => {
    if (verb === 'list') return (await command({ name: 'postqueue', args: [...args, '-j'], signal })).stdout
    if (verb === 'headers') return (await command({ name: 'postcat', args: [...args, '-hq', ...ids], signal })).stdout
    await change({ hold: '-h', release: '-H', purge: '-d' }[verb], ids, signal)
    if (verb === 'release') await flush(ids, signal)
    return ''
  }
}

const throughHelper =
  (path: string): Postsuper =>
  async (verb, ids, signal) => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    const output = await exchange(path, `${[verb, ...ids].join('\n')}\n`, AbortSignal.any([signal, timeout])).catch(
      (error: unknown) => {
        signal.throwIfAborted()
        if (timeout.aborted) throw unavailable(`the helper at ${path} gave no answer in ${TIMEOUT_MS / 1000} s`, error)
        throw unavailable(`the helper at ${path} does not answer (${errno(error) ?? error})`, error)
      },
    )
    const lines = output.trimEnd().split('\n')
    if (lines.at(-1) === DONE) return lines.slice(0, -1).join('\n')
    throw unavailable(`the helper at ${path} could not ${verb}: ${said(lines.slice(-3).join(' ')) || 'no answer'}`)
  }

const exchange = (path: string, request: string, signal: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const socket = connect({ path, allowHalfOpen: true }, () => socket.end(request))
    const abort = () => socket.destroy(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= LONGEST_OUTPUT) chunks.push(chunk)
      else socket.destroy(new Error('it wrote too much'))
    })
    socket.on('error', reject)
    socket.on('end', () => {
      resolve(String(Buffer.concat(chunks)))
      socket.destroy()
    })
    socket.on('close', () => {
      signal.removeEventListener('abort', abort)
      reject(new Error('closed'))
    })
  })
