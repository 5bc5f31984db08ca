import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../adapters/sql/database.ts'
import { openOidcAdapter } from '../../adapters/sql/oidc.ts'
import { digestOf } from '../../adapters/sql/oidc-rows.ts'
import { oidcAdapterContract } from '../contract/oidc-adapter.ts'
import { providerRaces } from '../contract/provider-races.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'

let mariadb: Mariadb
beforeAll(async () => {
  mariadb = await startMariadb()
})
afterAll(() => mariadb.remove())

oidcAdapterContract('MariaDB', async () => (await mariadb.database()).url)

test('every connection takes no gap locks, and refuses a value that is too long', async () => {
  const db = openDatabase((await mariadb.database()).url)
  const sql = 'select @@tx_isolation as isolation, @@sql_mode as mode'
  const pool = db.pool!.promise()
  const settings = [await pool.execute(sql), await db.knex.raw(sql), await db.transaction((knex) => knex.raw(sql))]
  for (const [rows] of settings)
    expect(rows).toEqual([{ isolation: 'READ-COMMITTED', mode: expect.stringContaining('STRICT_ALL_TABLES') }])
  await db.close()
})

test('a revocation that waits for a lock does not stand for one that is asked for later', async () => {
  const { url } = await mariadb.database()
  const adapter = await openOidcAdapter(url)
  const db = openDatabase(url)
  const save = (jti: string) => adapter('AccessToken').upsert(jti, { jti, grantId: 'g' }, 60)
  await save('first')
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: locked, resolve: lock } = Promise.withResolvers<void>()
  const holding = db.transaction(async (knex) => {
    await knex('oidc_model')
      .where({ grantId: digestOf('Grant', 'g') })
      .forUpdate()
    lock()
    await released
  })
  await locked
  const revocations = [adapter('AccessToken').revokeByGrantId('g')]
  await new Promise((resolve) => setTimeout(resolve, 50))
  const later = Array.from({ length: 20 }, (_, at) => `later-${at}`)
  for (const jti of later) await save(jti)
  revocations.push(adapter('AccessToken').revokeByGrantId('g'))
  release()
  await Promise.all([holding, ...revocations])
  for (const jti of ['first', ...later]) expect(await adapter('AccessToken').find(jti)).toBeUndefined()
  await Promise.all([db.close(), adapter.close()])
})

providerRaces(
  'two providers on MariaDB',
  async () => (await mariadb.database()).url,
  async () => {
    await mariadb.stop()
    return 'database_unavailable'
  },
)
