// A process of its own that writes the files for Dovecot, to be killed, starved or locked out. `run` starts it and reads what it
// says, one JSON value a line.
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import plugin from '../../plugins/dovecot/index.ts'
import type { LoginRow } from '../../plugins/dovecot/logins.ts'
import { locked } from '../../src/plugin-files.ts'
import { type Child, type ChildOptions, spawnChild } from './child.ts'
import { pluginHost } from './subjects.ts'

export type { Child }

const denied = { denied: true } as const
const soon = () => AbortSignal.timeout(60_000)
/** What a member is let in with. */
export const openRow = (name: string) => ({
  home: `/var/vmail/${name}`,
  passwords: { [`id-${name.split('@')[0]}`]: [`imap/${'a'.repeat(64)}`, `smtp/${'a'.repeat(64)}`] },
})

/** `member0@asso.example` and so on. */
export const members = (count: number): string[] => Array.from({ length: count }, (_, at) => `member${at}@asso.example`)

export const openDovecot = (folder: string, log: () => void = () => undefined) =>
  plugin.open!(
    {
      folder,
      doveadmUrl: 'http://127.0.0.1:9', // nothing listens: deny files are not written through doveadm
      doveadmApiKey: randomBytes(24).toString('hex'),
      introspectionTimeoutMs: 2000,
      policyTimeoutMs: 500,
    },
    pluginHost(folder, log),
  )

/** `before` are commands put in front of it (`setpriv …`), `umask` is in octal. */
export const runChild = (mode: keyof typeof modes, folder: string, options?: ChildOptions): Child =>
  spawnChild(fileURLToPath(import.meta.url), mode, folder, options)

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'done' }),
    (error: { code?: string; detail?: string }) => ({ code: error.code, detail: error.detail }),
  )

const modes = {
  /** Refuses a thousand, in one batch. */
  async thousand(folder: string) {
    const service = await openDovecot(folder)
    say('begin')
    say(await outcome(service.apply(new Map(members(1000).map((name) => [name, denied])), soon())))
  },
  /** Lets in, then refuses, then lets in a hundred, and so on. */
  async backAndForth(folder: string) {
    const service = await openDovecot(folder)
    say('begin')
    for (;;)
      for (const row of [openRow, () => denied])
        await service.apply(new Map(members(100).map((name) => [name, row(name)])), soon())
  },
  /** Lets in one whose lines cannot be written, and refuses another. */
  async lines(folder: string) {
    const service = await openDovecot(folder)
    const changes = new Map<string, LoginRow>([
      ['back@asso.example', openRow('back@asso.example')],
      ['alice@asso.example', denied],
    ])
    say(await outcome(service.apply(changes, soon())))
  },
  /** Takes the lock and keeps it until it is killed. */
  async hold(folder: string) {
    await locked(join(folder, 'lock'), soon(), async () => {
      say('held')
      await new Promise((resolve) => setTimeout(resolve, 600_000))
    })
  },
  /** Checks, then refuses one. */
  async one(folder: string) {
    const service = await openDovecot(folder)
    say(await outcome(service.check(soon())))
    say(await outcome(service.apply(new Map([['alice@asso.example', denied]]), soon())))
  },
  /** On a file system with room for some forty files: a hundred refusals and one restoring, then with more room. */
  async full(folder: string) {
    const files = join(folder, 'denied')
    await mkdir(files)
    const service = await openDovecot(folder)
    await service.apply(new Map([['back@asso.example', denied]]), soon())
    await writeFile(join(folder, 'filler'), Buffer.alloc(300 * 1024))
    const names = members(100)
    const wanted = new Map([...names.map((name) => [name, denied] as const), ['back@asso.example', null] as const])
    const state = async () => {
      const held = await service.observe([...wanted.keys()], soon())
      const left = await readdir(files)
      return { held: held.size, files: left.length, back: held.has('back@asso.example') }
    }
    say({ ...(await outcome(service.apply(wanted, soon()))), ...(await state()) })
    await rm(join(folder, 'filler'))
    say({ ...(await outcome(service.apply(wanted, soon()))), ...(await state()) })
  },
}

const [, script, mode, folder] = process.argv
if (script === fileURLToPath(import.meta.url)) await modes[mode as keyof typeof modes](folder ?? '')
