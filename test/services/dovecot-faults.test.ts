// The files for Dovecot when things go wrong on the machine: killed in a batch, a full disk, a folder that may not be
// written, two processes. Needs mount(8) and setpriv(1) of util-linux, in a namespace of their own.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Child, members, openDovecot, openRow, runChild } from '../support/dovecot-child.ts'

const ALICE = 'alice@asso.example'
const denied = { denied: true } as const
const soon = () => AbortSignal.timeout(60_000)
const asRoot = process.getuid?.() === 0

let dir: string
const children: Child[] = []
const child: typeof runChild = (...args) => {
  const started = runChild(...args)
  children.push(started)
  return started
}
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'deny-'))
  await mkdir(join(dir, 'denied'))
})
afterEach(async () => {
  for (const { process } of children.splice(0)) process.kill('SIGKILL')
  await rm(dir, { recursive: true, force: true })
})

const kill = async (victim: Child) => {
  victim.process.kill('SIGKILL')
  await victim.exited
}
const files = () => readdir(join(dir, 'denied'))

test('killed in the middle of a batch of a thousand: no file is half there, and the batch can be applied again', async () => {
  const names = members(1000)
  const batch = new Map(names.map((name) => [name, denied]))
  for (const after of [20, 300]) {
    await rm(join(dir, 'denied'), { recursive: true })
    await mkdir(join(dir, 'denied'))
    const victim = child('thousand', dir)
    expect(await victim.next()).toBe('begin')
    while ((await files()).length < after) await sleep(1)
    await kill(victim)
    const left = await files()
    expect(left.length, 'it was killed in the middle').toBeLessThan(1000)
    for (const name of left.filter((entry) => !entry.startsWith('.')))
      expect((await readFile(join(dir, 'denied', name), 'utf8')).split('\n')).toContain(`${name}:`)

    await writeFile(join(dir, 'denied', '.new-999'), '# Wri') // if the kill happened to fall between two files
    const service = await openDovecot(dir)
    await service.apply(batch, soon())
    expect((await service.observe(names, soon())).size).toBe(1000)
    expect((await files()).toSorted()).toEqual(names.toSorted())
  }
})

test('a full disk is said to be full, restores go through, no empty file is left, and later all is applied', async () => {
  const mountpoint = join(dir, 'small')
  await mkdir(mountpoint)
  const inside = `mount -t tmpfs -o size=512k tmpfs ${mountpoint} && exec "$@"`
  const namespace = asRoot ? ['unshare', '--mount'] : ['unshare', '--mount', '--map-root-user']
  const starved = child('full', mountpoint, { before: [...namespace, 'sh', '-c', inside, 'sh'] })
  const first = (await starved.next()) as { code: string; detail: string; held: number; files: number; back: boolean }
  expect(first).toMatchObject({ code: 'storage_full', detail: expect.stringContaining(mountpoint), back: false })
  expect(first.held).toBeGreaterThan(0)
  expect(first.held).toBeLessThan(100)
  expect(first.files, 'every file that is there refuses').toBe(first.held)
  expect(await starved.next()).toEqual({ code: 'done', held: 100, files: 100, back: false })
})

test.each(['.', 'denied'])('%s not writable is an error with the path', async (which) => {
  const path = join(dir, which)
  if (which === 'denied') await writeFile(join(dir, 'lock'), '')
  const readOnly = ['sh', '-c', `chmod 0500 ${path} && exec "$@"`, 'sh']
  const rootWithoutPower = asRoot ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : []
  const powerless = child('one', dir, { before: [...readOnly, ...rootWithoutPower] })
  const refusal = { code: 'service_unavailable', detail: expect.stringMatching(`${dir}.*EACCES`) }
  expect(await powerless.next(), 'check').toEqual(refusal)
  expect(await powerless.next(), 'apply').toEqual(refusal)
  await chmod(path, 0o700)
  expect(await files()).toEqual([])
})

test("whatever the umask, Dovecot's user can read the file", async () => {
  const strict = child('one', dir, { umask: '077' })
  await strict.next()
  expect(await strict.next()).toEqual({ code: 'done' })
  expect((await stat(join(dir, 'denied', ALICE))).mode & 0o777).toBe(0o644)
})

test('a process that holds the lock is waited for until the signal aborts, and no longer once it is dead', async () => {
  const holder = child('hold', dir)
  expect(await holder.next()).toBe('held')
  const service = await openDovecot(dir)
  await expect(service.apply(new Map([[ALICE, denied]]), AbortSignal.timeout(300))).rejects.toMatchObject({
    code: 'service_unavailable',
    detail: expect.stringContaining(join(dir, 'lock')),
  })
  expect(await files()).toEqual([])
  const waiting = service.apply(new Map([[ALICE, denied]]), soon())
  await kill(holder)
  await waiting
  expect(await files()).toEqual([ALICE])
})

test('two processes at once apply both batches', async () => {
  const other = child('thousand', dir)
  expect(await other.next()).toBe('begin')
  const service = await openDovecot(dir)
  const mine = members(1200).slice(1000)
  for (let from = 0; from < mine.length; from += 20)
    await service.apply(new Map(mine.slice(from, from + 20).map((name) => [name, denied])), soon())
  expect(await other.next()).toEqual({ code: 'done' })
  expect((await files()).toSorted()).toEqual(members(1200).toSorted())
})

test('killed at any moment: nobody is let in halfway, nobody is out of the files without being refused', async () => {
  const names = members(100)
  const service = await openDovecot(dir)
  const opened = new Map(names.map((name) => [name, openRow(name)]))
  const seen = { denied: 0, open: 0, both: 0 }
  for (let round = 0; round < 12; round++) {
    const victim = child('backAndForth', dir)
    expect(await victim.next()).toBe('begin')
    await sleep(200 + round * 37)
    await kill(victim)
    const held = await service.observe(names, soon())
    for (const name of names) {
      const { denied: refused, ...lines } = held.get(name) ?? {}
      if (!refused && held.has(name)) expect(lines, name).toEqual(openRow(name))
      // In the first moments of the first round there is nobody yet.
      if (!refused && round > 0) expect(held.has(name), `${name} is neither refused nor let in`).toBe(true)
      if (refused) seen[Object.keys(lines).length > 0 ? 'both' : 'denied']++
      else seen.open++
    }
    await service.apply(opened, soon())
    expect(await service.observe(names, soon())).toEqual(opened)
  }
  expect(seen.denied + seen.both, 'it was killed while they were refused').toBeGreaterThan(0)
  expect(seen.open, 'and while they were let in').toBeGreaterThan(0)
})

test('whose lines cannot be written is not let in, and who must go is refused all the same', async () => {
  const service = await openDovecot(dir)
  await service.apply(new Map([['back@asso.example', denied]]), soon())
  const folder = join(dir, 'logins')
  const readOnly = ['sh', '-c', `chmod 0500 ${folder} && exec "$@"`, 'sh']
  const rootWithoutPower = asRoot ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : []
  const powerless = child('lines', dir, { before: [...readOnly, ...rootWithoutPower] })
  const refusal = { code: 'service_unavailable', detail: expect.stringMatching(`${folder}.*EACCES`) }
  expect(await powerless.next()).toEqual(refusal)
  await chmod(folder, 0o700)
  expect((await files()).toSorted()).toEqual([ALICE, 'back@asso.example'])
})

test('two processes at once, with lines in the same files, lose none', async () => {
  const names = members(200)
  const halves = [names.slice(0, 100), names.slice(100)]
  const services = await Promise.all([openDovecot(dir), openDovecot(dir)])
  await Promise.all(
    services.map(async (service, at) => {
      for (const name of halves[at]!) await service.apply(new Map([[name, openRow(name)]]), soon())
    }),
  )
  expect(await services[0]!.observe(names, soon())).toEqual(new Map(names.map((name) => [name, openRow(name)])))
})
