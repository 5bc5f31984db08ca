// Several instances on one MariaDB, at the same thing at the same moment: what its isolation alone would let through.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addAccount, setAccountClosed, setStaffRoles } from '../../src/usecases/accounts.ts'
import { listAppPasswords, MOST_APP_PASSWORDS, makeAppPassword } from '../../src/usecases/app-passwords.ts'
import { importMembers } from '../../src/usecases/import-members.ts'
import { ensureKeys, rotateKeys } from '../../src/usecases/keys.ts'
import { addMember, recordMemberEvent } from '../../src/usecases/members.ts'
import { nightly } from '../../src/usecases/nightly.ts'
import * as make from '../contract/store-records.ts'
import { fixture } from '../rosters/csv.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'
import { type Instance, type Stage, setUp, stage } from '../support/stage.ts'

let mariadb: Mariadb
let on: Stage
let all: Instance[]
beforeAll(async () => {
  mariadb = await startMariadb()
})
afterAll(() => mariadb.remove())
beforeEach(async () => {
  on = await stage(['files'], { database: (await mariadb.database()).url })
  await setUp(on)
  all = [on.first, await on.open({ owner: 'two' }), await on.open({ owner: 'three' })]
  return () => on.close()
})
const store = () => on.first.store
const each = <T>(work: (instance: Instance, n: number) => Promise<T>) => Promise.allSettled(all.map(work))
const fulfilled = (results: PromiseSettledResult<unknown>[]) =>
  results.filter(({ status }) => status === 'fulfilled').length

test('the first keys are one set, and a rotation publishes one next key', async () => {
  await each(({ core }) => ensureKeys(core))
  expect((await store().keys.list()).map(({ alg, state }) => `${alg} ${state}`).toSorted()).toEqual([
    'ES256 current',
    'RS256 current',
  ])
  expect(fulfilled(await each(({ core }) => rotateKeys(core)({ actor: 'test' })))).toBe(1)
  expect((await store().keys.list()).filter(({ state }) => state === 'next')).toHaveLength(2)
})

test('administrators do not unmake each other', async () => {
  for (let round = 0; round < 5; round++) {
    const admins = await Promise.all(
      all.map(({ core }) =>
        addAccount(core)({ givenName: make.word(), familyName: '', email: null, staffRoles: ['admin'], actor: 'test' }),
      ),
    )
    await each(({ core }, n) =>
      n === 0
        ? setAccountClosed(core)({ accountId: admins[n]!.id, closed: true, reason: 'x', actor: 'test' })
        : setStaffRoles(core)({ accountId: admins[n]!.id, roles: [], actor: 'test' }),
    )
    expect(await store().people.countStaff('admin')).toBeGreaterThan(0)
  }
})

test('a night that begins everywhere at once is one night', async () => {
  const { core } = on.first
  const account = await on.person()
  for (let n = 0; n < 8; n++)
    await addMember(core)({
      memberNumber: `m${n}`,
      kind: 'person',
      name: 'X',
      email: null,
      coveredUntilOn: '2026-06-15',
      actor: 'test',
    })
  await store().overrides.add(make.override({ accountId: account.id, begun: false, endsOn: null }))
  await store().overrides.add(make.override({ accountId: account.id, endsOn: '2026-06-15' }))
  on.clock.set('2026-06-16T00:10:00Z')
  expect(fulfilled(await each((instance) => nightly(instance.core, instance.reconciler, async () => {})()))).toBe(3)
  const changed = (await store().audit.list({ action: 'standing.changed', limit: 1000 })).filter(
    ({ actor }) => actor === 'clock',
  )
  expect(changed).toHaveLength(8)
  expect(await store().audit.list({ action: 'access.override_begun' })).toHaveLength(1)
  expect(await store().audit.list({ action: 'access.override_ended' })).toHaveLength(1)
  expect((await store().audit.verify()).brokenAt).toBeUndefined()
})

test('one file imported by three at once is imported once', async () => {
  const importers = all.map(({ core }) => importMembers(core))
  const plans = await Promise.all(importers.map((importer) => importer.plan([fixture('galette-fr.csv')])))
  const results = await Promise.allSettled(
    importers.map((importer, n) => importer.apply(plans[n]!, { actor: 'test', confirmed: false })),
  )
  // Two that add the same member at one moment: one of them is told, and may import again.
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' })
  expect(fulfilled(results)).toBeGreaterThan(0)
  const again = await importers[0]!.plan([fixture('galette-fr.csv')])
  await importers[0]!.apply(again, { actor: 'test', confirmed: false })
  expect(await store().members.list({})).toHaveLength(plans[0]!.report.rows)
  expect((await importers[0]!.plan([fixture('galette-fr.csv')])).report).toMatchObject({ new: 0, changed: 0 })
})

test('facts of one member from everywhere: its standing follows from all of them', async () => {
  const member = await addMember(on.first.core)({
    memberNumber: '7',
    kind: 'person',
    name: 'X',
    email: null,
    coveredUntilOn: '2026-12-31',
    actor: 'test',
  })
  for (const kind of ['resigned', 'readmitted', 'expelled', 'readmitted'] as const) {
    on.clock.advance(1000)
    expect(
      fulfilled(await each(({ core }) => recordMemberEvent(core)({ memberId: member.id, kind, actor: 'test' }))),
    ).toBe(3)
    expect((await store().standings.get(member.id))!.standing).toBe(kind === 'readmitted' ? 'current' : 'closed')
  }
})

test('suspensions back and forth, worked off by three: the last decision holds, and nobody meets in the service', async () => {
  const ids = (await Promise.all([1, 2, 3].map(() => on.person()))).map(({ id }) => id)
  const expected = new Map(ids.map((id) => [id, true]))
  const files = on.services.files!
  let turn = 0
  files.at = () => new Promise((resolve) => setTimeout(resolve, turn++ % 4))
  for (let n = 0; n < 24; n++) {
    const id = ids[(n * 2) % 3]!
    await (expected.get(id) ? on.suspend(id) : on.restore(id))
    expected.set(id, !expected.get(id))
    all[n % 3]!.reconciler.wake()
  }
  await expect
    .poll(
      async () => {
        await each(({ reconciler }) => reconciler.drain())
        return store().outbox.pending({})
      },
      { timeout: 30_000 },
    )
    .toEqual([])
  expect(ids.map((id) => files.rows()[id]?.open)).toEqual(ids.map((id) => expected.get(id)))
  expect(files.mostAtOnce).toBe(1)
})

test('of app passwords one of a name is made, and no more than the most there can be', async () => {
  const { id: accountId } = await on.person()
  const made = (name: string, { core }: Instance) =>
    makeAppPassword(core)({ accountId, name, scopes: ['imap'], actor: 'test' })
  expect(fulfilled(await each((instance) => made('the same', instance)))).toBe(1)
  for (let at = 1; at < MOST_APP_PASSWORDS - 1; at++) await made(`${at}`, on.first)
  expect(fulfilled(await each((instance, n) => made(`last ${n}`, instance)))).toBe(1)
  expect(await listAppPasswords(on.first.core)(accountId)).toHaveLength(MOST_APP_PASSWORDS)
})
