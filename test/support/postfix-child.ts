// A process of its own that writes Postfix's maps, to be killed, starved or locked out. `runChild` starts it and reads what
// it says, one JSON value a line. Its folder argument is `configDir:folder`.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { config as configSchema } from '../../plugins/postfix/config.ts'
import plugin from '../../plugins/postfix/index.ts'
import type { Row, Service } from '../../src/plugin.ts'
import { type Child, type ChildOptions, spawnChild } from './child.ts'
import { addressSubject, pluginHost } from './subjects.ts'

const refusal = { refused: 'REJECT 5.7.1 no' }
const soon = () => AbortSignal.timeout(60_000)
type Maps = { refused: Service<never, Row>; addresses: Service<never, Row> }

/** `member0@asso.example` and so on. */
export const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `member${at}@asso.example`)

export async function openMaps(configDir: string, folder: string): Promise<Maps> {
  const config = configSchema.parse({ configDir, folder })
  const host = pluginHost(folder)
  const [refused, addresses] = [await plugin.open!(config, host), await plugin.parts!.addresses!.open(config, host)]
  return { refused: refused as Service<never, Row>, addresses: addresses as Service<never, Row> }
}

type Options = ChildOptions & { configDir: string; folder: string }

/** `before` are commands put in front of it (`setpriv …`), `umask` is in octal. */
export const runChild = (mode: keyof typeof modes, _dir: string, { configDir, folder, ...options }: Options): Child =>
  spawnChild(fileURLToPath(import.meta.url), mode, `${configDir}:${folder}`, options)

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'done' }),
    (error: { code?: string; detail?: string }) => ({ code: error.code, detail: error.detail }),
  )

const modes = {
  /** Writes two hundred addresses, and takes them away, until it is killed. */
  async addresses({ addresses }: Maps) {
    const rows = new Map(many(200).map((name) => [name, addresses.render(addressSubject(name) as never)]))
    say('begin')
    for (;;) {
      await addresses.apply(rows, soon())
      await addresses.apply(new Map(many(200).map((name) => [name, null])), soon())
    }
  },
  /** Refuses ten, one after the other. */
  async many({ refused }: Maps) {
    for (const name of many(10)) await refused.apply(new Map([[name, refusal]]), soon())
    say({ code: 'done' })
  },
  /** Checks, then refuses one. */
  async one({ refused }: Maps) {
    say(await outcome(refused.check(soon())))
    say(await outcome(refused.apply(new Map([['alice@asso.example', refusal]]), soon())))
  },
  /** On a small file system: one refusal, then two thousand, then again with more room. */
  async full({ refused }: Maps, folder: string) {
    const wanted = new Map(many(2000).map((name) => [name, refusal]))
    const held = async () => {
      const rows = await refused.observe(many(2000), soon())
      return [...rows.values()].filter((row) => 'refused' in row).length
    }
    say({ ...(await outcome(refused.apply(new Map([...wanted].slice(0, 1)), soon()))), held: await held() })
    await writeFile(join(folder, 'filler'), Buffer.alloc(590 * 1024))
    say({ ...(await outcome(refused.apply(wanted, soon()))), held: await held() })
    await rm(join(folder, 'filler'))
    say({ ...(await outcome(refused.apply(wanted, soon()))), held: await held() })
  },
}

const [, script, mode, argument = ''] = process.argv
if (script === fileURLToPath(import.meta.url)) {
  const [configDir = '', folder = ''] = argument.split(':')
  await modes[mode as keyof typeof modes](await openMaps(configDir, folder), folder)
}
