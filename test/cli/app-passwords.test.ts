// schedar account app-password …: what is printed, once, and what a mistake says.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../../src/cli/program.ts'
import { openInstallation } from '../../src/compose.ts'
import { inGroups } from '../../src/domain/app-passwords.ts'
import { verifyAppPassword } from '../../src/usecases/app-passwords.ts'

let file: string

async function schedar(...argv: string[]) {
  const printed = { out: '', err: '' }
  const write = (name: 'out' | 'err') => ({ write: (text: string) => (printed[name] += text) })
  const streams = { out: write('out'), err: write('err'), in: Readable.from([]), env: {} }
  const code = await run(['--config', file, ...argv], streams)
  return { code, ...printed }
}
async function json<T>(...argv: string[]): Promise<T> {
  const { code, out, err } = await schedar('--json', ...argv)
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out)
}
type Listed = { id: string; name: string; scopes: string[]; made_by: string; last_used_at: string | null }
const list = (username = 'ada') => json<Listed[]>('account', 'app-password', 'list', username)
const make = (name: string, ...scopes: string[]) =>
  json<Listed & { secret: string }>('account', 'app-password', 'make', 'ada', '--name', name, '--scope', ...scopes)

const installation = () => openInstallation({ file, env: {}, log: { level: 'error', to: process.stderr } })

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'schedar-cli-'))
  file = join(folder, 'schedar.yaml')
  writeFileSync(file, stringify({ issuer: 'http://127.0.0.1:9' }))
  const { core, close } = await installation()
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
  for (const name of ['ada', 'bob']) {
    const added = await schedar('account', 'add', name, '--given-name', name, '--family-name', 'Essai')
    expect(added).toMatchObject({ code: 0 })
  }
})

test('made, listed, used and revoked; the secret is printed once', async () => {
  expect((await schedar('account', 'app-password', 'list', 'ada')).out).toBe('none\n')
  const { secret, ...made } = await make('Thunderbird', 'smtp', 'imap')
  expect(made).toEqual({ id: expect.any(String), name: 'Thunderbird', scopes: ['imap', 'smtp'] })
  expect(secret).toMatch(/^[a-z2-9]{20}$/)
  const { core, close } = await installation()
  const accountId = (await core.store.accounts.byUsername('ada'))!.id
  expect(await verifyAppPassword(core)(accountId, secret, 'imap')).toEqual({ accountId, id: made.id })
  const listed = await list()
  expect(listed).toMatchObject([{ ...made, made_by: expect.stringMatching(/^cli:/), last_used_at: expect.any(String) }])
  expect(JSON.stringify(listed)).not.toContain(secret)
  expect((await schedar('account', 'app-password', 'revoke', 'bob', made.id)).code).toBe(1)
  const revoked = await schedar('account', 'app-password', 'revoke', 'ada', made.id)
  expect(revoked).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^1 revoked\.\n {2}✓ provider {2}ada {2}\d+ ms/),
  })
  expect(await verifyAppPassword(core)(accountId, secret, 'imap')).toBeUndefined()
  expect(JSON.stringify(await core.store.audit.list({ subjectId: accountId }))).not.toContain(secret)
  await close()
  expect(await list()).toEqual([])
})

test('for a person, the secret is also told in groups that can be typed', async () => {
  const { out } = await schedar('account', 'app-password', 'make', 'ada', '--name', 'Téléphone', '--scope', 'dav')
  const secret = /^secret: (\w{20})$/m.exec(out)![1]!
  expect(out).toContain(`To type it, without the spaces: ${inGroups(secret)}\nIt is not shown again.\n`)
  expect((await schedar('account', 'app-password', 'list', 'ada')).out).not.toContain(secret)
})

test('all at once', async () => {
  await make('One', 'imap')
  await make('Two', 'imap')
  const { out } = await schedar('account', 'app-password', 'revoke', 'ada', '--all')
  expect(out).toMatch(/^\d+ revoked\.\n/)
  expect(await list()).toEqual([])
  expect(await schedar('account', 'app-password', 'revoke', 'ada', '--all')).toMatchObject({
    code: 1,
    err: 'schedar: ada has no app password\n',
  })
})

test.each([
  [['make', 'ada', '--name', 'x', '--scope', 'root'], 1, 'imap, pop3, smtp, dav'],
  [['make', 'ada', '--name', ' ', '--scope', 'imap'], 1, 'name it after the program'],
  [['make', 'ada', '--name', 'x'], 2, '--scope'],
  [['make', 'nobody', '--name', 'x', '--scope', 'imap'], 1, 'there is no account nobody'],
  [['revoke', 'ada'], 1, 'give an id, or use --all'],
  [['revoke', 'ada', 'x', '--all'], 1, 'give an id, or use --all'],
  [['revoke', 'ada', 'x'], 1, 'ada has no app password x'],
])('%j is refused in a sentence', async (argv, code, sentence) => {
  const refused = await schedar('account', 'app-password', ...argv)
  expect(refused).toMatchObject({ code, out: '', err: expect.stringContaining(sentence) })
  expect(await list()).toEqual([])
})
