// A program of the administrator's own, told of each site that closes and opens: for SFTP, FTP, cron and whatever else a host
// has that no other plugin knows. docs/services/site-hook.md says what it is given and what it answers.
import { hash } from 'node:crypto'
import { access, constants, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import { definePlugin, type Host, type Name, type Service, type SiteSubject } from '../../src/plugin.ts'
import { each, fileFailure, locked, mustBeHere } from '../../src/plugin-files.ts'
import { askSocket, runHook, type Verb } from './hook.ts'

const path = z.string().regex(/^\/[\w./@-]+$/, 'must be an absolute path')

const config = z
  .strictObject({
    run: path.optional().describe('The program, an absolute path. It runs as the user that Schedar runs as.'),
    socket: path
      .optional()
      .describe('Instead of a program: the socket behind which systemd starts it, as root if need be.'),
    host: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Host name of the machine whose sites these are; a Schedar on another machine leaves it alone. Default: any.',
      ),
    timeoutSeconds: z
      .int()
      .min(1)
      .max(300)
      .default(20)
      .describe('How long one call may take, in seconds; then it is killed.'),
    atOnce: z.int().min(1).max(16).default(4).describe('How many sites the program is told of at the same time.'),
  })
  .refine(({ run, socket }) => (run === undefined) !== (socket === undefined), {
    path: ['run'],
    message: 'name either run or socket',
  })
export type SiteHookConfig = z.infer<typeof config>

/** The site is closed, as the program says. */
export type ClosedSite = { readonly closed: true }

/** RFC 1123 §2.1: it is an argument, and never an option or a path. */
const isSite = (name: string): boolean => /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(name) && !name.includes('..')

const service = (settings: SiteHookConfig, { dataDir }: Host) => {
  const { run, socket, host, timeoutSeconds, atOnce } = settings
  const where = run ?? socket!
  const lock = join(dataDir, `site-hook-${hash('sha256', where).slice(0, 12)}.lock`)

  const call = (verb: Verb, site: Name | undefined, signal: AbortSignal): Promise<string> => {
    const request = { verb, ...(site !== undefined && { site }), timeoutMs: timeoutSeconds * 1000, signal }
    return run === undefined ? askSocket(socket!, request) : runHook(run, request)
  }

  async function mustBeSafe(): Promise<void> {
    if (run === undefined) return
    const { mode } = await stat(run).catch((error: unknown) => Promise.reject(fileFailure(error, run)))
    await access(run, constants.X_OK).catch((error: unknown) => Promise.reject(fileFailure(error, run)))
    if ((mode & 0o002) !== 0)
      throw new AppError('service_unavailable', { detail: `${run} can be changed by everybody: chmod 0755` })
  }

  return {
    async check(signal) {
      mustBeHere(host, where)
      await mustBeSafe()
      await call('check', undefined, signal)
    },

    async observe(names, signal) {
      const held = new Map<Name, ClosedSite>()
      await each(names.filter(isSite), atOnce, signal, async (site) => {
        const said = (await call('state', site, signal)).trim()
        if (said === 'closed') held.set(site, { closed: true })
        else if (said !== 'open')
          throw new AppError('service_unavailable', {
            detail: `${where} state ${site} says ${JSON.stringify(said.slice(0, 40))}, neither open nor closed`,
          })
      })
      return held
    },

    render: ({ access: given }) => (given === 'none' ? { closed: true } : null),

    async apply(changes, signal) {
      mustBeHere(host, where)
      const usable = [...changes].filter(([name]) => isSite(name))
      await locked(lock, signal, () =>
        each(usable, atOnce, signal, async ([site, row]) => {
          await call(row === null ? 'open' : 'close', site, signal)
        }),
      )
      // After the others: one that cannot be told must not keep a batch of closings from being applied.
      const left = [...changes.keys()].filter((name) => !isSite(name))
      if (left.length > 0)
        throw new AppError('invalid_value', {
          field: 'site',
          detail: `not names of sites: ${left.map((name) => JSON.stringify(name.slice(0, 80))).join(', ')}`,
        })
    },

    async endSessions(names, signal) {
      await each(names.filter(isSite), atOnce, signal, async (site) => {
        await call('end', site, signal)
      })
    },

    close: async () => undefined,
  } satisfies Service<SiteSubject, ClosedSite>
}

export default definePlugin({
  summary: 'A program of your own, told of each site that closes and opens: SFTP, FTP, cron and the like.',
  manages: 'site',
  config,
  open: async (settings, host) => service(settings, host),
})
