import { afterAll, beforeAll } from 'vitest'
import { storeContract } from '../contract/store.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'

let mariadb: Mariadb
beforeAll(async () => {
  mariadb = await startMariadb()
})
afterAll(() => mariadb.remove())

storeContract('MariaDB', async () => (await mariadb.database()).url)
