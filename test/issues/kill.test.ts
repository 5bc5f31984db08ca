// kill -9 at random instants of a suspension, fifty times: of the command that suspends, and every other time of the server
// too. Either nothing happened, or everything did; nobody else is touched; nothing is done twice.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import dovecotPlugin from '../../plugins/dovecot/index.ts'
import { type Installation, openInstallation } from '../../src/compose.ts'
import { addAccount, affiliate } from '../../src/usecases/accounts.ts'
import { addClient } from '../../src/usecases/clients.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { createProgram, type Program } from '../support/program.ts'
import { readsMail } from '../support/story.ts'

const ROUNDS = 50
const names = Array.from({ length: ROUNDS }, (_, at) => `membre${String(at).padStart(2, '0')}`)
const loginOf = (name: string) => `${name}@mail.example`

let program: Program
let dovecot: Dovecot
/** A look at the database from outside; it drives nothing. */
let eye: Installation
const tokens = new Map<string, string>()

/** A grant and an access token of the webmail, as a code flow leaves them. */
async function mint(name: string, clientId: string): Promise<string> {
  const provider = await eye.provider()
  const account = await eye.core.store.accounts.byUsername(name)
  const client = await provider.Client.find(clientId)
  const grant = new provider.Grant({ accountId: account!.id, clientId })
  grant.addOIDCScope('openid mail')
  const token = new provider.AccessToken({
    accountId: account!.id,
    client: client!,
    grantId: await grant.save(),
    gty: 'authorization_code',
    scope: 'openid mail',
  } as never)
  return token.save()
}

beforeAll(async () => {
  program = await createProgram()
  eye = await openInstallation({ file: program.file, env: program.env, log: { level: 'error', to: process.stderr } })
  const { core } = eye
  await core.store.organisations.add({
    id: core.random.uuid(),
    name: 'Cassiopée',
    country: 'BE',
    timeZone: 'Europe/Brussels',
    locale: 'fr',
    contactEmail: 'bureau@cassiopee.example',
    createdAt: core.clock.now(),
  })
  const member = await addMember(core)({
    memberNumber: '1',
    kind: 'association',
    name: 'Tous',
    email: null,
    coveredUntilOn: '2099-12-31',
    actor: 'test',
  })
  for (const name of names) {
    const account = await addAccount(core)({
      username: name,
      givenName: name,
      familyName: 'Essai',
      email: null,
      actor: 'test',
    })
    await core.store.accounts.update({ ...account, state: 'active' })
    await affiliate(core)({ accountId: account.id, memberId: member.id, role: 'user', actor: 'test' })
    const mailbox = await addResource(core)({
      memberId: member.id,
      kind: 'mailbox',
      name: loginOf(name),
      actor: 'test',
    })
    await addLogin(core)({ mailboxId: mailbox.id, accountId: account.id, actor: 'test' })
  }
  const register = (
    kind: string,
    plugin: Parameters<ReturnType<typeof addClient>>[0]['plugin'],
    redirectUris: string[],
  ) =>
    addClient(core)({
      kind,
      name: kind,
      url: 'https://mail.example',
      plugin,
      redirectUris,
      service: 'mail',
      actor: 'test',
    })
  const imapClient = await register('dovecot', dovecotPlugin as never, [])
  const webmail = await register('other', undefined, ['https://mail.example/cb'])
  dovecot = await startDovecot({
    logins: names.map(loginOf),
    provider: {
      issuer: program.issuer,
      client: { clientId: imapClient.client.clientId, clientSecret: imapClient.clientSecret },
    },
  })
  const { doveadmApiKey, ...settings } = dovecot.config
  writeFileSync(join(program.folder, 'doveadm-key'), doveadmApiKey, { mode: 0o600 })
  program.configure({ services: { mail: { plugin: 'dovecot', ...settings, doveadmApiKey: 'file:doveadm-key' } } })
  for (const name of names) tokens.set(name, await mint(name, webmail.client.clientId))
  await program.serve()
}, 120_000)
afterAll(async () => {
  await eye?.close()
  await program?.remove()
  await dovecot?.remove()
})

async function suspender(name: string): Promise<ChildProcess> {
  const child = spawn(
    join(import.meta.dirname, '../../node_modules/.bin/node'),
    [join(import.meta.dirname, '../support/suspender.ts'), program.file, name],
    { env: program.env, stdio: ['pipe', 'pipe', 'ignore'] },
  )
  child.stdout!.setEncoding('utf8')
  await once(child.stdout!, 'data')
  return child
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

const isSuspended = async (name: string): Promise<boolean> => {
  const account = await eye.core.store.accounts.byUsername(name)
  return (await eye.core.store.overrides.open({ accountId: account!.id })).length > 0
}

/** Resolves when nothing of this account waits any more, but for the second kick. */
async function settled(name: string): Promise<void> {
  const account = await eye.core.store.accounts.byUsername(name)
  await expect
    .poll(
      async () => {
        const rows = await Promise.all(
          [account!.id, loginOf(name)].map((subject) => eye.core.store.outbox.pending({ subject })),
        )
        return rows.flat().filter(({ effect }) => effect !== 'sessions_again')
      },
      { timeout: 30_000, interval: 20 },
    )
    .toEqual([])
}

test(`${ROUNDS} rounds`, { timeout: 600_000 }, async () => {
  const suspended: string[] = []
  let next = suspender(names[0]!)
  for (const [round, name] of names.entries()) {
    const child = await next
    if (round + 1 < ROUNDS) next = suspender(names[round + 1]!)
    child.stdin!.write('go\n')
    // Spread over what a suspension takes here: before the commit, between the effects, after them.
    await sleep(Math.random() * 60)
    await Promise.all([killed(child), round % 2 === 1 && program.stop('SIGKILL')])
    if (round % 2 === 1) await program.serve()
    await settled(name)
    const out = await isSuspended(name)
    if (out) suspended.push(loginOf(name))
    expect(
      readdirSync(join(dovecot.config.folder, 'denied'))
        .filter((file) => !file.startsWith('.'))
        .toSorted(),
      `after round ${round}`,
    ).toEqual(suspended)
    expect(await readsMail(dovecot.imapPort, loginOf(name), tokens.get(name)!), `${name}, suspended: ${out}`).toBe(!out)
  }
  // The instants were spread well enough for both ends to have been met.
  expect(suspended.length).toBeGreaterThan(0)
  expect(suspended.length).toBeLessThan(ROUNDS)

  const facts = await eye.core.store.audit.list({ action: 'access.suspended', limit: 1000 })
  expect(facts).toHaveLength(suspended.length)
  expect(await program.json('audit', 'verify')).toMatchObject({ sound: true })
  // Those whose command died before its commit, and everybody else, work on.
  for (const name of names.filter((one) => !suspended.includes(loginOf(one))))
    expect(await readsMail(dovecot.imapPort, loginOf(name), tokens.get(name)!), name).toBe(true)
  expect(await program.json('services', 'plan')).toEqual([])
})
