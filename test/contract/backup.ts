// Backups from one database into another: all that was there and nothing else, as of one moment, or nothing at all.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dump, load } from '../../adapters/sql/backup.ts'
import { type Database, migrate, openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'
import { migrations } from '../../adapters/sql/migrations.ts'
import { oidcAdapter } from '../../adapters/sql/oidc.ts'
import type { Member, Resource, Store } from '../../src/ports.ts'
import * as make from './store-records.ts'

const momentary = [
  'oidc_model',
  'oidc_signed_out',
  'throttle',
  'ticket',
  'member_invitation',
  'site_invitation',
  'submission',
  'delivery',
  'traffic',
  'outbox',
  'service_lease',
  'upload',
]
const tables = migrations
  .flatMap(({ ddl }) => /^create table (\w+)/.exec(ddl)?.[1] ?? [])
  .filter((table) => !momentary.includes(table))

/** Every kind of record, with values that are easily spoilt on the way. */
async function fill(database: Database): Promise<void> {
  const store = openStore(database)
  const { org, account, member } = await make.people(store)
  const bare = make.account({ email: null, emailVerifiedAt: null, name: `'; -- "é" \\ \n\t 🚲 ${'\u0001'}` })
  await store.accounts.add(bare)
  await store.standings.addTerm(make.term(member.id, { exempt: true, endOn: null, dueCents: 9_007_199_254_740_991 }))
  await store.members.addEvent(make.memberEvent(member.id))
  await fillWithDues(store, member)
  await store.standings.put(make.standing(member.id))
  await store.people.setStaffRoles(account.id, ['admin', 'helper'], 'test', make.NOW)
  await store.people.setGroups(account.id, ['équipe', 'a'])
  await store.overrides.add(make.override({ accountId: account.id, begun: false }))
  const [site, mailbox] = [make.resource(member, { removedAt: 5 }), make.resource(member, { kind: 'mailbox' })]
  await store.resources.add(site)
  await store.resources.add(mailbox)
  const login = { id: make.id(), mailboxId: mailbox.id, accountId: account.id, name: make.word(), createdAt: make.NOW }
  await store.resources.addLogin(login)
  await fillWithMail(store, member, { site, mailbox })
  const client = make.client(org.id, { secondFactor: true, resourceId: site.id })
  await store.clients.add(client)
  await store.clients.setRole({ clientId: client.clientId, subjectKind: 'group', subject: 'équipe', role: 'r' })
  await store.credentials.setPassword(account.id, '$argon2id$v=19$m=8,t=1,p=1$c2FsdA$ZGlnZXN0', make.NOW)
  await store.credentials.setTotp(account.id, 'sealed', true, make.NOW)
  await store.credentials.burnStep(account.id, 59_000_000)
  await store.credentials.setRecoveryCodes(account.id, [make.digest(), make.digest()], make.NOW)
  await store.consents.put(account.id, client.clientId, ['openid'], make.NOW)
  await store.appPasswords.add(make.appPassword(account.id, { name: 'Téléphone 📱', revokedAt: 5, revokedBy: 'é' }))
  await store.keys.add(make.signingKey())
  await store.settings.set(make.word(), 'x'.repeat(50_000))
  for (let n = 0; n < 5; n++)
    await store.transaction((stores) =>
      stores.audit.append({ action: 'x', actor: 'é', subjectKind: 'x', subjectId: 'x', payload: { n } }, make.NOW, 's'),
    )
  await database.knex('audit').limit(1).where({ action: 'x' }).update({ payload: null })
}

async function fillWithMail(store: Store, member: Member, of: Record<'site' | 'mailbox', Resource>): Promise<void> {
  const { mailboxes, quarantines, resources } = store
  await mailboxes.put({ resourceId: of.mailbox.id, quotaBytes: 9_007_199_254_740_991, formerUntilOn: '2028-02-29' })
  const alias = make.resource(member, { kind: 'alias' })
  await resources.add(alias)
  await mailboxes.setTargets(alias.id, ['a@asso.example', 'b@asso.example'])
  await mailboxes.setSiteLogin({ siteId: of.site.id, digest: make.digest(), createdAt: make.NOW, createdBy: 'é' })
  await store.registrations.add(make.registration(member.id))
  const lifted = { liftedAt: 9, liftedBy: 'é' }
  const burst = {
    id: make.id(),
    login: 'a@asso.example',
    reason: 'burst' as const,
    detail: 'é',
    startedAt: 1,
    startedBy: 'x',
    toldAt: 2,
  }
  await quarantines.begin({ ...burst, ...lifted })
}

async function fillWithDues(store: Store, member: Member): Promise<void> {
  const { organisationId } = member
  const term = make.term(member.id, { startOn: '2027-01-01', endOn: '2027-12-31' })
  await store.standings.addTerm(term)
  await store.dues.setAccount({ organisationId, iban: 'BE71096123456769', holder: 'Cassiopée', bic: null })
  await store.dues.addTariff(make.tariff(organisationId))
  await store.dues.addRules(make.rules(organisationId))
  await store.dues.setMember({ memberId: member.id, tariff: 'Membre effectif', payerId: null })
  const call = make.call(member)
  await store.calls.add(call, [{ callId: call.id, termId: term.id, cents: 6000 }])
  const file = make.bankFile(organisationId)
  await store.bank.addFile(file)
  const line = make.bankLine(file)
  await store.bank.addLines([line])
  const payment = make.payment(member, { bankLineId: line.id })
  await store.payments.add(payment, [make.allocation(payment.id, term.id, 6000)])
  await store.payments.addReceipts({ organisationId, year: 2026, issuedOn: '2026-01-15' }, [payment.id])
  const sent = { sentOn: '2026-12-01', sentAt: make.NOW, result: 'sent' as const }
  await store.reminders.add({ memberId: member.id, coveredUntilOn: '2026-12-31', ruleDay: -30, ...sent })
}

async function fillWithTheMoment(database: Database): Promise<void> {
  const store = openStore(database)
  await store.outbox.add([make.outboxRow('gone', 'x')])
  await store.outbox.lease('gone', 'x', 0, 5)
  await store.throttle.take(make.digest(), 1, 1, 1, 1)
  await store.tickets.add(make.digest(), { kind: 'setup', accountId: null, createdAt: 1, expiresAt: 2, usedAt: null })
  await oidcAdapter(database)('Session').upsert(make.digest(), { accountId: make.id() }, 3600)
}

type Content = Record<string, unknown[]>
async function content(database: Database): Promise<Content> {
  const found: Content = {}
  for (const table of [...tables, ...momentary].filter((name) => name !== 'migration')) {
    const rows = (await database.knex(table)).map((row: object) => JSON.stringify(row))
    found[table] = rows.toSorted()
  }
  return found
}

async function dumped(database: Database): Promise<string[]> {
  const lines: string[] = []
  await dump(
    database,
    make.NOW,
    async (line) => void lines.push(line),
    () => {},
  )
  return lines
}

async function* stream(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}
const restore = (database: Database, lines: readonly string[], onRow: (done: number) => void = () => {}) =>
  load(database, stream(lines), onRow)

/** `openFrom` and `openTo` give URLs of new, empty databases. */
export function backupContract(name: string, openFrom: () => Promise<string>, openTo: () => Promise<string>): void {
  describe(`backup: ${name}`, () => {
    let from: Database
    let to: Database
    beforeEach(async () => {
      from = openDatabase(await openFrom())
      to = openDatabase(await openTo())
      await migrate(from)
      await migrate(to)
      await fill(from)
    })
    afterEach(async () => {
      await from.close()
      await to.close()
    })

    test('there and back: every row of every lasting table, nothing of the moment, and writes are held', async () => {
      await fillWithTheMoment(from)
      await fill(to)
      await fillWithTheMoment(to)
      const lines = await dumped(from)
      let told = 0
      const rows = await restore(to, lines, (done) => {
        told = done
      })
      expect([rows, told]).toEqual([lines.length - 2, lines.length - 2])
      const [before, after] = [await content(from), await content(to)]
      for (const table of momentary) expect(after[table], table).toEqual([])
      expect(await openStore(to).settings.get('writes_held')).toBe('restore')
      await openStore(to).settings.set('writes_held', undefined)
      const restored = await content(to)
      for (const table of tables) {
        if (table === 'migration') continue
        expect(before[table]!.length, `${table} has a row in this test`).toBeGreaterThan(0)
        expect(restored[table], table).toEqual(before[table])
      }
      expect(await openStore(to).audit.verify()).toEqual({ rows: 5, brokenAt: undefined })
      // And on: new rows find their place behind the restored ones.
      await fill(to)
      expect((await openStore(to).audit.verify()).brokenAt).toBeUndefined()
      expect((await dumped(to)).length).toBeGreaterThan(lines.length)
    })

    test('restored twice it is restored once', async () => {
      const lines = await dumped(from)
      await restore(to, lines)
      const once = await content(to)
      await restore(to, lines)
      expect(await content(to)).toEqual(once)
    })

    test('what is cut off, damaged or foreign changes nothing', async () => {
      await fill(to)
      await fillWithTheMoment(to)
      const lines = await dumped(from)
      const before = await content(to)
      const at = (n: number, text: string) => lines.with(n, text)
      const middle = Math.trunc(lines.length / 2)
      const account = lines.findIndex((line) => line.startsWith('{"table":"account"'))
      const newer = { ...JSON.parse(lines[0]!), migration: 'index from the future' }
      const spoilt: [string, string[]][] = [
        ['empty', []],
        ['only the head', lines.slice(0, 1)],
        ['no last line', lines.slice(0, -1)],
        ['half', lines.slice(0, middle)],
        ['cut within a line', [...lines.slice(0, middle), lines[middle]!.slice(0, 30)]],
        ['a line is missing', lines.toSpliced(middle, 1)],
        ['a line twice', lines.toSpliced(middle, 0, lines[middle]!)],
        ['two lines in the other order', lines.with(-3, lines.at(-2)!).with(-2, lines.at(-3)!)],
        ['a value changed', at(account, lines[account]!.replace(/"username":"\w/, '"username":"z'))],
        ['a column too many', at(account, lines[account]!.replace('"row":{', '"row":{"noSuchColumn":1,'))],
        ['not JSON', at(middle, 'hello')],
        ['not a row', at(middle, 'null')],
        ['a table of the moment', at(middle, '{"table":"outbox","row":{}}')],
        ['a table of its own', at(middle, '{"table":"x; drop table account","row":{}}')],
        ['of a newer version', at(0, JSON.stringify(newer))],
        ['something else', ['CREATE TABLE account (id int);', ...lines]],
        ['some other JSON', ['{"format":"other"}', ...lines.slice(1)]],
      ]
      for (const [what, text] of spoilt) {
        const failed = restore(to, text)
        await expect(failed, what).rejects.toMatchObject({
          code: 'import_unreadable',
          detail: expect.stringContaining('nothing was changed'),
        })
        expect(await content(to), what).toEqual(before)
      }
      const broken = async function* () {
        yield* lines.slice(0, middle)
        throw new Error('the disk went away')
      }
      await expect(load(to, broken(), () => {})).rejects.toThrow('the disk went away')
      expect(await content(to)).toEqual(before)
    })

    test('taken while others write, it is of one moment', async () => {
      const store = openStore(from)
      // Two settings that are always equal, and an audit whose head always fits: torn apart they would show.
      await store.transaction(async ({ settings }) => {
        await settings.set('twin.a', '0')
        await settings.set('twin.b', '0')
      })
      let stop = false
      const writing = (async () => {
        for (let n = 1; !stop; n++) {
          await new Promise((resolve) => setTimeout(resolve, 1))
          await store.transaction(async ({ settings, audit, accounts }) => {
            await settings.set('twin.a', String(n))
            await accounts.add(make.account())
            await settings.set('twin.b', String(n))
            await audit.append({ action: 'y', actor: 'y', subjectKind: 'y', subjectId: 'y', payload: { n } }, n, 's')
          })
        }
      })()
      try {
        for (let n = 0; n < 4; n++) {
          await restore(to, await dumped(from))
          const restored = openStore(to)
          const twins = await Promise.all(['twin.a', 'twin.b'].map((twin) => restored.settings.get(twin)))
          expect(twins[0]).toBe(twins[1])
          expect((await restored.audit.verify()).brokenAt).toBeUndefined()
        }
      } finally {
        stop = true
        await writing
      }
    })

    test('more rows than a page holds, each once', async () => {
      const store = openStore(from)
      const { account } = await make.people(store)
      await store.people.setGroups(
        account.id,
        Array.from({ length: 700 }, (_, n) => `g${n}`),
      )
      await from.transaction(async (knex) => {
        for (let n = 0; n < 12; n++) await knex('account').insert(Array.from({ length: 50 }, () => make.account()))
      })
      await restore(to, await dumped(from))
      expect((await openStore(to).people.groups(account.id)).length).toBe(700)
      expect((await to.knex('account')).length).toBe((await from.knex('account')).length)
    })
  })
}
