// The audit as a volunteer reads it: acts, people, things and details in words, the code beside them for the search, the data
// folded away.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditActions } from '../../src/domain/audit-actions.ts'
import type { AuditEntry } from '../../src/ports.ts'
import { addClient } from '../../src/usecases/clients.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import * as record from '../contract/store-records.ts'
import { open, read } from '../support/at-home.ts'
import type { Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let boss: StaffMember
let ada: Person
let clientId: string
const core = () => house.installation.core
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-/

beforeAll(async () => {
  house = await startHouse()
  boss = await staffMember(house, 'boss', 'admin')
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  const { client } = await addClient(core())({
    kind: 'other',
    name: 'Le wiki',
    url: 'https://wiki.example',
    redirectUris: ['https://wiki.example/back'],
    plugin: undefined,
    party: 'first',
    actor: 'test',
  })
  clientId = client.clientId
})
afterAll(() => house.stop())

const at = (path: string): Promise<Reply> => open(house, boss.browser, path)
const write = (entry: Partial<AuditEntry>): Promise<void> =>
  core().store.transaction((stores) =>
    stores.audit.append(
      { action: 'x', actor: 'test', subjectKind: 'account', subjectId: ada.account.id, payload: {}, ...entry },
      core().clock.now(),
      'x'.repeat(22),
    ),
  )

/** The cells of the newest row: what is read at once, and the data that are folded away. */
function newest({ text }: Reply): { cells: string[]; data: string } {
  const [, row = ''] = /<tbody[^>]*><tr[^>]*>(.*?)<\/tr>/s.exec(text) ?? []
  const cells = [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell]) => cell!)
  const folded = cells.map((cell) => /<details>.*<\/summary>(.*)<\/details>/s.exec(cell)?.[1] ?? '').join('')
  return {
    cells: cells.map((text) => read({ text: text.replace(/<details>.*<\/details>/s, '') })),
    data: read({ text: folded }),
  }
}
const told = async (entry: Partial<AuditEntry>, query = '') => {
  await write(entry)
  return newest(await at(`/admin/audit${query}`))
}

describe('an entry', () => {
  const member = () => ({ subjectKind: 'member', subjectId: ada.member!.id })
  const client = () => ({ subjectKind: 'client', subjectId: clientId })
  test.each<[string, () => Partial<AuditEntry>, (string | RegExp)[]]>([
    [
      'standing.changed',
      () => ({ ...member(), actor: 'clock', payload: { from: 'grace', to: 'current', on: '2026-03-01' } }),
      [
        'Situation changée standing.changed',
        /^membre M-ada .+/,
        'l’horloge clock',
        'Cotisation attendue → En ordre de cotisation · le 1er mars 2026',
      ],
    ],
    [
      'payment.recorded',
      () => ({
        ...member(),
        actor: boss.person.account.id,
        payload: { paymentId: record.id(), cents: 6000, source: 'cash', valueOn: '2026-03-02' },
      }),
      ['Paiement enregistré payment.recorded', /^membre M-ada .+/, 'boss', '60,00 € · espèces · le 2 mars 2026'],
    ],
    [
      'access.suspended',
      () => ({ actor: 'cli:root', payload: { reason: 'Envoie du spam.', endsOn: '2026-12-31' } }),
      [
        'Accès suspendu access.suspended',
        'compte ada',
        'root, en ligne de commande cli:root',
        'jusqu’au 31 décembre 2026 · « Envoie du spam. »',
      ],
    ],
    [
      'affiliation.set',
      () => ({ payload: { memberId: ada.member!.id, role: 'owner', before: 'user' } }),
      ['Rôle donné chez un membre affiliation.set', 'compte ada', 'test', /^M-ada .+ · usage → propriétaire$/],
    ],
    [
      'affiliation.ownership_handed_over',
      () => ({ payload: { memberId: ada.member!.id, from: boss.person.account.id, to: ada.account.id } }),
      [/^Propriété transmise/, 'compte ada', 'test', /^M-ada .+ · boss → ada$/],
    ],
    [
      'account.staff_roles_set',
      () => ({ payload: { before: ['helper'], after: ['treasurer', 'admin'] } }),
      [/^Rôles d’équipe changés/, 'compte ada', 'test', 'Aide → Trésorerie, Administration'],
    ],
    [
      'account.groups_set',
      () => ({ payload: { before: ['atelier'], after: [] } }),
      [/^Groupes changés/, 'compte ada', 'test', 'atelier → —'],
    ],
    [
      'member.changed',
      () => ({
        ...member(),
        payload: {
          name: { before: 'Ada', after: 'Ada L.' },
          email: { before: 'a@b.example', after: null },
          locale: { before: 'fr', after: 'nl' },
        },
      }),
      [/^Membre modifié/, /^membre/, 'test', 'Ada → Ada L. · a@b.example → — · Français → Nederlands'],
    ],
    [
      'client.role_set',
      () => ({ ...client(), payload: { to: `account:${ada.account.id}`, role: 'admin' } }),
      [/^Rôle donné sur un client/, 'client Le wiki', 'test', 'ada · admin'],
    ],
    [
      'client.role_removed',
      () => ({ ...client(), payload: { to: 'group:amis', role: 'editor' } }),
      [/^Rôle repris/, /Le wiki$/, 'test', 'groupe amis · editor'],
    ],
    [
      'consent.given',
      () => ({ payload: { clientId, scopes: ['openid'] } }),
      [/^Consentement donné/, 'compte ada', 'test', 'Le wiki'],
    ],
    [
      'dues.called',
      () => ({ ...member(), payload: { callId: record.id(), ogm: '010806817183', cents: 6000, dueOn: '2026-04-01' } }),
      [/^Cotisation appelée/, /^membre/, 'test', '60,00 € · +++010/8068/17183+++ · à payer pour le 1er avril 2026'],
    ],
    [
      'member.dues_set',
      () => ({ ...member(), payload: { tariff: null, payerId: ada.member!.id } }),
      [/^Tarif et payeur choisis/, /^membre/, 'test', /^payeur : M-ada .+ · aucun : rien ne lui est demandé$/],
    ],
    [
      'member.imported_changes',
      () => ({
        ...member(),
        payload: { differences: ['name', 'covered until', 'resigned'], coveredUntilOn: '2026-12-31' },
      }),
      [/^Changements importés/, /^membre/, 'test', 'Nom, Couvert jusqu’au, démission · jusqu’au 31 décembre 2026'],
    ],
    [
      'app_password.made',
      () => ({ payload: { id: record.id(), name: 'téléphone', scopes: ['smtp'] } }),
      [/^Mot de passe d’application créé/, 'compte ada', 'test', '« téléphone » · envoyer du courrier (SMTP)'],
    ],
    [
      'term.tariff_changed',
      () => ({
        ...member(),
        payload: { from: 'Effectif', to: 'Réduit', beforeCents: 6000, afterCents: 3000, creditCents: 500 },
      }),
      [
        /^Tarif d’une période changé/,
        /^membre/,
        'test',
        'Effectif → Réduit · 60,00 € → 30,00 € · solde en sa faveur : 5,00 €',
      ],
    ],
    [
      'access.settled',
      () => ({
        actor: 'system',
        subjectKind: 'service',
        subjectId: 'provider',
        payload: {
          services: [
            ['provider', 'x', 3],
            [`logout/${clientId}`, 'x', 4],
          ],
        },
      }),
      [
        /^Services mis au courant/,
        'service Connexion (sessions et jetons)',
        'le système system',
        'Connexion (sessions et jetons), Déconnexion de « Le wiki »',
      ],
    ],
    [
      'keys.rotated',
      () => ({ subjectKind: 'keys', subjectId: 'signing', payload: { done: ['ES256: made'], force: false } }),
      [/^Clés de signature renouvelées/, 'clés de signature', 'test', ''],
    ],
    [
      'statement_map.saved',
      () => ({ subjectKind: 'statement_map', subjectId: 'Ma banque', payload: { map: {} } }),
      [/^Colonnes d’extrait enregistrées/, 'colonnes d’extrait Ma banque', 'test', ''],
    ],
  ])('%s', async (action, entry, cells) => {
    const given = { action, ...entry() }
    const { cells: shown, data } = await told(given)
    expect(shown.slice(1)).toEqual(
      [cells[0], cells[1], cells[2], cells[3]].map((cell) =>
        cell instanceof RegExp ? expect.stringMatching(cell) : cell,
      ),
    )
    expect(JSON.parse(data)).toEqual(given.payload)
  })

  test('about a statement, its line, a suspension or a mailbox has the name of that', async () => {
    const { organisationId, id: memberId } = ada.member!
    const file = record.bankFile(organisationId, { name: 'mars.xml' })
    await core().store.bank.addFile(file)
    const line = record.bankLine(file, { valueOn: '2026-03-03', cents: 1234 })
    await core().store.bank.addLines([line])
    const mailbox = await addResource(core())({ memberId, kind: 'mailbox', name: 'ada@ada.example', actor: 'test' })
    await suspend(core())({ target: { accountId: ada.account.id }, reason: 'x', actor: 'test' })
    const [override] = await core().store.overrides.open({ accountId: ada.account.id })
    const subject = async (action: string, subjectKind: string, subjectId: string, payload = {}) =>
      (await told({ action, subjectKind, subjectId, payload })).cells.slice(2)
    expect(await subject('statement.lines_kept', 'bank_file', file.id, { from: 3, lines: 12 })).toEqual([
      'extrait mars.xml',
      'test',
      'lignes : 12',
    ])
    expect((await subject('bank_line.matched', 'bank_line', line.id, { payerId: memberId }))[0]).toBe(
      'ligne de banque 3 mars 2026 · 12,34 €',
    )
    expect((await subject('access.settled', 'override', override!.id))[0]).toBe('suspension ada')
    expect((await subject('mailbox.added', 'mailbox', mailbox.id))[0]).toBe('boîte aux lettres ada@ada.example')
    const page = await at('/admin/audit')
    for (const path of [`/admin/suspensions/${override!.id}`, `/admin/dues/inbox/${line.id}`])
      expect([path, page.text.includes(`href="${path}"`)]).toEqual([path, true])
  })

  test('of an act that is no more, or whose details were erased, is shown as it is', async () => {
    const id = record.id()
    const gone = await told({
      action: 'badge.printed',
      subjectKind: 'badge',
      subjectId: id,
      payload: { colour: 'red' },
    })
    expect(gone.cells.slice(1)).toEqual(['badge.printed', `badge ${id.slice(0, 8)}`, 'test', ''])
    expect(gone.data).toBe('{"colour":"red"}')
    expect((await told({ action: 'account.closed' })).cells.at(-1)).toBe('—')
  })
})

test('no page of the history shows an id or data unless they are unfolded', async () => {
  await write({
    action: 'affiliation.removed',
    payload: { memberId: ada.member!.id, role: 'user', clients: [clientId], logins: ['ada'] },
  })
  for (const path of [
    '/admin/audit',
    '/admin',
    `/admin/accounts/${ada.account.id}`,
    `/admin/members/${ada.member!.id}`,
    `/admin/clients/${clientId}`,
  ]) {
    const page = await at(path)
    const tables = [...page.text.matchAll(/<table.*?<\/table>/gs)].join('').replace(/<details>.*?<\/details>/gs, '')
    expect([path, tables.includes('<code>')]).toEqual([path, true])
    expect([path, read({ text: tables })]).toEqual([path, expect.not.stringMatching(UUID)])
    expect([path, read({ text: tables })]).toEqual([path, expect.not.stringMatching(/[{}]/)])
  }
})

test.each([
  ['nl', 'Toegang geschorst'],
  ['en', 'Access suspended'],
  ['de', 'Zugang gesperrt'],
  ['fr', 'Accès suspendu'],
])('in %s', async (lang, words) => {
  const { cells } = await told({ action: 'access.suspended', payload: { reason: 'x' } }, `?lang=${lang}`)
  expect(cells[1]).toBe(`${words} access.suspended`)
})

test('the filter proposes every code with its words, and takes any beginning', async () => {
  const page = await at('/admin/audit?action=member.')
  const options = [...page.text.matchAll(/<option value="([^"]+)">([^<]+)<\/option>/g)]
  expect(options.map(([, code]) => code)).toEqual(auditActions)
  expect(options.find(([, code]) => code === 'access.suspended')![2]).toBe('Accès suspendu')
  expect(page.text).toMatch(/<input id="action"[^>]* list="action-options">/)
  const codes = [...page.text.matchAll(/data-label="Acte"><div>[^<]+<small><code>([^<]+)/g)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(3)
  for (const code of codes) expect(code).toMatch(/^member\./)
})
