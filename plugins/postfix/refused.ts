// The logins that may not send, as a map for `check_sasl_access`. It is Postfix's own file: it goes on refusing while
// Schedar is down, also in sessions that were open before.
import { join } from 'node:path'
import type { Host, LoginSubject, Name, Service } from '../../src/plugin.ts'
import { locked, mustBeFolder, mustBeHere } from '../../src/plugin-files.ts'
import { mustListen, mustUse } from './check.ts'
import type { PostfixConfig } from './config.ts'
import { mapFile } from './map-file.ts'
import { isLogin, takenByHand, unusable } from './names.ts'

/** The answer of access(5) to a login that may not send; `drift`: the map and its source do not say the same. */
export type Refusal = { readonly refused: string } | { readonly drift: true }

const MAP = 'refused'

export function refusedLogins(config: PostfixConfig, { log }: Host): Service<LoginSubject, Refusal> {
  const { folder, host, configDir, refusal } = config
  const map = mapFile(join(folder, MAP), configDir)
  const lock = join(folder, `${MAP}.lock`)

  return {
    async check(signal) {
      mustBeHere(host, folder)
      await mustBeFolder(folder)
      await locked(lock, signal, async () => {
        await map.observe(['nobody@schedar.invalid'], signal)
      })
      await mustUse(config, [{ map: MAP, where: 'check_sasl_access' }], signal)
      await mustListen(config, signal)
    },

    async *list(signal) {
      for (const name of (await map.observe('all', signal)).keys()) if (isLogin(name)) yield name
    },

    async observe(names, signal) {
      const held = await map.observe(names.filter(isLogin), signal)
      return new Map([...held].map(([name, row]) => [name, 'value' in row ? { refused: row.value } : row] as const))
    },

    render: ({ access, maySend }) => (access === 'full' && maySend ? null : { refused: `REJECT 5.7.1 ${refusal}` }),

    async apply(changes, signal) {
      mustBeHere(host, folder)
      await mustBeFolder(folder)
      const usable = new Map([...changes].filter(([name]) => isLogin(name)).map(([name, row]) => [name, replyOf(row)]))
      const kept = await locked(lock, signal, () => map.apply(usable, signal))
      report(log, map.path, kept, usable)
      // After the others: one that cannot be written must not keep a batch of suspensions from being applied.
      if (usable.size < changes.size)
        throw unusable(
          'login',
          [...changes.keys()].filter((name) => !usable.has(name)),
        )
    },

    close: async () => undefined,
  }
}

const replyOf = (row: Refusal | null): string | null => (row && 'refused' in row ? row.refused : null)

/** Lines of somebody else's: a word in the log where ours should go, an error where it should come. */
export function report(
  log: Host['log'],
  path: string,
  kept: readonly Name[],
  wanted: ReadonlyMap<Name, string | null>,
): void {
  if (kept.length === 0) return
  const inTheWay = kept.filter((name) => wanted.get(name) !== null)
  for (const name of kept.filter((key) => wanted.get(key) === null))
    log('warn', 'postfix.line_not_ours', { path, name })
  if (inTheWay.length > 0) throw takenByHand(path, inTheWay)
}
