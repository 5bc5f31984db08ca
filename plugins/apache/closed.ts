// Sites that are closed, kept as a folder of marks that Apache looks into at each request: a site is closed with the next one.
// Without the folder every site is up.
import { stat } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import type { Host, Service, SiteSubject } from '../../src/plugin.ts'
import { fileFailure, locked, mustBeFolder, mustBeHere, replaceFile } from '../../src/plugin-files.ts'
import { type ApacheConfig, isHostName } from './config.ts'
import { closedIn, isMarked, RIGHTS, setClosed } from './marks.ts'

/** The names under which a closed site is closed. */
export type ClosedSite = { readonly names: readonly string[] }

/** No site, and closed for ever: whoever asks Apache for it learns whether the marks are in use (RFC 6761 §6.4). */
export const PROBE = 'closed.schedar.invalid'
/** The header by which a closed site's answer is known from any other 503. */
export const HEADER = 'schedar-site'
const PROBE_MS = 5000

const unused = (detail: string, cause?: unknown) =>
  new AppError('service_unavailable', { detail: `${detail}; until then no site is closed`, cause })

/** A site is visited with and without `www.` unless its names are given. */
function namesOf(site: string, aliases: ApacheConfig['aliases']): string[] {
  const others = aliases[site] ?? [site.startsWith('www.') ? site.slice(4) : `www.${site}`]
  return [...new Set([site, ...others.filter(isHostName)])].toSorted()
}

/** What Apache answers to whoever asks for the site that never is. */
const asked = (probe: string, signal: AbortSignal): Promise<{ status: number; header: unknown }> =>
  new Promise((resolve, reject) => {
    const sent = request(probe, { headers: { host: PROBE }, agent: false, signal }, (answer) => {
      answer.resume()
      resolve({ status: answer.statusCode ?? 0, header: answer.headers[HEADER] })
    })
    sent.on('error', reject).end()
  })

export const closedSites = ({ folder, host, aliases, probe }: ApacheConfig, _host: Host) => {
  const lock = join(folder, '.lock')
  const closed = (signal: AbortSignal) =>
    closedIn(folder, signal).catch((error: unknown) => {
      throw fileFailure(error, folder)
    })

  /** What Apache's children may not see is not there for them. */
  async function mustBeSeen(): Promise<void> {
    const { mode } = await stat(folder).catch((error: unknown) => Promise.reject(fileFailure(error, folder)))
    if ((mode & 0o001) === 0) throw unused(`Apache may not look into ${folder}: chmod 0755 ${folder}`)
  }

  async function mustBeUsed(signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)])
    const { status, header } = await asked(probe, limit).catch((error: unknown) => {
      signal.throwIfAborted()
      throw unused(`Apache does not answer at ${probe}: ${error instanceof Error ? error.message : error}`, error)
    })
    if (status !== 503 || header !== 'closed')
      throw unused(
        `Apache at ${probe} does not look into ${folder} (it answered ${status} for ${PROBE}): install the kit and reload Apache`,
      )
  }

  return {
    async check(signal) {
      mustBeHere(host, folder)
      await mustBeFolder(folder)
      if (!(await isMarked(folder, PROBE, PROBE))) throw unused(`${join(folder, PROBE)} is missing: install the kit`)
      await mustBeSeen()
      // Proves that the folder can be written, with a file that never gets its name.
      const never = async () => true
      await locked(lock, signal, () => replaceFile(folder, '', '', 'check', RIGHTS, never))
      await mustBeUsed(signal)
    },

    async *list(signal) {
      for (const site of (await closed(signal)).keys()) if (site !== PROBE) yield site
    },

    async observe(names, signal) {
      const held = await closed(signal)
      return new Map(names.flatMap((site) => (held.has(site) ? [[site, { names: held.get(site)! }] as const] : [])))
    },

    render: ({ name, access }) => (access === 'none' ? { names: namesOf(name, aliases) } : null),

    async apply(changes, signal) {
      mustBeHere(host, folder)
      await mustBeFolder(folder)
      const usable = [...changes].filter(([name]) => isHostName(name) && name !== PROBE)
      const rows = new Map<string, readonly string[] | null>(usable.map(([name, row]) => [name, row?.names ?? null]))
      await locked(lock, signal, () => setClosed(folder, new Map([...rows, [PROBE, [PROBE]]]), signal))
      // After the others: one that cannot be written must not keep a batch of closings from being applied.
      const left = [...changes.keys()].filter((name) => !rows.has(name))
      if (left.length > 0)
        throw new AppError('invalid_value', {
          field: 'site',
          detail: `not names of sites: ${left.map((name) => JSON.stringify(name.slice(0, 80))).join(', ')}`,
        })
    },

    close: async () => undefined,
  } satisfies Service<SiteSubject, ClosedSite>
}
