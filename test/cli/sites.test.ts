// schedar site show, suspend and restore, and the kit of a whole service: what is printed, and what a mistake says.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../../src/cli/program.ts'
import { openInstallation } from '../../src/compose.ts'

let folder: string
let file: string
let marks: string

async function schedar(...argv: string[]) {
  const printed = { out: '', err: '' }
  const write = (name: 'out' | 'err') => ({ write: (text: string) => (printed[name] += text) })
  const code = await run(['--config', file, ...argv], {
    out: write('out'),
    err: write('err'),
    in: Readable.from([]),
    env: {},
  })
  return { code, ...printed }
}
const json = async (...argv: string[]) => JSON.parse((await schedar('--json', ...argv)).out)
const closed = () => readdirSync(marks).filter((name) => name.endsWith('velo.example'))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-cli-sites-'))
  file = join(folder, 'schedar.yaml')
  marks = mkdtempSync(join(tmpdir(), 'schedar-marks-'))
  const services = { apache: { plugin: 'apache', folder: marks } }
  writeFileSync(file, stringify({ issuer: 'http://127.0.0.1:9', services }))
  const { core, close } = await openInstallation({ file, env: {}, log: { level: 'error', to: process.stderr } })
  await core.store.organisations.add({
    id: core.random.uuid(),
    name: 'Cassiopée',
    country: 'BE',
    timeZone: 'Europe/Brussels',
    locale: 'fr',
    contactEmail: 'bureau@cassiopee.example',
    createdAt: core.clock.now(),
  })
  await close()
  await schedar('member', 'add', '101', 'Les Amis du Vélo', '--covered-until', '2099-12-31')
  await schedar('site', 'add', 'velo.example', '--member', '101')
})

test('a site is taken offline, watched, shown and put back', async () => {
  const off = await schedar('site', 'suspend', 'VELO.example', '--reason', 'Hameçonnage')
  expect([off.code, off.err]).toEqual([0, ''])
  expect(off.out).toMatch(/velo\.example is offline\.\n {2}✓ apache {2}velo\.example {2}\d+ ms/)
  expect(closed()).toEqual(['velo.example', 'www.velo.example'])
  expect(await json('site', 'show', 'velo.example')).toMatchObject({
    name: 'velo.example',
    member: '101',
    hosting: 'none',
    hosting_reason: 'offline',
    reason_given: 'Hameçonnage',
    waiting: [],
  })
  expect((await schedar('site', 'show', 'velo.example')).out).toContain('hosting: none\n')
  const on = await schedar('site', 'restore', 'velo.example')
  expect([on.code, on.out]).toEqual([0, expect.stringContaining('velo.example is restored.')])
  expect(closed()).toEqual([])
})

test.each<[RegExp, ...string[]]>([
  [/there is no site/, 'site', 'suspend', 'none.example', '--reason', 'x'],
  [/say why/, 'site', 'suspend', 'velo.example', '--reason', ' '],
  [/not suspended/, 'site', 'restore', 'velo.example'],
  [/there is no site/, 'site', 'show', '../velo.example'],
  [/there is a kit for apache here/, 'services', 'kit', 'none', '/nowhere'],
  [/no setting x/, 'services', 'kit', 'apache', '/nowhere', '--set', 'x=y'],
])('%s', async (says, ...argv) => {
  const { code, err } = await schedar(...argv)
  expect([code, err]).toEqual([1, expect.stringMatching(says)])
})

test('the kit of a whole service is written', async () => {
  const into = join(folder, 'kit')
  expect((await schedar('services', 'kit', 'apache', into)).code).toBe(0)
  expect(readdirSync(into).toSorted()).toEqual(['README.txt', 'closed.schedar.invalid', 'schedar-closed.conf'])
  expect(readFileSync(join(into, 'schedar-closed.conf'), 'utf8')).toContain(`-f '${marks}/%{SERVER_NAME}'`)
})
