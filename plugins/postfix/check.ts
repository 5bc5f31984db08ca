// Proves that Postfix's own configuration reads what Schedar writes: a map that nobody looks up refuses nobody.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import { fileFailure } from '../../src/plugin-files.ts'
import { command } from './command.ts'
import type { PostfixConfig } from './config.ts'

type Place = Pick<PostfixConfig, 'configDir' | 'folder'>
/** A map of ours and the parameter, or the restriction, that must name it. */
export type Use = { map: string; where: string }

const unused = (detail: string): AppError => new AppError('service_unavailable', { detail })

/** What main.cf and master.cf say, one setting a line, with `$names` filled in. */
async function settings(configDir: string, signal: AbortSignal): Promise<string[]> {
  const run = (...args: string[]) => command({ name: 'postconf', args: ['-c', configDir, ...args], signal })
  const [main, master] = await Promise.all([run('-x', '-n'), run('-x', '-P')])
  return `${main.stdout}\n${master.stdout}`.split('\n')
}

/** True if a setting names it as a whole word. */
const names = (line: string, wanted: string): boolean =>
  line.split(/[\s,={}]+/).some((word) => word === wanted || word === `proxy:${wanted}`)

/** Throws `service_unavailable` unless each map is there and in use. */
export async function mustUse({ configDir, folder }: Place, uses: readonly Use[], signal: AbortSignal): Promise<void> {
  for (const { map } of uses) {
    const path = join(folder, `${map}.lmdb`)
    await stat(path).catch((error: unknown) => Promise.reject(fileFailure(error, path)))
  }
  const lines = await settings(configDir, signal)
  const missing = uses.filter(
    ({ map, where }) => !lines.some((line) => line.includes(where) && names(line, `lmdb:${join(folder, map)}`)),
  )
  if (missing.length > 0)
    throw unused(
      `Postfix in ${configDir} does not use ${missing.map(({ map, where }) => `lmdb:${join(folder, map)} in ${where}`).join(', ')}: install the kit`,
    )
}

/** Throws `service_unavailable` unless Postfix asks the policy server. */
export async function mustListen({ configDir, policy }: PostfixConfig, signal: AbortSignal): Promise<void> {
  const lines = await settings(configDir, signal)
  for (const when of ['recipient', 'end_of_data'])
    if (!lines.some((line) => line.includes(`smtpd_${when}_restrictions`) && names(line, `inet:${policy}`)))
      throw unused(
        `Postfix in ${configDir} does not ask inet:${policy} by check_policy_service in smtpd_${when}_restrictions: install the kit`,
      )
}

/** The value of a parameter of main.cf, as Postfix takes it. */
export async function parameter(configDir: string, name: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await command({ name: 'postconf', args: ['-c', configDir, '-x', '-h', name], signal })
  return stdout.trim()
}
