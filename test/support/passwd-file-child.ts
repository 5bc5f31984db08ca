// A process of its own that writes a passwd-file, to be killed, starved or locked out.
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import plugin, { type PasswdFileConfig } from '../../plugins/passwd-file/index.ts'
import { type Child, type ChildOptions, spawnChild } from './child.ts'
import { pluginHost } from './subjects.ts'

const full = { access: 'full' } as const
const soon = () => AbortSignal.timeout(60_000)

/** `member0@asso.example` and so on. */
export const members = (count: number): string[] => Array.from({ length: count }, (_, at) => `member${at}@asso.example`)
export const batch = (names: readonly string[]) => new Map(names.map((name) => [name, full]))

export const openPasswdFile = (file: string, more: Partial<PasswdFileConfig> = {}, log = (_event: string) => {}) =>
  plugin.open!({ file, mode: '0640', ...more }, pluginHost(dirname(file), log))

export const runChild = (mode: keyof typeof modes, folder: string, options?: ChildOptions): Child =>
  spawnChild(fileURLToPath(import.meta.url), mode, folder, options)

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'done' }),
    (error: { code?: string; detail?: string }) => ({ code: error.code, detail: error.detail }),
  )

const modes = {
  /** Writes one batch after the other, of a login each, for as long as it lives. */
  async batches(folder: string) {
    const service = await openPasswdFile(join(folder, 'users'))
    for (const name of members(2000)) {
      await service.apply(batch([name]), soon())
      say(name)
    }
  },
  /** Checks, then lets one in. */
  async one(folder: string) {
    const service = await openPasswdFile(join(folder, 'users'))
    say(await outcome(service.check(soon())))
    say(await outcome(service.apply(batch(['alice@asso.example']), soon())))
  },
  /** Two hundred on a file system that has no room for them, then with more room. */
  async full(folder: string) {
    const service = await openPasswdFile(join(folder, 'users'))
    await service.apply(batch(['before@asso.example']), soon())
    await writeFile(join(folder, 'filler'), Buffer.alloc(480 * 1024))
    const names = members(2000)
    const held = async () => (await service.observe(['before@asso.example', ...names], soon())).size
    say({ ...(await outcome(service.apply(batch(names), soon()))), held: await held() })
    await rm(join(folder, 'filler'))
    say({ ...(await outcome(service.apply(batch(names), soon()))), held: await held() })
  },
}

const [, script, mode, folder] = process.argv
if (script === fileURLToPath(import.meta.url)) await modes[mode as keyof typeof modes](folder ?? '')
