import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { backupContract } from '../contract/backup.ts'
import { migrationsContract } from '../contract/migrations.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'

let folder: string
let mariadb: Mariadb
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedar-backup-'))
  mariadb = await startMariadb()
})
afterAll(async () => {
  await mariadb.remove()
  await rm(folder, { recursive: true, force: true })
})
const sqlite = async () => `sqlite:${join(folder, `${randomUUID()}.db`)}`
const onMariadb = async () => (await mariadb.database()).url

migrationsContract('MariaDB', onMariadb)
backupContract('SQLite to MariaDB', sqlite, onMariadb)
backupContract('MariaDB to SQLite', onMariadb, sqlite)
backupContract('MariaDB to MariaDB', onMariadb, onMariadb)
