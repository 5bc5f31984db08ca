// What goes wrong on Postfix's machine while its maps are written: killed between two maps, no room, a folder that may not
// be written, somebody else's edits and locks, two writers. Nothing is lost, and the refused stay refused.
import { appendFile, chmod, chown, mkdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { config as configSchema } from '../../plugins/postfix/config.ts'
import plugin from '../../plugins/postfix/index.ts'
import type { Name, Row, Service } from '../../src/plugin.ts'
import type { Child } from '../support/child.ts'
import { type Postfix, startPostfix } from '../support/postfix.ts'
import { many, openMaps, runChild } from '../support/postfix-child.ts'
import { addressSubject, pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const soon = () => AbortSignal.timeout(60_000)
const refusal = { refused: 'REJECT 5.7.1 no' }

let postfix: Postfix
let refused: Service<never, Row>
let addresses: Service<never, Row>
const children: Child[] = []
beforeAll(async () => {
  postfix = await startPostfix()
})
afterAll(() => postfix?.remove())
beforeEach(async () => {
  refused = (await plugin.open!(postfix.config, pluginHost(postfix.dir))) as Service<never, Row>
  addresses = (await plugin.parts!.addresses!.open(postfix.config, pluginHost(postfix.dir))) as Service<never, Row>
})
afterEach(async () => {
  for (const { process } of children.splice(0)) process.kill('SIGKILL')
  for (const service of [refused, addresses]) {
    const names = await Array.fromAsync(service.list!(soon()))
    await service.apply(new Map(names.map((name) => [name, null])), soon())
  }
})
const child: typeof runChild = (...args) => {
  const started = runChild(...args)
  children.push(started)
  return started
}
const path = (map: string) => join(postfix.config.folder, map)
const table = async (map: string): Promise<string[]> =>
  (await postfix.command('postmap', '-s', `lmdb:${path(map)}`)).split('\n').filter(Boolean).toSorted()
const put = (service: Service<never, Row>, rows: Record<Name, Row | null>) =>
  service.apply(new Map(Object.entries(rows)), soon())
const observe = async (service: Service<never, Row>, ...names: Name[]) =>
  Object.fromEntries(await service.observe(names, soon()))

describe('drift', () => {
  test('a map that lost its table, or an entry of it, is seen and mended', async () => {
    await put(refused, { [ALICE]: refusal, [BOB]: refusal })
    await unlink(`${path('refused')}.lmdb`)
    expect(await observe(refused, ALICE)).toEqual({ [ALICE]: { drift: true } })
    await put(refused, { [ALICE]: refusal })
    expect(await table('refused'), 'made anew from its source').toHaveLength(2)
    await postfix.command('postmap', '-d', ALICE, `lmdb:${path('refused')}`)
    expect(await observe(refused, ALICE, BOB)).toEqual({ [ALICE]: { drift: true }, [BOB]: refusal })
    await put(refused, { [ALICE]: refusal })
    expect(await observe(refused, ALICE, BOB)).toEqual({ [ALICE]: refusal, [BOB]: refusal })
  })

  test('an entry in the table alone, and one in the source alone, are seen and taken away', async () => {
    await put(refused, { [ALICE]: refusal })
    const source = await readFile(path('refused'), 'utf8')
    await writeFile(path('refused'), source.replace(`${ALICE} REJECT 5.7.1 no\n`, `${BOB} OK\n`))
    expect(await observe(refused, ALICE, BOB)).toEqual({ [ALICE]: { drift: true }, [BOB]: { drift: true } })
    expect((await Array.fromAsync(refused.list!(soon()))).toSorted()).toEqual([ALICE, BOB])
    await put(refused, { [ALICE]: null, [BOB]: null })
    expect([await table('refused'), await observe(refused, ALICE, BOB)]).toEqual([[], {}])
  })

  test('each map of an address counts, and its domain', async () => {
    const row = addresses.render(addressSubject(ALICE) as never)
    for (const map of ['mailboxes', 'senders', 'domains']) {
      await put(addresses, { [ALICE]: row })
      await postfix.command('postmap', '-d', map === 'domains' ? 'asso.example' : ALICE, `lmdb:${path(map)}`)
      expect(await observe(addresses, ALICE), map).toEqual({ [ALICE]: expect.objectContaining({ drift: [map] }) })
      await put(addresses, { [ALICE]: row })
      expect(await observe(addresses, ALICE), map).toEqual({ [ALICE]: row })
    }
  })
})

describe("somebody else's lines", () => {
  test('stand in the way of a refusal: an error says so, the others are refused', async () => {
    const before = await readFile(path('refused'), 'utf8')
    await appendFile(path('refused'), `${ALICE} OK\n`)
    await expect(put(refused, { [ALICE]: refusal, [BOB]: refusal })).rejects.toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining(ALICE),
    })
    expect(await observe(refused, ALICE, BOB)).toEqual({ [BOB]: refusal })
    expect(await readFile(path('refused'), 'utf8')).toContain(`\n${ALICE} OK\n`)
    await writeFile(path('refused'), before)
    await postfix.command('postmap', `lmdb:${path('refused')}`)
  })

  test('with its marks damaged a file is left as it is, and said to be', async () => {
    await put(refused, { [ALICE]: refusal })
    const good = await readFile(path('refused'), 'utf8')
    const bad = good.replace('# --- Schedar ends ---\n', '')
    await writeFile(path('refused'), bad)
    const broken = { code: 'service_unavailable', detail: expect.stringContaining('# --- Schedar ends ---') }
    await expect(put(refused, { [BOB]: refusal })).rejects.toMatchObject(broken)
    await expect(observe(refused, BOB)).rejects.toMatchObject(broken)
    await expect(refused.check(soon())).rejects.toMatchObject(broken)
    expect(await readFile(path('refused'), 'utf8')).toBe(bad)
    expect(await table('refused'), 'who was refused stays refused').toHaveLength(1)
    await writeFile(path('refused'), good)
  })
})

describe('killed', () => {
  test('at any instant, between two maps too: every map is whole, and applying again mends all', async () => {
    const rows = new Map(many(200).map((name) => [name, addresses.render(addressSubject(name) as never)]))
    for (const after of [5, 30, 60, 90, 120, 180, 250, 400]) {
      const victim = child('addresses', postfix.dir, {
        configDir: postfix.config.configDir,
        folder: postfix.config.folder,
      })
      await victim.next()
      await sleep(after)
      victim.process.kill('SIGKILL')
      await victim.exited
      await sleep(50) // a postmap that it had started ends by itself
      for (const map of ['mailboxes', 'senders', 'domains']) await table(map)
      for (const row of Object.values(await observe(addresses, ...rows.keys()))) expect(row).toBeDefined()
    }
    await addresses.apply(rows, soon())
    expect(await observe(addresses, ...rows.keys())).toEqual(Object.fromEntries(rows))
    expect([(await table('mailboxes')).length, (await table('senders')).length]).toEqual([200, 200])
    expect(await table('domains')).toHaveLength(1)
  })
})

describe('the machine', () => {
  test('no room: it is said, the refused stay refused, and later all is applied', async () => {
    const small = join(postfix.dir, 'small')
    await mkdir(small)
    const inside = `mount -t tmpfs -o size=640k tmpfs ${small} && exec "$@"`
    const starved = child('full', postfix.dir, {
      configDir: postfix.config.configDir,
      folder: small,
      before: ['unshare', '--mount', 'sh', '-c', inside, 'sh'],
    })
    expect(await starved.next()).toEqual({ code: 'done', held: 1 })
    expect(await starved.next()).toMatchObject({
      code: 'storage_full',
      detail: expect.stringMatching(/room|space/),
      held: 1,
    })
    expect(await starved.next()).toEqual({ code: 'done', held: 2000 })
  })

  test('a folder that may not be written, and a missing one, are errors with their path; nothing is made', async () => {
    const folder = join(postfix.dir, 'closed')
    await mkdir(folder, { mode: 0o500 })
    const powerless = child('one', postfix.dir, {
      configDir: postfix.config.configDir,
      folder,
      before: ['setpriv', '--bounding-set=-all', '--inh-caps=-all'],
    })
    const refusedThere = { code: 'service_unavailable', detail: expect.stringMatching(`${folder}.*EACCES`) }
    expect([await powerless.next(), await powerless.next()]).toEqual([refusedThere, refusedThere])
    await rm(folder, { recursive: true })
    const lost = await openMaps(postfix.config.configDir, folder)
    for (const service of [lost.refused, lost.addresses]) {
      await expect(service.check(soon())).rejects.toMatchObject({
        code: 'service_unavailable',
        detail: expect.stringContaining(folder),
      })
      await expect(service.apply(new Map([[ALICE, refusal]]) as never, soon())).rejects.toMatchObject({
        code: 'service_unavailable',
      })
    }
  })

  test('as a user that is not root, whatever the umask, Postfix can read what is written', async () => {
    const folder = join(postfix.dir, 'own')
    await mkdir(folder)
    await chown(folder, 65_534, 65_534)
    await chmod(folder, 0o2750)
    const unprivileged = child('one', postfix.dir, {
      configDir: postfix.config.configDir,
      folder,
      umask: '077',
      before: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
    })
    // check: nothing of main.cf names this folder's maps
    expect(await unprivileged.next()).toMatchObject({ code: 'service_unavailable' })
    expect(await unprivileged.next()).toEqual({ code: 'done' })
    expect(await postfix.command('postmap', '-q', ALICE, `lmdb:${folder}/refused`)).toContain('REJECT')
    for (const file of ['refused', 'refused.lmdb'])
      expect((await stat(join(folder, file))).mode & 0o777, file).toBe(0o640)
  })

  test('two processes write at once: nothing is lost', async () => {
    const other = child('many', postfix.dir, { configDir: postfix.config.configDir, folder: postfix.config.folder })
    for (let at = 0; at < 10; at++) await put(refused, { [`mine${at}@asso.example`]: refusal })
    expect(await other.next()).toEqual({ code: 'done' })
    const held = await observe(refused, ...many(10), ...Array.from({ length: 10 }, (_, at) => `mine${at}@asso.example`))
    expect(Object.values(held)).toEqual(Array(20).fill(refusal))
    expect(await table('refused')).toHaveLength(20)
  })

  test('the maps of another machine are left alone', async () => {
    const elsewhere = await plugin.open!(
      configSchema.parse({ ...postfix.config, host: 'mx.elsewhere.example' }),
      pluginHost(postfix.dir),
    )
    const away = { code: 'service_unavailable', detail: expect.stringContaining('mx.elsewhere.example') }
    await expect(elsewhere.apply(new Map([[ALICE, refusal]]) as never, soon())).rejects.toMatchObject(away)
    await expect(elsewhere.check(soon())).rejects.toMatchObject(away)
  })

  test('what main.cf does not use is named', async () => {
    const kept = (await postfix.command('postconf', '-h', 'virtual_alias_maps')).trim()
    await postfix.set('virtual_alias_maps=')
    await expect(addresses.check(soon())).rejects.toMatchObject({
      detail: expect.stringContaining('aliases in virtual_alias_maps'),
    })
    await postfix.set(`virtual_alias_maps=${kept}`)
    await addresses.check(soon())
    const other = await plugin.open!({ ...postfix.config, policy: '127.0.0.1:9' }, pluginHost(postfix.dir))
    await expect(other.check(soon())).rejects.toMatchObject({ detail: expect.stringContaining('inet:127.0.0.1:9') })
  })
})
