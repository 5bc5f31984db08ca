import { afterAll, beforeAll } from 'vitest'
import { countersAtOnce } from '../contract/counters.ts'
import { mailAtOnce } from '../contract/mail-at-once.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'

let mariadb: Mariadb
beforeAll(async () => {
  mariadb = await startMariadb()
})
afterAll(() => mariadb.remove())

const open = async () => (await mariadb.database()).url
countersAtOnce('MariaDB', open, 15)
mailAtOnce('MariaDB', open)
