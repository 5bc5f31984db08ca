import { afterAll, beforeAll } from 'vitest'
import { peopleAtOnce } from '../contract/people-at-once.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'

let mariadb: Mariadb
beforeAll(async () => {
  mariadb = await startMariadb()
})
afterAll(() => mariadb.remove())

peopleAtOnce('MariaDB', async () => (await mariadb.database()).url)
