import { afterAll, beforeAll } from 'vitest'
import { twoTreasurers } from '../contract/two-treasurers.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'

let mariadb: Mariadb
beforeAll(async () => {
  mariadb = await startMariadb()
})
afterAll(() => mariadb.remove())

twoTreasurers('MariaDB', async () => (await mariadb.database()).url)
