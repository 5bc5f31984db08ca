// schedar member people …: who belongs to a member, by the command line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../../src/cli/program.ts'
import { openInstallation } from '../../src/compose.ts'
import { lettersIn } from '../support/letters.ts'
import { freePort } from '../support/ports.ts'

let folder: string
let file: string

async function schedar(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const result = { code: 0, out: '', err: '' }
  const write = (name: 'out' | 'err') => ({
    write: (text: string) => {
      result[name] += text
    },
  })
  const streams = { out: write('out'), err: write('err'), in: Readable.from([]), env: {} }
  result.code = await run(['--config', file, ...argv], streams)
  return result
}
const people = (...argv: string[]) => schedar('member', 'people', ...argv)
const listed = async (): Promise<Record<string, string>[]> =>
  JSON.parse((await schedar('--json', 'member', 'people', 'list', '101')).out)
const letters = () => lettersIn(join(folder, 'data', 'mail'))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-cli-'))
  file = join(folder, 'schedar.yaml')
  const port = await freePort()
  writeFileSync(file, stringify({ issuer: `http://127.0.0.1:${port}`, listen: { port } }))
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
  await schedar('member', 'add', '101', 'Les Amis', '--association', '--covered-until', '2099-12-31')
  for (const name of ['ada', 'bob']) {
    const names = ['--given-name', name, '--family-name', 'Essai', '--email', `${name}@example.org`]
    const role = name === 'ada' ? 'owner' : 'technical'
    expect((await schedar('account', 'add', name, ...names, '--member', '101', '--role', role)).code).toBe(0)
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('lists the people and those who are invited', async () => {
  expect((await people('invite', '101', 'Cleo@Example.org', '--role', 'billing', '--locale', 'nl')).code).toBe(0)
  expect(await listed()).toEqual([
    { who: 'ada', name: 'ada Essai', role: 'owner', state: 'invited' },
    { who: 'bob', name: 'bob Essai', role: 'technical', state: 'invited' },
    { who: 'cleo@example.org', name: '', role: 'billing', state: 'invitation sent' },
  ])
  expect(letters().at(-1)).toMatchObject({ to: 'cleo@example.org', subject: 'Uitnodiging: Les Amis' })
  expect((await people('list', '101')).out).toMatch(/who +name +role +state\nada/)
})

test('withdraws an invitation', async () => {
  expect((await people('withdraw', '101', 'Cleo@example.org')).code).toBe(0)
  expect(await listed()).toHaveLength(2)
  expect(await people('withdraw', '101', 'cleo@example.org')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no open invitation'),
  })
})

test('gives another role, but leaves an owner', async () => {
  expect((await people('role', '101', 'bob', 'admin')).code).toBe(0)
  expect((await listed()).map(({ role }) => role)).toEqual(['owner', 'admin'])
  for (const command of [
    ['role', '101', 'ada', 'user'],
    ['remove', '101', 'ada', '--yes'],
  ])
    expect(await people(...command)).toMatchObject({ code: 1, err: expect.stringContaining('last owner') })
  expect(await schedar('account', 'affiliate', 'ada', '101', '--role', 'user')).toMatchObject({ code: 1 })
  expect((await listed())[0]).toMatchObject({ who: 'ada', role: 'owner' })
})

test('takes somebody out, after a yes, and watches the services', async () => {
  expect(await people('remove', '101', 'bob')).toMatchObject({ code: 1, err: expect.stringContaining('--yes') })
  const removed = await people('remove', '101', 'bob', '--yes')
  expect(removed).toMatchObject({ code: 0, out: expect.stringMatching(/✓ provider {2}bob/) })
  expect(await listed()).toHaveLength(1)
})

test.each([
  [['list', '999'], 'there is no member 999'],
  [['invite', '101', 'nobody'], 'not an e-mail address'],
  [['invite', '101', 'x@example.org', '--role', 'chief'], 'none of owner, admin'],
  [['invite', '101', 'x@example.org', '--locale', 'it'], 'none of fr, nl'],
  [['role', '101', 'nobody', 'user'], 'there is no account nobody'],
  [['role', '101', 'bob', 'user'], 'not one of the people'],
])('%j: %s', async (argv, message) => {
  expect(await people(...argv)).toMatchObject({ code: 1, err: expect.stringContaining(message) })
})
