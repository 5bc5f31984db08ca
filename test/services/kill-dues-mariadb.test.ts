import { afterAll, beforeAll } from 'vitest'
import { killedDues } from '../contract/killed-dues.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'

let mariadb: Mariadb
beforeAll(async () => {
  mariadb = await startMariadb()
})
afterAll(() => mariadb.remove())

// A fifth of what SQLite is given: each round costs more here, and what can be torn is the same.
killedDues('MariaDB', async () => (await mariadb.database()).url, {
  kills: 12,
  payers: 100,
  others: 400,
  suspended: { payers: 60, others: 140 },
})
