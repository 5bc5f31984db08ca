// Attacks by markup in what others typed (class 23), where the staff read it: in names, reasons, notes, errors of services,
// entries of the audit.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditActions } from '../../src/domain/audit-actions.ts'
import { addAccount, affiliate, setGroups } from '../../src/usecases/accounts.ts'
import { addClient, setClientRole } from '../../src/usecases/clients.ts'
import { giveConsent } from '../../src/usecases/consents.ts'
import { addMember, recordMemberEvent } from '../../src/usecases/members.ts'
import { quarantineLogin } from '../../src/usecases/quarantine.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { bankFile } from '../contract/store-records.ts'
import { open, send } from '../support/at-home.ts'
import type { Reply } from '../support/browser-jar.ts'
import { type House, startHouse } from '../support/house.ts'
import { heldMessage, queueIn, sentMessage } from '../support/outgoing.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

const payloads = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onfocus=alert(1) x='",
  '</td></textarea></title><svg onload=alert(1)>',
  '{{constructor}}$t(error.title)',
  '<!--',
]
const nasty = payloads.join(' ')

let house: House
let boss: StaffMember
beforeAll(async () => {
  house = await startHouse()
  boss = await staffMember(house, 'boss', 'admin')
})
afterAll(() => house.stop())

/** Every tag is whole and does nothing by itself; scripts come from our own files. */
function isClean({ text }: Reply, what: string): void {
  for (const [tag, name] of text.matchAll(/<\/?([a-z][a-z0-9]*)[^>]*>/gi)) {
    const bare = tag.slice(1).replace(/"[^"]*"/g, '""')
    expect([what, bare]).toEqual([what, expect.not.stringMatching(/\son\w+\s*=|['<]/)])
    expect([what, name]).toEqual([what, expect.not.stringMatching(/^(iframe|object|style|base)$/)])
    if (name === 'script' && !tag.startsWith('</'))
      expect([what, tag]).toEqual([what, expect.stringMatching(/^<script src="\/assets\//)])
    if (name === 'img') expect([what, tag]).toEqual([what, expect.stringContaining('alt=""')])
  }
  expect([what, text]).toEqual([what, expect.not.stringContaining('<!--')])
}

/** Mail as strangers write it: subjects, scripts, senders, answers of other servers; the pages that show it. */
async function mailOf(memberId: string, accountId: string): Promise<string[]> {
  const { core } = house.installation
  const box = await addResource(core)({ memberId, kind: 'mailbox', name: 'm@b.example', actor: 'test' })
  await addLogin(core)({ mailboxId: box.id, accountId, actor: 'test' })
  const told = { text: nasty, relay: nasty, dsn: '5.0.0', result: 'bounced' } as const
  const sent = { login: 'm@b.example', sender: nasty, memberId }
  await sentMessage(core, { ...sent, attempts: [{ ...told, recipient: 'x@c.example' }] })
  await sentMessage(core, { ...sent, login: nasty.slice(0, 250) })
  const queue = queueIn(house)
  await heldMessage(core, queue, {
    login: 'm@b.example',
    subject: nasty,
    sender: nasty,
    script: nasty,
    recipients: [nasty],
  })
  await quarantineLogin(core)({ login: 'm@b.example', detail: nasty, actor: nasty.slice(0, 64) })
  return [
    '/admin/outgoing',
    '/admin/outgoing/held',
    '/admin/outgoing/trace?recipient=x@c.example',
    '/admin/outgoing/notice?recipient=@c.example',
    `/admin/mailboxes/${box.id}`,
    `/admin/mailboxes/${box.id}/take-login?login=m@b.example`,
  ]
}

test('what others typed is text on every page', async () => {
  const { core } = house.installation
  const [organisation] = await core.store.organisations.all()
  await core.store.organisations.update({ ...organisation!, name: nasty.slice(0, 190) })
  const account = await addAccount(core)({
    username: 'mallory',
    givenName: nasty.slice(0, 100),
    familyName: nasty.slice(40, 140),
    name: nasty.slice(0, 200),
    email: 'm@b.example',
    actor: nasty.slice(0, 64),
  })
  const member = await addMember(core)({
    memberNumber: nasty.slice(0, 64),
    kind: 'person',
    name: nasty.slice(0, 200),
    email: null,
    coveredUntilOn: '2999-12-31',
    actor: 'test',
  })
  await affiliate(core)({ accountId: account.id, memberId: member.id, role: 'owner', actor: 'test' })
  await recordMemberEvent(core)({ memberId: member.id, kind: 'readmitted', note: nasty, actor: 'test' })
  await setGroups(core)({ accountId: account.id, groups: [nasty.slice(0, 100)], actor: 'test' })
  const { client } = await addClient(core)({
    kind: 'other',
    name: nasty.slice(0, 200),
    url: `https://evil.example/?a="><script>alert(1)</script>`,
    redirectUris: ['https://evil.example/"><img'],
    plugin: undefined,
    party: 'third',
    actor: 'test',
  })
  const subject = nasty.slice(0, 100)
  await setClientRole(core)({ clientId: client.clientId, subjectKind: 'group', subject, role: '<b>', actor: 'test' })
  await giveConsent(core)(account.id, client.clientId, ['openid', '<script>'])
  await suspend(core)({ target: { accountId: account.id }, reason: nasty, actor: 'test' })
  await suspend(core)({ target: { memberId: member.id }, reason: nasty, actor: 'test' })
  const [override] = await core.store.overrides.open({ accountId: account.id })
  // A service that answers with markup of its own.
  await core.store.outbox.add([
    {
      service: nasty.slice(0, 96),
      subject: account.id,
      effect: 'row',
      payload: {},
      cause: 'person',
      createdAt: core.clock.now(),
      dueAt: core.clock.now() + 1e9,
    },
  ])
  const [row] = (await core.store.outbox.pending({ subject: account.id })).toReversed()
  await core.store.outbox.retry([row!.id], nasty, core.clock.now() + 1e9)

  const mail = await mailOf(member.id, account.id)

  const at = (path: string) => open(house, boss.browser, path)
  const [a, m, c] = [
    `/admin/accounts/${account.id}`,
    `/admin/members/${member.id}`,
    `/admin/clients/${client.clientId}`,
  ]
  const query = encodeURIComponent(nasty.slice(0, 190))
  const pages = [
    '/admin',
    '/admin/accounts',
    `/admin/accounts?text=${query}&state=${query}&page=${query}&done=${query}`,
    '/admin/members',
    `/admin/members?text=${query}&standing=${query}`,
    ...[
      '',
      '/suspend',
      '/restore',
      '/allow',
      '/close',
      '/groups',
      '/staff-roles',
      '/app-passwords',
      '/new-app-password',
      '?done=%3Cb%3E',
    ].map((path) => a + path),
    ...['', '/suspend', '/change', '/event', '/people', '/link'].map((path) => m + path),
    ...['', '/roles', '/disable'].map((path) => c + path),
    '/admin/members/new',
    '/admin/accounts/new',
    `/admin/accounts/new?member=${member.id}&email=${query}`,
    '/admin/keys',
    '/admin/keys/rotate',
    `/admin/suspensions/${override!.id}`,
    '/admin/services',
    `/admin/services/${encodeURIComponent(nasty.slice(0, 96))}`,
    '/admin/clients',
    ...mail,
    `/admin/outgoing?login=${query}`,
    `/admin/outgoing/held?login=${query}`,
    `/admin/outgoing/stop?login=${query}`,
    `/admin/outgoing/trace?recipient=${query}`,
    `/admin/outgoing/notice?recipient=${query}&cause=${query}&days=${query}`,
    `/admin/mailboxes?address=${query}`,
    `/admin/mailboxes/new?member=${query}`,
    '/admin/audit',
    `/admin/audit?action=${query}&actor=${query}&subject=${query}&day=${query}&before=${query}`,
  ]
  for (const path of pages) {
    const page = await at(path)
    expect([path, page.status]).toEqual([path, 200])
    isClean(page, path)
  }
  isClean(
    await send(house, boss.browser, await at('/admin/mailboxes/new'), {
      member: nasty,
      name: nasty,
      quota: nasty,
      who: nasty,
      targets: nasty,
    }),
    'mailbox, refused',
  )
  // Typed back after a mistake, and in a plan.
  const typed = { name: nasty, email: nasty, givenName: nasty, familyName: nasty, who: nasty, memberNumber: nasty }
  for (const path of ['/admin/members/new', '/admin/accounts/new', `${m}/link`, `${a}/new-app-password`])
    isClean(await send(house, boss.browser, await at(path), typed), `${path}, refused`)
  const known = { name: nasty.slice(0, 200), email: 'm@b.example', givenName: 'x', familyName: 'x' }
  for (const path of ['/admin/members/new', `/admin/accounts/new?member=${member.id}`]) {
    const asked = await send(house, boss.browser, await at(path), known)
    expect([path, asked.text.includes('mallory')]).toEqual([path, true])
    isClean(asked, `${path}, known`)
  }
  const bulk = await at('/admin/suspend')
  isClean(await send(house, boss.browser, bulk, { names: nasty, reason: ' ' }), 'bulk, refused')
  isClean(await send(house, boss.browser, bulk, { names: `mallory ${nasty}`, reason: nasty }), 'bulk, planned')
  isClean(await send(house, boss.browser, await at('/admin/clients/new'), { name: nasty, url: nasty }), 'register')
  isClean(
    await send(house, boss.browser, await at(`${a}/suspend`), { reason: nasty, until: nasty }),
    'suspend, refused',
  )
})

/** Every detail that any act of the audit has, and one that none has. */
const details =
  `memberId payerId clientId clients from to before after role staffRoles name email locale differences scopes
  logins login mailbox url tariff iban beforeCents afterCents amountCents dueCents cents creditCents source ogm lines rows
  changes overrides services effect by on valueOn dueOn effectiveOn fromOn startOn validFromOn endsOn untilOn lastOn
  coveredUntilOn decisionRef associationName note reason __proto__ constructor`.split(/\s+/)

test('whatever the audit holds is text, and breaks no page', async () => {
  const { core } = house.installation
  const [organisation] = await core.store.organisations.all()
  const file = bankFile(organisation!.id, { name: nasty.slice(0, 200) })
  await core.store.bank.addFile(file)
  const values: unknown[] = [
    nasty,
    `account:${nasty}`,
    [nasty, [nasty], null],
    { before: nasty, after: nasty },
    { toString: 1, valueOf: 1 },
    -1e308,
    '2026-02-31',
    null,
  ]
  const subjects = [
    ['bank_file', file.id],
    [nasty.slice(0, 32), nasty.slice(0, 64)],
    ['constructor', '__proto__'],
    ['service', `logout/${nasty}`.slice(0, 64)],
    ['member', boss.person.member!.id],
  ]
  const actors = [`cli:${nasty}`.slice(0, 64), nasty.slice(0, 64), 'constructor']
  const entries = [...auditActions, nasty.slice(0, 64), 'constructor'].flatMap((action, row) =>
    values.map((value, at) => ({
      action,
      actor: actors[(row + at) % actors.length]!,
      subjectKind: subjects[(row + at) % subjects.length]![0]!,
      subjectId: subjects[(row + at) % subjects.length]![1]!,
      payload: Object.fromEntries(details.map((name) => [name, value])),
    })),
  )
  await core.store.transaction((stores) =>
    stores.audit.appendAll(entries.map((entry) => ({ entry, at: core.clock.now(), salt: 'x'.repeat(22) }))),
  )
  let rows = 0
  for (let path: string | undefined = '/admin/audit'; path && rows < entries.length; ) {
    const page = await open(house, boss.browser, path)
    expect([path, page.status]).toEqual([path, 200])
    isClean(page, path)
    rows += [...page.text.matchAll(/<td[^>]*data-label="Acte"/g)].length
    path = /rel="next" href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&')
  }
  expect(rows).toBeGreaterThanOrEqual(entries.length)
  for (const path of ['/admin', `/admin/members/${boss.person.member!.id}`]) {
    const page = await open(house, boss.browser, path)
    expect([path, page.status]).toEqual([path, 200])
    isClean(page, path)
  }
})
